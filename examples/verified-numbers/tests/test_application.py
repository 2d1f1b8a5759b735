"""What the service asks of Twilio, what it answers, and whose word it takes: Twilio itself is played."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from requests import ConnectionError as NoConnection
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator

from verified_numbers.application import app
from verified_numbers.twilio_account import request_validator, twilio_client

AUTH_TOKEN = "the account's own"
WANTED = {"user": "Ada", "phone_number": "+14158675309"}


@pytest.fixture(autouse=True)
def twilio() -> Iterator[Mock]:
    """Play Twilio's client, which answers as if all were well."""
    played = Mock()
    played.validation_requests.create.return_value.validation_code = "012345"
    validator = RequestValidator(AUTH_TOKEN)
    app.dependency_overrides = {twilio_client: lambda: played, request_validator: lambda: validator}
    yield played
    app.dependency_overrides = {}


def begun(service: httpx.Client) -> dict[str, Any]:
    shown: dict[str, Any] = service.post("/verifications", json=WANTED).raise_for_status().json()
    return shown


def call_back(service: httpx.Client, path: str, form: dict[str, str], *, token: str = AUTH_TOKEN) -> int:
    """Send a StatusCallback as Twilio does, and return the answer's status."""
    signature = RequestValidator(token).compute_signature(str(service.base_url.join(path)), form)
    return service.post(path, data=form, headers={"X-Twilio-Signature": signature}).status_code


def test_a_verification_shows_the_code_and_is_told_to_twilio(service: httpx.Client, twilio: Mock) -> None:
    shown = begun(service)

    assert (shown["validation_code"], shown["outcome"]) == ("012345", "calling")
    twilio.validation_requests.create.assert_called_once_with(
        phone_number="+14158675309",
        friendly_name="Ada",
        status_callback=str(service.base_url.join(f"/verifications/{shown['id']}/outcome")),
    )


@pytest.mark.parametrize(("told", "outcome"), [("success", "verified"), ("failed", "failed")])
def test_the_outcome_is_what_twilio_calls_back(service: httpx.Client, told: str, outcome: str) -> None:
    path = f"/verifications/{begun(service)['id']}"

    status = call_back(service, f"{path}/outcome", {"VerificationStatus": told, "CallStatus": "completed"})

    assert status == 204
    assert service.get(path).json()["outcome"] == outcome


def test_nobody_else_is_believed(service: httpx.Client) -> None:
    path = f"/verifications/{begun(service)['id']}"
    form = {"VerificationStatus": "success"}

    forged = call_back(service, f"{path}/outcome", form, token="another token")
    unsigned = service.post(f"{path}/outcome", data=form).status_code

    assert (forged, unsigned) == (403, 403)
    assert service.get(path).json()["outcome"] == "calling"


def test_a_callback_for_a_verification_of_long_ago_is_taken(service: httpx.Client) -> None:
    assert call_back(service, "/verifications/gone/outcome", {"VerificationStatus": "success"}) == 204
    assert service.get("/verifications/gone").status_code == 404


def test_what_twilio_says_against_a_number_is_passed_on(service: httpx.Client, twilio: Mock) -> None:
    said = TwilioRestException(400, "/OutgoingCallerIds.json", "Phone number is already verified.", code=21450)
    twilio.validation_requests.create.side_effect = said

    answer = service.post("/verifications", json=WANTED)

    assert answer.status_code == 400
    assert answer.json() == {"detail": "Phone number is already verified.", "twilio_code": 21450}


def test_while_twilio_cannot_be_reached_the_service_says_so(service: httpx.Client, twilio: Mock) -> None:
    twilio.validation_requests.create.side_effect = NoConnection()

    assert service.post("/verifications", json=WANTED).status_code == 503


def test_verified_numbers_are_listed_with_their_owners(service: httpx.Client, twilio: Mock) -> None:
    found = Mock(sid="PN1", friendly_name="Ada", phone_number="+14158675309")
    twilio.outgoing_caller_ids.list.return_value = [found]

    assert service.get("/numbers").json() == [{"sid": "PN1", "user": "Ada", "phone_number": "+14158675309"}]


def test_a_number_can_be_taken_away(service: httpx.Client, twilio: Mock) -> None:
    assert service.delete("/numbers/PN1").status_code == 204

    twilio.outgoing_caller_ids.assert_called_once_with("PN1")
    twilio.outgoing_caller_ids.return_value.delete.assert_called_once_with()


def test_a_welcome_goes_to_the_verified_number(service: httpx.Client, twilio: Mock) -> None:
    twilio.outgoing_caller_ids.return_value.fetch.return_value = Mock(friendly_name="Ada", phone_number="+14158675309")

    assert service.post("/numbers/PN1/welcome").status_code == 202

    twilio.messages.create.assert_called_once_with(to="+14158675309", from_="Numbers", body="Welcome, Ada!")
