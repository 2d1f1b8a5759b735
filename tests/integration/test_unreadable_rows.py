"""Rows that cannot be read, for example after a manual edit: each is reported, and work on other rows continues."""

import math
from typing import Any

import pytest
from sqlalchemy import Table
from structlog.testing import capture_logs

from ringback.control_api import callbacks
from ringback.domain.account_clock import ClockMode
from ringback.domain.accounts import ApiKey
from ringback.domain.callbacks import CallbackStatus
from ringback.domain.events import EventType
from ringback.domain.inbox import InboxMessage
from ringback.domain.permissions import FULL_ACCESS, NO_ACCESS
from ringback.domain.phones import PhoneBehavior
from ringback.domain.policies import NO_OVERRIDES, SignedPort
from ringback.domain.request_journal import AnsweredRequest
from ringback.domain.sids import ApiKeySid
from ringback.domain.signature_check import SignatureVerdict
from ringback.domain.timestamps import after
from ringback.operations.callbacks import callback_journal
from ringback.operations.clocks import next_event_time, recompute_due_times, set_clock
from ringback.operations.inbox import newest_messages
from ringback.operations.requests import newest_requests
from ringback.operations.snapshot_document import digest_of
from ringback.storage import unreadable_rows
from ringback.storage.database import Database, ProcessState
from ringback.storage.inbox_repository import InboxRepository
from ringback.storage.snapshots import SNAPSHOT_TABLES
from support.databases.templates import SQLITE, Template, only
from support.domain_values import ACCOUNT_SID
from support.in_process.control import Controlled, ControlledAccount
from support.in_process.outbox import Outbox
from support.in_process.simulation import Simulation, driver_connection, execute, query
from support.receivers.receiver import CallbackReceiver

DAMAGE = {
    "parameters that are not JSON": ("parameters", "'{'"),
    "parameters that are not pairs": ("parameters", "'[1]'"),
    "parameters that are not text": ("parameters", """'[["To", 1]]'"""),
    "parameters without a number": ("parameters", """'[["From", "+14157234000"]]'"""),
    "a URL that is not valid": ("url", "'no url'"),
    "a URL of another scheme": ("url", "'ftp://app.test/'"),
    "a URL with an impossible port": ("url", "'http://app.test:0/'"),
    "an unknown method": ("method", "'PUT'"),
    "a fault that is not JSON": ("fault", "'{'"),
    "an unknown fault": ("fault", """'{"explode": 1}'"""),
    "a fault of another kind": ("fault", """'{"status": 500}'"""),
    "a fault with a value of the wrong type": ("fault", """'{"duplicate": "many"}'"""),
    "a fault of two kinds": ("fault", """'{"duplicate": 2, "drop": true}'"""),
    "a negative number of attempts": ("attempts", "-1"),
}
SQLITE_DAMAGE = {
    "a blob for a URL": ("url", "x'00ff'"),
    "a blob for parameters": ("parameters", "x'00ff'"),
    "text for a number of attempts": ("attempts", "'many'"),
    "text for a due time": ("due_at", "'soon'"),
    "a blob for a due time": ("due_at", "x'00ff'"),
    "a fraction for a due time": ("due_at", "0.5"),
    "a URL that is not UTF-8": ("url", "CAST(x'ff41' AS TEXT)"),
    "parameters that are not UTF-8": ("parameters", "CAST(x'ff41' AS TEXT)"),
    "a fault that is not UTF-8": ("fault", "CAST(x'ff41' AS TEXT)"),
}


@pytest.fixture(autouse=True)
def _reported_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget which rows earlier tests have reported, so that they are reported again."""
    monkeypatch.setattr(unreadable_rows, "_reported", set())


def damage(outbox: Outbox, sid: str, column: str, value: str) -> None:
    execute(outbox.simulation.database, f"UPDATE status_callbacks SET {column} = {value} WHERE call_sid = '{sid}'")  # noqa: S608


async def assert_other_callbacks_are_delivered(
    outbox: Outbox, receiver: CallbackReceiver, column: str, value: str
) -> None:
    broken = outbox.enqueue(f"{receiver.url}/broken")
    others = [outbox.enqueue(f"{receiver.url}/good"), outbox.enqueue(receiver.url)]
    damage(outbox, broken, column, value)

    with capture_logs() as lines:
        await outbox.deliver()

    assert [outbox.summary(sid).status for sid in (broken, *others)] == ["failed", "delivered", "delivered"]
    assert sorted(received.target for received in receiver.received) == ["/", "/good"]
    [attempt] = outbox.attempts(broken)
    assert str(attempt.error).startswith(f"the stored callback cannot be read: {column}")
    assert not [line for line in lines if line.get("exc_info")]
    events = outbox.simulation.unit_of_work.events.find(ACCOUNT_SID, after_id=0, limit=1000, call_sid=broken)
    assert (events[-1].type, events[-1].data["error"]) == (EventType.CALLBACK_FAILED, attempt.error)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", list(DAMAGE))
async def test_unreadable_callback_fails_and_others_are_delivered(
    outbox: Outbox, receiver: CallbackReceiver, kind: str
) -> None:
    await assert_other_callbacks_are_delivered(outbox, receiver, *DAMAGE[kind])


@only(SQLITE)
@pytest.mark.anyio
@pytest.mark.parametrize("kind", list(SQLITE_DAMAGE))
async def test_callback_with_a_value_of_the_wrong_type_fails_and_others_are_delivered(
    outbox: Outbox, receiver: CallbackReceiver, kind: str
) -> None:
    await assert_other_callbacks_are_delivered(outbox, receiver, *SQLITE_DAMAGE[kind])


@pytest.mark.anyio
async def test_unreadable_callback_is_shown_as_failed(outbox: Outbox, receiver: CallbackReceiver) -> None:
    sid = outbox.enqueue(receiver.url)
    await outbox.deliver()
    damage(outbox, sid, "parameters", "'{'")

    journal = callback_journal(outbox.simulation.unit_of_work, sid)
    account = outbox.simulation.unit_of_work.accounts.find(ACCOUNT_SID)
    assert account is not None
    shown = await callbacks._journal_response(account, journal, SignedPort.AS_GIVEN)  # noqa: SLF001
    [(call, summary)] = outbox.simulation.unit_of_work.calls.newest(ACCOUNT_SID, limit=10)

    assert (shown.status, shown.idempotency_token) == ("failed", None)
    assert [(attempt.url, attempt.signature) for attempt in shown.callbacks] == [(f"{receiver.url}/", None)]
    assert (call.sid, summary and summary.status) == (sid, "delivered")


@pytest.mark.anyio
async def test_callback_with_an_unknown_status_is_listed_as_failed(outbox: Outbox, receiver: CallbackReceiver) -> None:
    sid = outbox.enqueue(receiver.url)
    await outbox.deliver()
    damage(outbox, sid, "status", "'odd'")

    [(call, summary)] = outbox.simulation.unit_of_work.calls.newest(ACCOUNT_SID, limit=10)

    assert (call.sid, summary and summary.status) == (sid, "failed")


@pytest.mark.anyio
async def test_unreadable_fault_is_not_triggered_and_callbacks_continue(
    outbox: Outbox, receiver: CallbackReceiver
) -> None:
    outbox.add_fault({"drop": True})
    execute(outbox.simulation.database, """UPDATE faults SET effect = '{"explode": 1}'""")
    sid = outbox.enqueue(receiver.url)

    with capture_logs() as lines:
        await outbox.deliver()

    assert outbox.status(sid) == CallbackStatus.DELIVERED
    assert [line["table"] for line in lines if line["event"] == "unreadable row"] == ["faults"]


@pytest.mark.parametrize(
    "effect",
    ["""{"status": 700}""", """{"status": 503, "body": 5}""", """{"delay_seconds":"x"}""", """{"drop":"x"}"""],
)
def test_fault_with_a_value_that_the_control_api_refuses_is_skipped(outbox: Outbox, effect: str) -> None:
    outbox.add_fault({"drop": True})
    execute(outbox.simulation.database, f"UPDATE faults SET operation = 'list-calls', effect = '{effect}'")  # noqa: S608

    with capture_logs() as lines:
        faults = list(outbox.simulation.unit_of_work.faults.all(ACCOUNT_SID))

    assert faults == []
    assert [line["table"] for line in lines if line["event"] == "unreadable row"] == ["faults"]


@pytest.mark.anyio
async def test_unreadable_policy_is_ignored_and_a_callback_is_sent_once(
    outbox: Outbox, receiver: CallbackReceiver
) -> None:
    sid = outbox.enqueue(receiver.url)
    execute(outbox.simulation.database, f"UPDATE accounts SET policy = '{{' WHERE sid = '{ACCOUNT_SID}'")  # noqa: S608

    with capture_logs() as lines:
        await outbox.deliver()

    account = outbox.simulation.unit_of_work.accounts.find(ACCOUNT_SID)
    assert account is not None
    assert account.policy == NO_OVERRIDES
    assert (outbox.status(sid), len(receiver.received)) == (CallbackStatus.DELIVERED, 1)
    assert [line["key"] for line in lines if line["event"] == "unreadable row"] == [ACCOUNT_SID]


def test_account_with_an_unknown_status_is_suspended_and_listed(simulation: Simulation) -> None:
    execute(simulation.database, f"UPDATE accounts SET status = 'odd' WHERE sid = '{ACCOUNT_SID}'")  # noqa: S608

    found = {account.sid: account.status for account in simulation.unit_of_work.accounts.all()}

    assert found[ACCOUNT_SID] == "suspended"


@pytest.mark.anyio
async def test_unreadable_call_is_skipped_in_the_list_and_during_an_advance(outbox: Outbox) -> None:
    simulation = outbox.simulation
    broken = simulation.validate("+14158675301").call_sid
    other = simulation.validate("+14158675302").call_sid
    execute(simulation.database, f"UPDATE validation_calls SET timeline = '{{' WHERE sid = '{broken}'")  # noqa: S608

    unit_of_work, until = simulation.unit_of_work, after(simulation.clock.now(), 60)
    with unit_of_work:
        due = [call.sid for call, *_ in unit_of_work.due_calls.claim_due_of_account(ACCOUNT_SID, until, 10)]
    listed = [call.sid for call, _ in unit_of_work.calls.newest(ACCOUNT_SID, limit=10)]

    assert due == listed == [other]


@only(SQLITE)
def test_call_with_an_invalid_due_time_does_not_stop_others(simulation: Simulation) -> None:
    broken, other = (simulation.validate(number).call_sid for number in ("+14158675301", "+14158675302"))
    execute(
        simulation.database,
        f"UPDATE validation_calls SET due_at = 'soon', real_due_at = 'soon' WHERE sid = '{broken}'",  # noqa: S608
    )

    with capture_logs() as lines:
        simulation.run()

    assert next_event_time(simulation.unit_of_work, ACCOUNT_SID) is None
    assert simulation.call(other).is_ended
    assert not simulation.call(broken).is_ended
    assert [(line["table"], line["key"]) for line in lines if line["event"] == "unreadable row"] == [
        ("validation_calls", broken)
    ]


@only(SQLITE)
@pytest.mark.parametrize("mode", list(ClockMode))
def test_clock_change_skips_calls_with_an_invalid_due_time(simulation: Simulation, mode: ClockMode) -> None:
    broken, other = (simulation.validate(number).call_sid for number in ("+14158675301", "+14158675302"))
    unit_of_work, now = simulation.unit_of_work, simulation.clock.now()
    execute(simulation.database, f"UPDATE validation_calls SET due_at = 'soon' WHERE sid = '{broken}'")  # noqa: S608

    set_clock(unit_of_work, ACCOUNT_SID, mode=mode, account_now=after(now, 3600), system_now=now)
    recompute_due_times(unit_of_work, system_now=now)
    moved = simulation.step()

    assert other in [call.sid for call in moved]


@only(SQLITE)
@pytest.mark.parametrize("column", ["clock_offset", "clock_frozen_at"])
def test_account_with_an_invalid_clock_has_the_system_time(simulation: Simulation, column: str) -> None:
    sid = simulation.validate().call_sid
    execute(simulation.database, f"UPDATE accounts SET {column} = 'odd' WHERE sid = '{ACCOUNT_SID}'")  # noqa: S608

    recompute_due_times(simulation.unit_of_work, system_now=simulation.clock.now())
    simulation.validate("+14158675302")

    assert simulation.time().account_now == simulation.clock.now()
    assert not simulation.call(sid).is_ended


def test_unreadable_event_is_skipped(outbox: Outbox) -> None:
    outbox.enqueue("http://app.test/")
    unit_of_work = outbox.simulation.unit_of_work
    before = unit_of_work.events.find(ACCOUNT_SID, after_id=0, limit=1000)
    execute(outbox.simulation.database, f"UPDATE events SET type = 'odd' WHERE id = {before[0].id}")  # noqa: S608
    execute(outbox.simulation.database, f"UPDATE events SET data = '{{' WHERE id = {before[1].id}")  # noqa: S608

    assert unit_of_work.events.find(ACCOUNT_SID, after_id=0, limit=1000) == before[2:]
    assert unit_of_work.events.find(ACCOUNT_SID, after_id=0, limit=1) == before[2:3]


def test_unreadable_phone_rule_and_script_are_skipped(simulation: Simulation) -> None:
    number = "+14158675309"
    for table in ("phone_rules", "phone_scripts"):
        execute(
            simulation.database,
            f"INSERT INTO {table} (account_sid, phone_number, behavior) VALUES ('{ACCOUNT_SID}', '{number}', 'odd')",  # noqa: S608
        )

    answer = simulation.validate(number)
    simulation.run()

    call = simulation.unit_of_work.calls.find(answer.call_sid)
    assert call is not None
    assert (call.is_ended, call.phone and call.phone.behavior) == (True, PhoneBehavior.ENTER_CODE)
    assert simulation.unit_of_work.phones.script(ACCOUNT_SID, number) == []
    assert simulation.unit_of_work.phones.all_rules(ACCOUNT_SID) == {}


@pytest.mark.anyio
async def test_unreadable_messages_and_requests_are_skipped_and_the_next_ones_are_listed(
    simulation: Simulation,
) -> None:
    unit_of_work, now = simulation.unit_of_work, simulation.clock.now()
    verdict = SignatureVerdict(is_valid=True, signed_url="http://app.test/", explanation="")
    message = InboxMessage(now, "POST", "http://app.test/", (), (), "", verdict)
    request = AnsweredRequest(ACCOUNT_SID, now, "RQ1", "GET", "/", None, None, {}, 200, None, 1.0, None)
    with unit_of_work:
        for _ in range(3):
            InboxRepository(unit_of_work).add(ACCOUNT_SID, "x", message)
            unit_of_work.requests.add(request)
    messages = newest_messages(unit_of_work, ACCOUNT_SID, "x", limit=3)
    requests = newest_requests(unit_of_work, ACCOUNT_SID, limit=3)
    execute(simulation.database, f"UPDATE inbox_messages SET verdict = '{{' WHERE id = {messages[0].id}")  # noqa: S608
    execute(simulation.database, f"UPDATE requests SET parameters = 'null' WHERE id = {requests[0].id}")  # noqa: S608

    assert newest_messages(unit_of_work, ACCOUNT_SID, "x", limit=2) == messages[1:]
    assert newest_requests(unit_of_work, ACCOUNT_SID, limit=2) == requests[1:]
    assert newest_messages(unit_of_work, ACCOUNT_SID, "x", limit=3) == messages[1:]


def test_key_with_an_unreadable_type_or_permissions_gives_no_access(simulation: Simulation) -> None:
    unit_of_work = simulation.unit_of_work
    sids = [ApiKeySid(f"SK{number:032d}") for number in range(3)]
    for sid in sids:
        unit_of_work.api_keys.save(ApiKey(sid, "secret", ACCOUNT_SID, simulation.clock.now(), FULL_ACCESS))
    execute(simulation.database, f"UPDATE api_keys SET type = 'odd' WHERE sid = '{sids[0]}'")  # noqa: S608
    damaged = f"UPDATE api_keys SET type = 'restricted', permissions = '[1]' WHERE sid = '{sids[1]}'"  # noqa: S608
    execute(simulation.database, damaged)

    with capture_logs() as lines:
        accesses = [key.access for key in unit_of_work.api_keys.of_account(ACCOUNT_SID)]

    assert accesses == [NO_ACCESS, NO_ACCESS, FULL_ACCESS]
    assert [(line["table"], line["key"]) for line in lines] == [("api_keys", sid) for sid in sids[:2]]


BAD_ROWS: dict[str, tuple[str, str, Any]] = {
    "callback parameters": ("status_callbacks", "parameters", "{"),
    "callback URL": ("status_callbacks", "url", "no url"),
    "callback method": ("status_callbacks", "method", "PUT"),
    "callback status": ("status_callbacks", "status", "odd"),
    "callback due time": ("status_callbacks", "due_at", "soon"),
    "callback attempts": ("status_callbacks", "attempts", "many"),
    "callback fault": ("status_callbacks", "fault", "{}"),
    "attempt headers": ("callback_attempts", "headers", "{"),
    "attempt hops": ("callback_attempts", "hops", "[[1]]"),
    "attempt status": ("callback_attempts", "status_code", "odd"),
    "call state": ("validation_calls", "state", "odd"),
    "call timeline": ("validation_calls", "timeline", "{"),
    "call due event": ("validation_calls", "due_event", "odd"),
    "account policy": ("accounts", "policy", "{"),
    "account status": ("accounts", "status", "odd"),
    "fault effect": ("faults", "effect", """{"explode": 1}"""),
    "fault status below the lowest": ("faults", "effect", """{"status":99,"body":""}"""),
    "fault status above the highest": ("faults", "effect", """{"status":700}"""),
    "fault status that is a fraction": ("faults", "effect", """{"status":500.5}"""),
    "fault message": ("faults", "effect", """{"status":503,"message":7}"""),
    "fault body": ("faults", "effect", """{"status":503,"body":5}"""),
    "fault content type with a line break": (
        "faults",
        "effect",
        """{"status":503,"body":"","content_type":"a\\r\\nb"}""",
    ),
    "fault content type that is not ASCII": ("faults", "effect", """{"status":503,"body":"","content_type":"é"}"""),
    "fault delay": ("faults", "effect", """{"delay_seconds":"x"}"""),
    "fault delay at an unknown moment": ("faults", "effect", """{"delay_seconds":1,"when":"never"}"""),
    "fault drop": ("faults", "effect", """{"drop":"x"}"""),
    "fault times": ("faults", "times_left", -1),
    "fault probability": ("faults", "probability", 2),
    "event data": ("events", "data", "{"),
    "event type": ("events", "type", "odd"),
    "phone rule": ("phone_rules", "behavior", "odd"),
    "request parameters": ("requests", "parameters", "{"),
    "request parameters of the wrong form": ("requests", "parameters", """{"a":1}"""),
    "message headers": ("inbox_messages", "headers", "[[1]]"),
    "message verdict": ("inbox_messages", "verdict", "{}"),
    "account date": ("accounts", "date_created", 10**18),
    "account clock ahead": ("accounts", "clock_offset", 10**18),
    "account clock behind": ("accounts", "clock_offset", -(10**18)),
    "account clock frozen": ("accounts", "clock_frozen_at", -(10**18)),
    "attempt time": ("callback_attempts", "at", 10**18),
    "call time": ("validation_calls", "ended_at", 10**18),
    "call timeline time": ("validation_calls", "timeline", """[[1000000000000000000,"a","b"]]"""),
    "call number": ("validation_calls", "phone_number", "none"),
    "call phone": ("validation_calls", "phone", """["busy",1e300,1,null]"""),
    "call callback URL": ("validation_calls", "status_callback", "none"),
    "call callback method": ("validation_calls", "status_callback_method", "PUT"),
    "key type": ("api_keys", "type", "odd"),
    "key permissions": ("api_keys", "permissions", "{"),
    "key permissions of the wrong form": ("api_keys", "permissions", """["read"]"""),
    "key permissions with a leading slash": ("api_keys", "permissions", """["/twilio/voice/calls/list"]"""),
    "app client ID": ("oauth_apps", "client_id", "nope"),
    "app client secret": ("oauth_apps", "client_secret", ""),
    "app lifetime below the lowest": ("oauth_apps", "lifetime_seconds", 0),
    "app lifetime above the highest": ("oauth_apps", "lifetime_seconds", 2**62),
    "app scopes with a leading slash": ("oauth_apps", "scopes", """["/twilio/voice/calls/list"]"""),
    "incoming number SID": ("incoming_phone_numbers", "sid", "\x01"),
    "incoming number name": ("incoming_phone_numbers", "friendly_name", "\x01"),
    "incoming number long name": ("incoming_phone_numbers", "friendly_name", "x" * 100_000),
    "incoming number": ("incoming_phone_numbers", "phone_number", "x"),
    "shared key": (
        "accounts",
        "webhook_signing",
        """{"key_sid":"a\\r\\nb","secret":"s","algorithm":"HMAC_SHA256"}""",
    ),
    "used operation": ("used_operations", "operation", "odd"),
    "phone rule seconds": ("phone_rules", "ring_seconds", 86_400.5),
}


async def fill(account: ControlledAccount) -> None:
    """Create rows in every table that `BAD_ROWS` damages."""
    await account.control("PUT", "/phones/+14158675301", {"behavior": "busy"})
    await account.control("PUT", "/policy", {"code_attempts": 1})
    await account.control("POST", "/keys", {"type": "restricted", "permissions": []})
    await account.control("POST", "/faults", {"operation": "list-calls", "effect": {"status": 500}})
    await account.control("POST", "/oauth-apps", {"scopes": []})
    await account.control("POST", "/incoming-phone-numbers", {"phone_number": "+15105555555"})
    await account.control("POST", "/inbox/x")
    with CallbackReceiver() as receiver:
        await account.validate("+15005550014", StatusCallback=receiver.url)
        await account.advance(0)
        await account.validate(CallDelay=60)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", list(BAD_ROWS))
async def test_snapshot_with_an_unreadable_row_is_refused_and_changes_nothing(
    controlled: Controlled, account: ControlledAccount, kind: str
) -> None:
    table, column, value = BAD_ROWS[kind]
    await fill(account)
    snapshot = (await controlled.ask("GET", "/snapshot")).json()
    snapshot["tables"][table][0][column] = value
    snapshot["digest"] = digest_of(snapshot["tables"])

    answer = await controlled.ask("PUT", "/snapshot", snapshot)

    assert answer.status_code == 422, answer.text
    assert f"tables.{table}.0" in answer.json()["error"]
    assert (await account.control("GET")).status_code == 200


@pytest.fixture
def opened(migrated: Template, monkeypatch: pytest.MonkeyPatch) -> list[Database]:
    """Return the databases that are opened after this, for tests that edit the application's database."""
    databases: list[Database] = []
    copy = migrated.copy

    def recorded_copy(process_state: ProcessState | None = None) -> Database:
        databases.append(copy(process_state))
        return databases[-1]

    monkeypatch.setattr(migrated, "copy", recorded_copy)
    return databases


async def refusal(controlled: Controlled) -> str:
    """Return the error of a snapshot that is refused because of a damaged row."""
    answer = await controlled.ask("GET", "/snapshot")
    assert answer.status_code == 409, answer.text
    assert answer.json()["hint"] == "correct or delete this row in the database"
    error: str = answer.json()["error"]
    return error


@only(SQLITE)
@pytest.mark.anyio
@pytest.mark.parametrize("kind", list(BAD_ROWS))
async def test_snapshot_of_a_database_with_an_unreadable_row_is_refused(
    opened: list[Database], controlled: Controlled, account: ControlledAccount, kind: str
) -> None:
    table, column, value = BAD_ROWS[kind]
    await fill(account)
    assert (await controlled.ask("GET", "/snapshot")).status_code == 200
    execute(opened[0], f"UPDATE {table} SET {column} = :value", value=value)  # noqa: S608

    assert (await refusal(controlled)).startswith(f"the row of {table} with ")


@only(SQLITE)
@pytest.mark.anyio
@pytest.mark.parametrize("table", SNAPSHOT_TABLES, ids=str)
async def test_snapshot_of_a_database_with_text_that_is_not_utf_8_is_refused(
    opened: list[Database], controlled: Controlled, account: ControlledAccount, table: Table
) -> None:
    await fill(account)
    await account.control("POST", "/phones/+14158675301/script", ["busy"])
    await account.validate("+14158675302", CallDelay=0)
    await account.advance(59)
    assert (await controlled.ask("GET", "/snapshot")).status_code == 200
    connection = driver_connection(opened[0])
    connection.execute("PRAGMA foreign_keys = OFF")
    [(rowid,)] = connection.execute(f"SELECT max(rowid) FROM {table.name}").fetchall()  # noqa: S608

    for column in (column for column in table.c if column.type.python_type is str):
        change = f"UPDATE {table.name} SET {column.name} = ? WHERE rowid = {rowid}"  # noqa: S608
        values = connection.execute(f"SELECT {column.name} FROM {table.name} WHERE rowid = {rowid}").fetchall()  # noqa: S608
        connection.execute(change.replace("?", "CAST(x'ff41' AS TEXT)"))
        assert (await refusal(controlled)).startswith("the row of ")
        connection.execute(change, values[0])

    assert (await controlled.ask("GET", "/snapshot")).status_code == 200


@pytest.mark.anyio
async def test_refused_snapshot_names_the_damaged_row(
    opened: list[Database], controlled: Controlled, account: ControlledAccount
) -> None:
    await fill(account)
    [(sid,)] = query(opened[0], "SELECT call_sid FROM status_callbacks")
    execute(opened[0], "UPDATE status_callbacks SET method = 'PUT'")

    error = await refusal(controlled)

    assert error == f"the row of status_callbacks with call_sid '{sid}' cannot be restored: method is 'PUT'"


@pytest.mark.anyio
async def test_snapshot_of_a_database_with_an_infinite_number_is_refused(
    opened: list[Database], controlled: Controlled, account: ControlledAccount
) -> None:
    await account.control("POST", "/faults", {"operation": "list-calls", "effect": {"status": 500}})
    execute(opened[0], "UPDATE faults SET probability = :value", value=math.inf)

    assert (await refusal(controlled)).endswith("probability is inf")


@only(SQLITE)
@pytest.mark.anyio
@pytest.mark.parametrize(("parent", "table"), [("accounts", "api_keys"), ("status_callbacks", "callback_attempts")])
async def test_snapshot_of_a_database_with_a_missing_parent_row_is_refused(
    opened: list[Database], controlled: Controlled, account: ControlledAccount, parent: str, table: str
) -> None:
    await fill(account)
    connection = driver_connection(opened[0])
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute(f"DELETE FROM {parent}")  # noqa: S608

    error = await refusal(controlled)

    assert error.startswith(f"the row of {table} with ")
    assert error.endswith("the row that it belongs to is missing")


@pytest.mark.anyio
@pytest.mark.parametrize("is_own_parent", [True, False])
async def test_accounts_that_are_each_others_parents_can_be_deleted_but_not_restored(
    opened: list[Database], controlled: Controlled, *, is_own_parent: bool
) -> None:
    first = await controlled.account()
    second = first if is_own_parent else await controlled.account(parent_sid=first.sid)
    document = (await controlled.ask("GET", "/snapshot")).json()
    execute(opened[0], f"UPDATE accounts SET parent_sid = '{second.sid}' WHERE sid = '{first.sid}'")  # noqa: S608
    for row in document["tables"]["accounts"]:
        row["parent_sid"] = second.sid if row["sid"] == first.sid else row["parent_sid"]

    error = await refusal(controlled)
    document["digest"] = digest_of(document["tables"])
    restored = await controlled.ask("PUT", "/snapshot", document)
    listed = await first.twilio("GET", "/OutgoingCallerIds.json")
    deleted = await first.control("DELETE")

    assert error.endswith("the account is its own ancestor")
    assert restored.status_code == 422
    assert "is missing, or is a subaccount of it" in restored.text
    assert listed.status_code == 200
    assert deleted.status_code == 204
    assert (await second.control("GET")).status_code == 404
