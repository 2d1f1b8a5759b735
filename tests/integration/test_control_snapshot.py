"""The control API: snapshots of the whole state."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ringback.domain.account_clock import ClockMode
from ringback.domain.timestamps import EARLIEST, from_datetime
from ringback.operations.clocks import set_clock
from ringback.operations.snapshot import read_snapshot, restore_snapshot, take_snapshot
from ringback.storage import journal_tables as journals
from ringback.storage.snapshots import SNAPSHOT_TABLES
from ringback.storage.tables import metadata
from support.domain_values import ACCOUNT_SID, NUMBER
from support.in_process.control import Controlled, ControlledAccount
from support.in_process.simulation import Simulation
from support.receivers.receiver import CallbackReceiver

pytestmark = pytest.mark.anyio

OTHER_NUMBER = "+14158675301"


async def take(controlled: Controlled) -> dict[str, Any]:
    answer = await controlled.ask("GET", "/snapshot")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def everything(account: ControlledAccount, *sids: str) -> list[bytes]:
    """Return all data of an account that the control API shows."""
    answers = [
        await account.twilio("GET", "/OutgoingCallerIds.json"),
        await account.twilio("GET", "/OutgoingCallerIds"),
        await account.control("GET"),
        await account.control("GET", "/calls"),
        await account.control("GET", "/clock"),
        await account.control("GET", "/events", wait_seconds=0),
        *[await account.control("GET", f"/calls/{sid}/callbacks") for sid in sids],
        *[await account.control("GET", f"/phones/{number}") for number in (NUMBER, OTHER_NUMBER, "default")],
    ]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.content for answer in answers]


async def fill_account(account: ControlledAccount) -> list[str]:
    """Create data in every table, and return the SIDs of the calls."""
    await account.control("PUT", "/clock", {"mode": "frozen", "now": "2020-02-29T12:00:00Z"})
    await account.control("PUT", f"/phones/{OTHER_NUMBER}", {"behavior": "busy", "ring_seconds": 2})
    await account.control("POST", f"/phones/{NUMBER}/script", ["mistype-once", "hang-up"])
    with CallbackReceiver() as receiver:
        done = (await account.validate(NUMBER, StatusCallback=receiver.url))["call_sid"]
        busy = (await account.validate(OTHER_NUMBER, StatusCallback=receiver.url))["call_sid"]
        await account.advance(60)
    waiting = (await account.validate("+14158675302", CallDelay=30))["call_sid"]
    return [done, busy, waiting]


def test_snapshot_contains_every_table() -> None:
    assert journals.events in SNAPSHOT_TABLES
    assert {table.name for table in SNAPSHOT_TABLES} == set(metadata.tables)


async def test_snapshot_restores_the_state_byte_for_byte(controlled: Controlled) -> None:
    account = await controlled.account(friendly_name="Shop", owner_email="owner@example.com")
    sids = await fill_account(account)
    before = await everything(account, *sids)

    snapshot = await take(controlled)
    await controlled.ask("POST", "/reset")
    gone = await account.control("GET")
    answer = await controlled.ask("PUT", "/snapshot", snapshot)

    assert gone.status_code == 404
    assert (answer.status_code, answer.content) == (204, b"")
    assert await take(controlled) == snapshot
    assert await everything(account, *sids) == before


async def test_pending_work_continues_after_a_restore(controlled: Controlled) -> None:
    account = await controlled.account()
    *_, waiting = await fill_account(account)
    snapshot = await take(controlled)
    await controlled.ask("POST", "/reset")

    await controlled.ask("PUT", "/snapshot", snapshot)
    await account.advance(60)

    assert (await account.call(waiting))["verification_status"] == "success"


def test_call_due_before_the_year_1_is_restored(simulation: Simulation) -> None:
    """A clock that was set to a year thousands of years ahead puts the system time of a due call before the year 1."""
    unit_of_work, system_now = simulation.unit_of_work, simulation.clock.now()
    sid = simulation.validate().call_sid
    year_9000 = from_datetime(datetime(9000, 1, 1, tzinfo=UTC))
    set_clock(unit_of_work, ACCOUNT_SID, mode=ClockMode.RUNNING, account_now=year_9000, system_now=system_now)
    due = unit_of_work.due_calls.next_due()

    restore_snapshot(unit_of_work, read_snapshot(take_snapshot(unit_of_work)), system_now=system_now)

    assert due is not None
    assert due < EARLIEST
    assert unit_of_work.due_calls.next_due() == due
    assert not simulation.call(sid).is_ended


async def test_changes_after_the_snapshot_are_deleted_by_a_restore(
    controlled: Controlled, account: ControlledAccount
) -> None:
    snapshot = await take(controlled)
    later = await controlled.account()
    sid = (await account.validate())["call_sid"]

    await controlled.ask("PUT", "/snapshot", snapshot)

    assert (await later.control("GET")).status_code == 404
    assert (await account.control("GET", f"/calls/{sid}")).status_code == 404


async def test_events_after_a_restored_snapshot_have_new_ids(
    controlled: Controlled, account: ControlledAccount
) -> None:
    await account.validate()
    snapshot = await take(controlled)
    last = (await account.events())[-1]["id"]

    await controlled.ask("PUT", "/snapshot", snapshot)
    await account.advance(60)

    assert [event["type"] for event in await account.events(after=last)][-1] == "call.ended"


def through_javascript_numbers(value: Any) -> Any:
    """Return a document after a round trip through JavaScript numbers."""
    if isinstance(value, dict):
        return {name: through_javascript_numbers(part) for name, part in value.items()}
    if isinstance(value, list):
        return [through_javascript_numbers(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


async def test_snapshot_with_integers_for_floats_is_restored(controlled: Controlled) -> None:
    account = await controlled.account()
    sids = await fill_account(account)
    before = await everything(account, *sids)
    snapshot = await take(controlled)

    answer = await controlled.ask("PUT", "/snapshot", through_javascript_numbers(snapshot))

    assert answer.status_code == 204
    assert await everything(account, *sids) == before


async def broken(controlled: Controlled, **changes: Any) -> tuple[int, str]:
    """PUT a changed snapshot, and return the status and the error."""
    snapshot = await take(controlled)
    answer = await controlled.ask("PUT", "/snapshot", {**snapshot, **changes})
    return answer.status_code, answer.text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": "20991231_later"}, "version 20991231_later"),
        ({"version": ["20991231_later"]}, "20991231_later"),
        ({"version": None}, "version None"),
        ({"digest": "0" * 64}, "truncated or edited"),
        ({"tables": {}}, "truncated or edited"),
        ({"tables": {"accounts": [{"sid": [1]}]}}, "accounts.0.sid"),
        ({"tables": None}, "tables"),
        ({"more": 1}, "nothing else"),
    ],
)
async def test_invalid_snapshot_is_rejected_and_changes_nothing(
    controlled: Controlled, account: ControlledAccount, changes: dict[str, Any], reason: str
) -> None:
    sids = await fill_account(account)
    before = await everything(account, *sids)

    status, text = await broken(controlled, **changes)

    assert status == 422
    assert reason in text
    assert await everything(account, *sids) == before


async def test_snapshot_with_invalid_rows_is_rejected_and_changes_nothing(
    controlled: Controlled, account: ControlledAccount
) -> None:
    from ringback.operations.snapshot_document import digest_of  # noqa: PLC0415 - to forge a digest

    sids = await fill_account(account)
    before = await everything(account, *sids)
    tables = (await take(controlled))["tables"]
    other_tables = [
        {**tables, "accounts": []},
        {**tables, "accounts": [tables["accounts"][0], tables["accounts"][0]]},
        {**tables, "accounts": [{**tables["accounts"][0], "auth_token": None}]},
        {**tables, "accounts": [{"sid": "AC1"}]},
        {"accounts": tables["accounts"]},
    ]

    answers = [await broken(controlled, tables=other, digest=digest_of(other)) for other in other_tables]

    assert [status for status, _ in answers] == [422] * len(other_tables), answers
    assert await everything(account, *sids) == before


async def test_snapshot_with_equal_auth_tokens_of_an_account_is_rejected(controlled: Controlled) -> None:
    from ringback.operations.snapshot_document import digest_of  # noqa: PLC0415 - to forge a digest

    account = await controlled.account()
    tables = (await take(controlled))["tables"]
    rows = [{**row, "secondary_auth_token": row["auth_token"]} for row in tables["accounts"]]
    equal = {**tables, "accounts": rows}

    status, text = await broken(controlled, tables=equal, digest=digest_of(equal))

    assert status == 422
    assert "accounts.0: secondary_auth_token must differ from auth_token" in text
    assert (await account.control("GET")).status_code == 200
