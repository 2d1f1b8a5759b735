"""Small applications written from Twilio's documentation, without knowledge of ringback."""

from collections.abc import Iterator
from typing import Any

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException  # type: ignore[import-untyped]
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from support.clients.node import run_script
from support.code_blocks import client_page, readme_block
from support.receivers.receiver import CallbackReceiver
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess

pytestmark = pytest.mark.usefixtures("direct")

OWNED, VERIFIED, CUSTOMERS = "+15105556060", "+15105556161", "+14158675341"


def caller_id_choices(client: Client) -> list[str]:
    """Return the numbers from which an application may call. Raises an error if one of the two requests fails."""
    owned = [number for number in client.incoming_phone_numbers.list() if number.capabilities["voice"]]
    verified = client.outgoing_caller_ids.list()
    return sorted(number.phone_number for number in (*owned, *verified))


class Tenant:
    """A customer of an application, with a subaccount of the application's account."""

    def __init__(self, client: Client, base_url: str, name: str) -> None:
        subaccount = client.api.v2010.accounts.create(friendly_name=name)
        self.client = python_client(base_url, subaccount.sid, subaccount.auth_token)
        self.validator = RequestValidator(subaccount.auth_token)
        self.sid = subaccount.sid

    def verify(self, number: str, status_callback: str) -> Any:
        return self.client.validation_requests.create(number, status_callback=status_callback)


def python_client(base_url: str, account_sid: str = ACCOUNT_SID, auth_token: str = AUTH_TOKEN) -> Client:
    names: dict[str, Any] = {}
    lines = readme_block("python-line", page=client_page("python"), base_url=base_url)
    exec(lines.replace(ACCOUNT_SID, account_sid).replace(AUTH_TOKEN, auth_token), names)  # noqa: S102
    return names["client"]


@pytest.fixture
def client(quick_server: ServerProcess) -> Iterator[Client]:
    client = python_client(quick_server.base_url)
    yield client
    client.http_client.session.close()


@pytest.fixture(scope="module")
def choices(quick_server: ServerProcess) -> Iterator[list[str]]:
    """Add an owned and a verified number to the account."""
    with quick_server.client() as control:
        account = f"/_ringback/accounts/{ACCOUNT_SID}"
        owned = control.post(f"{account}/incoming-phone-numbers", json={"phone_number": OWNED}).json()
        verified = control.post(f"{account}/caller-ids", json={"phone_number": VERIFIED}).json()
        yield [OWNED, VERIFIED]
        control.delete(f"{account}/incoming-phone-numbers/{owned['sid']}")
        control.delete(f"{account}/caller-ids/{verified['sid']}")


def test_python_application_lists_owned_and_verified_numbers(client: Client, choices: list[str]) -> None:
    assert set(caller_id_choices(client)) >= set(choices)


@pytest.mark.node
def test_node_application_lists_owned_and_verified_numbers(quick_server: ServerProcess, choices: list[str]) -> None:
    assert set(run_script("callerIdChoices", quick_server.base_url)) >= set(choices)


def test_application_creates_a_subaccount_and_verifies_a_number_on_it(
    quick_server: ServerProcess, client: Client
) -> None:
    tenant = Tenant(client, quick_server.base_url, "A customer")
    with CallbackReceiver() as receiver:
        request = tenant.verify(CUSTOMERS, f"{receiver.url}/status")
        [callback] = receiver.wait_for(1)

    assert callback.form["AccountSid"] == request.account_sid == tenant.sid
    assert callback.form["VerificationStatus"] == "success"
    signature = callback.headers["X-Twilio-Signature"]
    assert tenant.validator.validate(f"{receiver.url}/status", callback.form, signature)
    assert not RequestValidator(AUTH_TOKEN).validate(f"{receiver.url}/status", callback.form, signature)
    assert caller_id_choices(tenant.client) == [CUSTOMERS]
    assert CUSTOMERS not in caller_id_choices(client)
    tenant.client.http_client.session.close()


def test_application_suspends_and_closes_the_subaccount_of_a_customer(
    quick_server: ServerProcess, client: Client
) -> None:
    tenant = Tenant(client, quick_server.base_url, "Another customer")
    subaccount = client.api.v2010.accounts(tenant.sid)

    assert subaccount.update(status="suspended").status == "suspended"
    with pytest.raises(TwilioException, match="HTTP 401"):
        caller_id_choices(tenant.client)
    assert subaccount.update(status="active").status == "active"
    assert caller_id_choices(tenant.client) == []
    subaccount.update(status="closed")
    with pytest.raises(TwilioRestException) as closed:
        subaccount.update(status="active")

    assert (closed.value.status, closed.value.code) == (400, 21479)
    assert [account.sid for account in client.api.v2010.accounts.list(status="closed")] == [tenant.sid]
    tenant.client.http_client.session.close()
