"""Requests by Twilio's libraries for the account and the call that a validation request names."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from support.clients.node import run_script
from support.code_blocks import client_page, readme_block
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess
from support.waiting import eventually

pytestmark = pytest.mark.usefixtures("direct")

COURSE = ["queued", "ringing", "in-progress", "completed"]
NOBODY = "CA" + "0" * 32


@pytest.fixture
def client(quick_server: ServerProcess) -> Iterator[Client]:
    names: dict[str, Any] = {}
    exec(readme_block("python-line", page=client_page("python"), base_url=quick_server.base_url), names)  # noqa: S102
    yield names["client"]
    names["client"].http_client.session.close()


def completed_call(client: Client, number: str) -> Any:
    """Verify a number, and return its completed call."""
    sid = client.validation_requests.create(phone_number=number).call_sid

    def look() -> Any:
        call = client.calls(sid).fetch()
        return call if call.status == "completed" else None

    return eventually(look, what="the call completed")


def test_python_fetches_the_account(client: Client) -> None:
    account = client.api.v2010.accounts(ACCOUNT_SID).fetch()

    assert (account.sid, account.owner_account_sid, account.auth_token) == (ACCOUNT_SID, ACCOUNT_SID, AUTH_TOKEN)
    assert (account.friendly_name, account.status, account.type) == ("ringback", "active", "Full")
    assert account.date_created.utcoffset() == timedelta()
    assert set(account.subresource_uris) == {"calls", "incoming_phone_numbers", "outgoing_caller_ids"}


def test_python_follows_a_call_from_queued_to_completed(client: Client) -> None:
    request = client.validation_requests.create(phone_number="+14158675320", call_delay=1)
    call = client.calls(request.call_sid).fetch()
    seen = [call.status]

    def look() -> bool:
        seen.append(call.fetch().status)
        return "completed" in seen

    eventually(look, what="the call completed")

    assert seen[0] == "queued"
    assert (call.start_time, call.end_time, call.duration) == (None, None, None)
    assert seen == sorted(seen, key=COURSE.index)


def test_python_reads_the_fields_of_a_call(client: Client) -> None:
    call = completed_call(client, "+14158675321")

    assert (call.to, call.to_formatted) == ("+14158675321", "(415) 867-5321")
    assert (call._from, call.from_formatted) == ("+14157234000", "(415) 723-4000")  # noqa: SLF001 - the library's name for From
    assert (call.account_sid, call.direction, call.price_unit) == (ACCOUNT_SID, "outbound-api", "USD")
    assert call.date_created <= call.start_time <= call.end_time == call.date_updated
    assert call.duration == "0"
    assert (call.price, call.parent_call_sid, call.phone_number_sid) == (None, None, None)


def test_python_lists_calls_over_pages_and_by_every_filter(client: Client) -> None:
    number = "+14158675322"
    older = [client.validation_requests.create(phone_number=number, call_delay=5).call_sid for _ in range(3)]
    newest = completed_call(client, number)
    today = datetime.now(UTC)
    yesterday, tomorrow = today - timedelta(days=1), today + timedelta(days=1)

    def listed(**wanted: Any) -> list[str]:
        return [call.sid for call in client.calls.list(to=number, **wanted)]

    assert listed() == [newest.sid, *reversed(older)]
    assert listed(limit=2) == [newest.sid, older[2]]
    assert listed(page_size=1) == [newest.sid, *reversed(older)]
    assert listed(status="failed") == older[::-1]
    assert listed(from_="+14157234000", status="completed") == [newest.sid]
    assert listed(parent_call_sid=NOBODY) == []
    assert listed(start_time=newest.start_time) == [newest.sid]
    assert listed(start_time_after=yesterday, end_time_before=tomorrow) == [newest.sid]
    assert listed(start_time_before=yesterday) == []
    assert listed(end_time_after=tomorrow) == []
    assert listed(start_time_after=newest.start_time.date(), page_size=1) == [newest.sid]


def test_python_raises_the_librarys_exception_for_an_unknown_call(client: Client) -> None:
    with pytest.raises(TwilioRestException) as raised:
        client.calls(NOBODY).fetch()

    assert (raised.value.status, raised.value.code) == (404, 20404)


def test_python_cannot_create_or_delete_a_call(client: Client) -> None:
    call = completed_call(client, "+14158675323")

    for ask in (
        lambda: client.calls.create(to="+14158675324", from_="+14157234000", url="http://example.com"),
        call.delete,
    ):
        with pytest.raises(TwilioRestException) as raised:
            ask()
        assert (raised.value.status, raised.value.code) == (405, 20004)


@pytest.mark.node
def test_node_fetches_the_account_and_the_call(quick_server: ServerProcess) -> None:
    number = "+14158675325"

    followed = run_script("followUps", quick_server.base_url, phoneNumber=number)

    seen = followed["statuses"]
    assert seen[0] == "queued"
    assert seen[-1] == "completed"
    assert seen == sorted(seen, key=COURSE.index)
    assert followed["account"] == {"sid": ACCOUNT_SID, "status": "active", "type": "Full", "isDated": True}
    assert followed["call"] == {"to": number, "from": "+14157234000", "duration": "0", "isTimed": True}
    assert followed["listed"] == [followed["sid"]]
    assert followed["byDay"] == [followed["sid"]]
    assert followed["missing"] == {"status": 404, "code": 20404}
