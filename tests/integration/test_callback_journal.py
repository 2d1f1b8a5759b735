"""The journal of deliveries: each attempt once, without secrets, and not for deleted calls."""

import sqlite3
import threading
from typing import Any

import pytest
from structlog.testing import capture_logs

from ringback.callback_delivery import delivery
from ringback.domain.callback_hops import ParameterPairs
from ringback.domain.callbacks import CallbackAttempt, CallbackStatus
from ringback.domain.events import EventType
from ringback.domain.timestamps import after
from ringback.operations.accounts import reset_account
from ringback.operations.callbacks import record_attempt
from support.domain_values import ACCOUNT_SID
from support.in_process.outbox import Outbox
from support.in_process.simulation import database_error, execute, query
from support.polling import until
from support.receivers.receiver import Answer, CallbackReceiver, Received
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

LEASES = "SELECT due_at, leased_until FROM status_callbacks"


async def test_attempt_that_cannot_be_stored_is_logged_and_its_callback_stays_pending(
    outbox: Outbox, receiver: CallbackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise database_error(outbox.simulation.database)

    monkeypatch.setattr(delivery, "record_attempt", failing)
    outbox.database_retry_seconds, outbox.retry_seconds = 0.05, 0.01
    sid = outbox.enqueue(receiver.url)

    with capture_logs() as lines:
        async with outbox.sending():
            await until(lambda: len(lines) == 2)

    assert [(line["event"], line["call_sid"]) for line in lines] == [
        ("delivery waiting for database", sid),
        ("callback outcome not stored, sending again", sid),
    ]
    assert outbox.status(sid) == CallbackStatus.PENDING


async def test_attempt_is_stored_after_an_outage_and_not_repeated(
    outbox: Outbox, receiver: CallbackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = iter([True] * 3)

    def sometimes_full(*arguments: Any, **rest: Any) -> Any:
        if next(refusals, False):
            raise database_error(outbox.simulation.database, sqlite3.SQLITE_FULL)
        return record_attempt(*arguments, **rest)

    monkeypatch.setattr(delivery, "record_attempt", sometimes_full)
    outbox.retry_seconds = 0.01
    sid = outbox.enqueue(receiver.url)

    with capture_logs() as lines:
        await outbox.deliver()

    assert [line["event"] for line in lines] == ["delivery waiting for database", "callback"]
    assert (outbox.status(sid), len(receiver.received)) == (CallbackStatus.DELIVERED, 1)


async def test_log_line_of_an_attempt_contains_no_secret(outbox: Outbox, receiver: CallbackReceiver) -> None:
    sid = outbox.enqueue(receiver.url.replace("http://", "http://user:s3cret@") + "/done?key=s3cret")

    with capture_logs() as lines:
        async with outbox.sending():
            await until(lambda: lines)

    [line] = lines
    assert (line["event"], line["call_sid"], line["attempt"], line["status_code"]) == ("callback", sid, 1, 204)
    assert (line["url"], line["outcome"], line["error"]) == (f"{receiver.url}/done", "delivered", None)
    assert "s3cret" not in repr(line)


async def test_callback_with_an_internal_error_fails_and_is_not_repeated(
    outbox: Outbox, receiver: CallbackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(delivery, "delivery_policy", failing)
    sid = outbox.enqueue(f"{receiver.url}/done?key=s3cret")

    with capture_logs() as lines:
        await outbox.deliver()

    [attempt] = outbox.attempts(sid)
    assert [line["event"] for line in lines] == ["internal error in callback delivery"]
    assert outbox.status(sid) == CallbackStatus.FAILED
    assert (attempt.number, attempt.url, attempt.status_code) == (1, f"{receiver.url}/done", None)
    assert attempt.error == "internal error in ringback; see its log for details"
    assert query(outbox.simulation.database, LEASES) == [(None, None)]


async def test_callback_whose_attempt_cannot_be_journaled_fails_and_is_not_repeated(
    outbox: Outbox, receiver: CallbackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(delivery, "record_attempt", failing)
    sid = outbox.enqueue(receiver.url)

    with capture_logs() as lines:
        await outbox.deliver()

    assert [line["event"] for line in lines] == [
        "internal error in callback delivery",
        "callback attempt not journaled",
    ]
    assert (outbox.status(sid), len(receiver.received)) == (CallbackStatus.FAILED, 1)
    assert query(outbox.simulation.database, LEASES) == [(None, None)]


async def test_call_deleted_during_the_delivery_of_its_callback_leaves_no_attempt(outbox: Outbox) -> None:
    def answer(_: Received) -> Answer:
        execute(outbox.simulation.database, "DELETE FROM validation_calls")
        return Answer()

    with CallbackReceiver(answer) as receiver, capture_logs() as lines:
        outbox.enqueue(receiver.url)
        async with outbox.sending():
            await until(lambda: lines)

    assert [line["event"] for line in lines] == ["callback"]
    assert query(outbox.simulation.database, "SELECT * FROM callback_attempts") == []


def test_attempt_is_journaled_once(outbox: Outbox) -> None:
    sid = outbox.enqueue("http://app.test/")
    now = outbox.simulation.clock.now()
    attempt = CallbackAttempt(1, now, "POST", "u", (), None, "", 1.0, "why")

    for _ in range(2):
        record_attempt(outbox.simulation.unit_of_work, outbox.callback(sid), attempt, CallbackStatus.FAILED, now=now)

    assert outbox.attempts(sid) == [attempt]


async def test_attempt_has_its_start_time_and_its_event_has_the_end_time(outbox: Outbox) -> None:
    clock = outbox.simulation.clock

    def answer(_: Received) -> Answer:
        clock.advance(5)
        return Answer()

    with CallbackReceiver(answer) as receiver:
        sid = outbox.enqueue(receiver.url)
        began = clock.now()
        await outbox.deliver()

    [attempt] = outbox.attempts(sid)
    event = outbox.simulation.unit_of_work.events.find(ACCOUNT_SID, after_id=0, limit=1000)[-1]
    assert (event.type, event.at) == (EventType.CALLBACK_DELIVERED, after(began, 5))
    assert attempt.at == began


async def test_callback_deleted_after_its_claim_is_not_sent(
    outbox: Outbox, receiver: CallbackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten = threading.Event()

    def forgetting(parameters: ParameterPairs) -> ParameterPairs:
        reset_account(outbox.simulation.unit_of_work, ACCOUNT_SID)
        forgotten.set()
        return parameters

    monkeypatch.setattr(delivery, "with_geography", forgetting)
    outbox.enqueue(receiver.url)
    async with outbox.sending() as sender:
        await until(forgotten.is_set)
        await sender.close(PATIENCE_SECONDS)

    assert receiver.received == []


@pytest.mark.parametrize("fragment", ["", "#rc=5&rp=all"])
async def test_deleted_callback_is_not_sent_again(outbox: Outbox, fragment: str) -> None:
    if not fragment:
        outbox.add_fault({"duplicate": 5})

    def answer(_: Received) -> Answer:
        reset_account(outbox.simulation.unit_of_work, ACCOUNT_SID)
        return Answer(500)

    with CallbackReceiver(answer) as receiver:
        outbox.enqueue(receiver.url + fragment)
        async with outbox.sending() as sender:
            await until(lambda: receiver.received)
            await sender.close(PATIENCE_SECONDS)

    assert len(receiver.received) == 1
