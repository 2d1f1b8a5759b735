"""Twilio's library for Python, newest version, with the code of docs/clients/python.md."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from support.code_blocks import client_page, readme_block
from support.receivers.receiver import CallbackReceiver
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess, caller_ids_path
from support.waiting import eventually

pytestmark = pytest.mark.usefixtures("direct")

NOBODY = "PN" + "0" * 32
MISSING = f"The requested resource {caller_ids_path()}/{NOBODY}.json was not found"


def client_at(server: ServerProcess) -> Client:
    names: dict[str, Any] = {}
    exec(readme_block("python-line", page=client_page("python"), base_url=server.base_url), names)  # noqa: S102
    client: Client = names["client"]
    return client


@pytest.fixture
def client(quick_server: ServerProcess) -> Iterator[Client]:
    made = client_at(quick_server)
    yield made
    made.http_client.session.close()


@pytest.fixture
def full_client(full_server: ServerProcess) -> Iterator[Client]:
    made = client_at(full_server)
    yield made
    made.http_client.session.close()


def test_python_page_code_creates_a_client_for_the_initial_account(client: Client) -> None:
    assert (client.username, client.password) == (ACCOUNT_SID, AUTH_TOKEN)


def test_caller_id_is_verified_fetched_updated_and_deleted(client: Client, receiver: CallbackReceiver) -> None:
    number = "+14158675301"

    request = client.validation_requests.create(
        phone_number="(415) 867-5301", friendly_name="Front desk", status_callback=f"{receiver.url}/python"
    )
    listed = eventually(
        lambda: next(client.outgoing_caller_ids.stream(phone_number=number), None), what="the number listed"
    )
    fetched = client.outgoing_caller_ids(listed.sid).fetch()
    updated = fetched.update(friendly_name="Back office")
    found = client.outgoing_caller_ids.list(phone_number=number, friendly_name="Back office")
    found_by_old_name = client.outgoing_caller_ids.list(phone_number=number, friendly_name="Front desk")
    deleted = updated.delete()
    with pytest.raises(TwilioRestException) as after_deletion:
        fetched.fetch()

    assert (request.account_sid, request.phone_number, request.friendly_name) == (ACCOUNT_SID, number, "Front desk")
    assert len(request.validation_code) == 6
    assert request.validation_code.isdecimal()
    [callback] = receiver.wait_for(1)
    assert callback.form["CallSid"] == request.call_sid
    assert callback.form["OutgoingCallerIdSid"] == listed.sid
    assert (fetched.sid, fetched.account_sid, fetched.phone_number) == (listed.sid, ACCOUNT_SID, number)
    assert fetched.date_created is not None
    assert fetched.date_created.utcoffset() is not None
    assert fetched.uri == f"/2010-04-01/Accounts/{ACCOUNT_SID}/OutgoingCallerIds/{listed.sid}.json"
    assert updated.friendly_name == "Back office"
    assert [caller_id.sid for caller_id in found] == [listed.sid]
    assert found_by_old_name == []
    assert deleted is True
    assert (after_deletion.value.status, after_deletion.value.code) == (404, 20404)


def test_stream_fetches_all_pages_and_yields_each_number_once(full_client: Client) -> None:
    streamed = [caller_id.friendly_name for caller_id in full_client.outgoing_caller_ids.stream(page_size=50)]

    assert streamed == [f"number {position}" for position in reversed(range(120))]


@pytest.mark.parametrize("limit", [1, 50, 51, 120, 500])
def test_limit_applies_across_pages(full_client: Client, limit: int) -> None:
    listed = full_client.outgoing_caller_ids.list(limit=limit, page_size=50)

    assert len(listed) == min(limit, 120)
    assert listed[0].friendly_name == "number 119"


def test_limit_without_a_page_size_requests_pages_of_that_size(full_client: Client) -> None:
    listed = full_client.outgoing_caller_ids.list(limit=7)

    assert [caller_id.friendly_name for caller_id in listed] == [f"number {119 - step}" for step in range(7)]


def test_pages_are_followed_to_the_end_and_back(full_client: Client) -> None:
    first = full_client.outgoing_caller_ids.page(page_size=50)
    second = first.next_page()
    assert second is not None
    third = second.next_page()
    assert third is not None
    back = third.previous_page()
    assert back is not None

    sizes = [len(list(page)) for page in (first, third)]

    assert sizes == [50, 20]
    assert third.next_page_url is None
    assert first.previous_page_url is None
    assert [caller_id.sid for caller_id in back] == [caller_id.sid for caller_id in second]


def test_filter_is_kept_across_pages(full_client: Client) -> None:
    page = full_client.outgoing_caller_ids.page(friendly_name="number 7", page_size=1)

    assert [caller_id.phone_number for caller_id in page] == ["+14158675007"]
    assert page.next_page_url is None


ERRORS: dict[str, tuple[Callable[[Client], object], int, int, str]] = {
    "an unknown caller ID": (
        lambda client: client.outgoing_caller_ids(NOBODY).fetch(),
        404,
        20404,
        f"Unable to fetch record: {MISSING}",
    ),
    "an update of an unknown caller ID": (
        lambda client: client.outgoing_caller_ids(NOBODY).update(friendly_name="x"),
        404,
        20404,
        f"Unable to update record: {MISSING}",
    ),
    "a number that is none": (
        lambda client: client.validation_requests.create(phone_number="12"),
        400,
        21211,
        "Unable to create record: The phone number 12 is not a valid phone number",
    ),
    "no number": (
        lambda client: client.validation_requests.create(phone_number=""),
        400,
        21201,
        "Unable to create record: PhoneNumber is required: no number to call was given",
    ),
}


@pytest.mark.parametrize("what", ERRORS)
def test_error_is_raised_as_the_librarys_exception(client: Client, what: str) -> None:
    ask, status, code, message = ERRORS[what]

    with pytest.raises(TwilioRestException) as raised:
        ask(client)

    assert (raised.value.status, raised.value.code, raised.value.msg) == (status, code, message)
    assert urlsplit(raised.value.uri).path.startswith(f"/Accounts/{ACCOUNT_SID}/OutgoingCallerIds")


def test_verified_number_is_refused_with_code_21450(full_client: Client) -> None:
    with pytest.raises(TwilioRestException) as raised:
        full_client.validation_requests.create(phone_number="+14158675000")

    assert (raised.value.status, raised.value.code) == (400, 21450)
    assert raised.value.msg == "Unable to create record: Phone number is already verified."
    assert raised.value.method == "POST"


@pytest.mark.parametrize(
    ("username", "password", "message"),
    [
        (ACCOUNT_SID, "wrong", "Authenticate"),
        ("AC" + "9" * 32, AUTH_TOKEN, "Authentication Error - invalid username"),
    ],
)
def test_wrong_credentials_raise_code_20003(
    quick_server: ServerProcess, client: Client, username: str, password: str, message: str
) -> None:
    stranger = Client(username, password, account_sid=ACCOUNT_SID, http_client=client.http_client)
    stranger.api.base_url = quick_server.base_url

    with pytest.raises(TwilioRestException) as raised:
        stranger.outgoing_caller_ids(NOBODY).fetch()
    with pytest.raises(TwilioException):
        stranger.outgoing_caller_ids.list()

    assert (raised.value.status, raised.value.code) == (401, 20003)
    assert raised.value.msg == f"Unable to fetch record: {message}"
