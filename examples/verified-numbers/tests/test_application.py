"""The routes of the service, tested with a mock of Twilio's client."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from requests import ConnectionError as RequestsConnectionError
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator

from verified_numbers.application import app
from verified_numbers.twilio_account import request_validator, twilio_client

AUTH_TOKEN = "auth token"
REQUEST_BODY = {"user": "Ada", "phone_number": "+14158675309"}


@pytest.fixture(autouse=True)
def twilio() -> Iterator[Mock]:
    """Replace Twilio's client with a mock that accepts every request."""
    client = Mock()
    client.validation_requests.create.return_value.validation_code = "012345"
    validator = RequestValidator(AUTH_TOKEN)
    app.dependency_overrides = {twilio_client: lambda: client, request_validator: lambda: validator}
    yield client
    app.dependency_overrides = {}


def start_verification(service: httpx.Client) -> dict[str, Any]:
    verification: dict[str, Any] = service.post("/verifications", json=REQUEST_BODY).raise_for_status().json()
    return verification


def send_callback(service: httpx.Client, path: str, form: dict[str, str], *, token: str = AUTH_TOKEN) -> int:
    """Send a StatusCallback as Twilio does, and return the status of the response."""
    signature = RequestValidator(token).compute_signature(str(service.base_url.join(path)), form)
    return service.post(path, data=form, headers={"X-Twilio-Signature": signature}).status_code


def test_verification_returns_the_code_and_sends_a_validation_request(service: httpx.Client, twilio: Mock) -> None:
    verification = start_verification(service)

    assert (verification["validation_code"], verification["outcome"]) == ("012345", "calling")
    twilio.validation_requests.create.assert_called_once_with(
        phone_number="+14158675309",
        friendly_name="Ada",
        status_callback=str(service.base_url.join(f"/verifications/{verification['id']}/outcome")),
    )


@pytest.mark.parametrize(("verification_status", "outcome"), [("success", "verified"), ("failed", "failed")])
def test_callback_sets_the_outcome(service: httpx.Client, verification_status: str, outcome: str) -> None:
    path = f"/verifications/{start_verification(service)['id']}"

    form = {"VerificationStatus": verification_status, "CallStatus": "completed"}
    status = send_callback(service, f"{path}/outcome", form)

    assert status == 204
    assert service.get(path).json()["outcome"] == outcome


def test_callback_without_a_valid_signature_is_rejected(service: httpx.Client) -> None:
    path = f"/verifications/{start_verification(service)['id']}"
    form = {"VerificationStatus": "success"}

    forged = send_callback(service, f"{path}/outcome", form, token="another token")
    unsigned = service.post(f"{path}/outcome", data=form).status_code

    assert (forged, unsigned) == (403, 403)
    assert service.get(path).json()["outcome"] == "calling"


def test_callback_for_an_unknown_verification_is_accepted(service: httpx.Client) -> None:
    assert send_callback(service, "/verifications/gone/outcome", {"VerificationStatus": "success"}) == 204
    assert service.get("/verifications/gone").status_code == 404


def test_error_from_twilio_is_returned(service: httpx.Client, twilio: Mock) -> None:
    error = TwilioRestException(400, "/OutgoingCallerIds.json", "Phone number is already verified.", code=21450)
    twilio.validation_requests.create.side_effect = error

    response = service.post("/verifications", json=REQUEST_BODY)

    assert response.status_code == 400
    assert response.json() == {"detail": "Phone number is already verified.", "twilio_code": 21450}


def test_unreachable_twilio_is_a_503(service: httpx.Client, twilio: Mock) -> None:
    twilio.validation_requests.create.side_effect = RequestsConnectionError()

    assert service.post("/verifications", json=REQUEST_BODY).status_code == 503


def test_verified_numbers_are_listed_with_their_owners(service: httpx.Client, twilio: Mock) -> None:
    caller_id = Mock(sid="PN1", friendly_name="Ada", phone_number="+14158675309")
    twilio.outgoing_caller_ids.list.return_value = [caller_id]

    assert service.get("/numbers").json() == [{"sid": "PN1", "user": "Ada", "phone_number": "+14158675309"}]


def test_number_can_be_deleted(service: httpx.Client, twilio: Mock) -> None:
    assert service.delete("/numbers/PN1").status_code == 204

    twilio.outgoing_caller_ids.assert_called_once_with("PN1")
    twilio.outgoing_caller_ids.return_value.delete.assert_called_once_with()


def test_welcome_is_sent_to_the_verified_number(service: httpx.Client, twilio: Mock) -> None:
    twilio.outgoing_caller_ids.return_value.fetch.return_value = Mock(friendly_name="Ada", phone_number="+14158675309")

    assert service.post("/numbers/PN1/welcome").status_code == 202

    twilio.messages.create.assert_called_once_with(to="+14158675309", from_="Numbers", body="Welcome, Ada!")
