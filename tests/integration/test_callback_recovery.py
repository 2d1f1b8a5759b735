"""Deliveries that were cut off: they are owed still, and sent again with the same token."""

import asyncio
import threading
from typing import Any

import pytest
from structlog.testing import capture_logs

from ringback.domain.callbacks import CallbackStatus
from ringback.domain.instants import after
from ringback.operations.callbacks import (
    LEASE_SECONDS,
    RECEIVER_DELIVERIES,
    claim_due_callbacks,
    release_leases,
)
from ringback.simulator import callback_sender
from support.outbox import Outbox
from support.polling import until
from support.receiver import Answer, CallbackReceiver, Received
from support.simulation import database_error, driver_connection, query

pytest_plugins = ["support.simulation_fixtures"]
pytestmark = pytest.mark.anyio

LEASES = "SELECT due_at, leased_until FROM status_callbacks"


def claim(outbox: Outbox) -> list[str]:
    claim = claim_due_callbacks(
        outbox.simulation.unit_of_work, now=outbox.simulation.clock.now(), limit=10, under_way={}
    )
    return [callback.call_sid for callback, _ in claim.callbacks]


def release(outbox: Outbox) -> int:
    return release_leases(outbox.simulation.unit_of_work, now=outbox.simulation.clock.now())


def test_a_leased_callback_is_claimed_by_nobody_else(outbox: Outbox) -> None:
    sid = outbox.owe("http://app.test/")

    first, second = claim(outbox), claim(outbox)

    assert (first, second) == ([sid], [])
    until_when = after(outbox.simulation.clock.now(), LEASE_SECONDS)
    assert query(outbox.simulation.database, LEASES) == [(until_when, until_when)]


def test_a_lease_that_ran_out_makes_the_callback_due_again(outbox: Outbox) -> None:
    sid = outbox.owe("http://app.test/")
    claim(outbox)

    outbox.simulation.clock.advance(LEASE_SECONDS)

    assert claim(outbox) == [sid]


def test_the_longest_overdue_is_claimed_first_and_busy_receivers_are_passed_over(outbox: Outbox) -> None:
    first = outbox.owe("http://app.test/")
    outbox.simulation.clock.advance(1)
    busy = outbox.owe("http://busy.test:8080/")
    outbox.simulation.clock.advance(1)
    last = outbox.owe("http://app.test:81/")

    claimed = claim_due_callbacks(
        outbox.simulation.unit_of_work,
        now=outbox.simulation.clock.now(),
        limit=10,
        under_way={"busy.test:8080": RECEIVER_DELIVERIES},
    )

    assert [(callback.call_sid, receiver) for callback, receiver in claimed.callbacks] == [
        (first, "app.test:80"),
        (last, "app.test:81"),
    ]
    assert claim(outbox) == [busy]


def test_a_new_process_releases_what_a_dead_one_had_leased(outbox: Outbox) -> None:
    sid = outbox.owe("http://app.test/")
    claim(outbox)

    released = release(outbox)

    assert released == 1
    assert query(outbox.simulation.database, LEASES) == [(outbox.simulation.clock.now(), None)]
    assert claim(outbox) == [sid]


async def test_what_is_settled_is_not_released(outbox: Outbox, receiver: CallbackReceiver) -> None:
    sid = outbox.owe(receiver.url)
    await outbox.deliver()

    assert release(outbox) == 0
    assert claim(outbox) == []
    assert query(outbox.simulation.database, LEASES) == [(None, None)]
    assert outbox.status(sid) == CallbackStatus.DELIVERED


async def test_a_crash_in_the_middle_of_a_delivery_sends_it_again_with_the_same_token(outbox: Outbox) -> None:
    crashed = threading.Event()

    def answer(_: Received) -> Answer:
        crashed.wait(20)
        return Answer()

    with CallbackReceiver(answer) as receiver:
        sid = outbox.owe(f"{receiver.url}/done")
        async with outbox.sending():
            await until(lambda: receiver.received)
        before = outbox.status(sid), outbox.attempts(sid), outbox.callback(sid).attempts
        crashed.set()
        release(outbox)
        await outbox.deliver()

    tokens = {received.headers["I-Twilio-Idempotency-Token"] for received in receiver.received}
    assert before == (CallbackStatus.PENDING, [], 0)
    assert len(receiver.received) == 2
    assert tokens == {outbox.callback(sid).idempotency_token}
    assert outbox.status(sid) == CallbackStatus.DELIVERED


async def test_closing_gives_deliveries_under_way_their_time(outbox: Outbox) -> None:
    closing = threading.Event()

    def answer(_: Received) -> Answer:
        closing.wait(20)
        return Answer()

    with CallbackReceiver(answer) as receiver:
        sid = outbox.owe(f"{receiver.url}/done")
        sender = outbox.a_sender()
        running = asyncio.create_task(sender.run())
        await until(lambda: receiver.received)
        running.cancel()
        await asyncio.wait([running])
        closed = asyncio.create_task(sender.close(10))
        closing.set()
        await closed

    assert outbox.status(sid) == CallbackStatus.DELIVERED


async def test_closing_with_nothing_under_way_takes_no_time(outbox: Outbox) -> None:
    async with asyncio.timeout(5):
        await outbox.a_sender().close(60)


async def test_a_callback_that_falls_due_later_is_sent_then(outbox: Outbox, receiver: CallbackReceiver) -> None:
    sid = outbox.owe(receiver.url)
    claim(outbox)

    async with outbox.sending() as sender:
        outbox.simulation.clock.advance(LEASE_SECONDS)
        sender.wake()
        await until(lambda: outbox.is_settled(sid))

    assert len(receiver.received) == 1


async def test_a_database_that_another_process_holds_does_not_end_the_sender(
    outbox: Outbox, receiver: CallbackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = iter([True] * 3)

    def sometimes_locked(*arguments: Any, **rest: Any) -> Any:
        if next(refusals, False):
            raise database_error()
        return claim_due_callbacks(*arguments, **rest)

    monkeypatch.setattr(callback_sender, "claim_due_callbacks", sometimes_locked)
    monkeypatch.setattr(callback_sender, "RECOVERY_SECONDS", 0.01)
    sid = outbox.owe(receiver.url)

    with capture_logs() as lines:
        await outbox.deliver()

    assert outbox.status(sid) == CallbackStatus.DELIVERED
    assert [line["log_level"] for line in lines].count("error") == 3


def test_a_backlog_for_one_receiver_is_not_looked_through_for_the_others(outbox: Outbox) -> None:
    busy = [outbox.owe("http://busy.test/") for _ in range(RECEIVER_DELIVERIES + 1)]
    other = outbox.owe("http://app.test/")
    steps: list[int] = []
    connection = driver_connection(outbox.simulation.database)

    first = claim(outbox)
    connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO validation_calls"
        " SELECT 'CA' || i, account_sid, phone_number, NULL, '', NULL, 0, NULL, 'POST', 'busy', 3, 3, '', NULL, NULL,"
        " NULL, 0, NULL, NULL, 0, NULL, NULL, NULL, '[]', NULL FROM validation_calls, n WHERE sid = ?",
        [other],
    )
    connection.execute(
        "INSERT INTO status_callbacks SELECT sid, account_sid, 'http://busy.test/', 'POST', '[]', 'busy.test:80', sid,"
        " 'pending', 0, 1, NULL, 1, 0 FROM validation_calls WHERE ended_at = 0"
    )
    connection.set_progress_handler(lambda: steps.append(1), 1000)
    later = claim_due_callbacks(
        outbox.simulation.unit_of_work,
        now=outbox.simulation.clock.now(),
        limit=128,
        under_way={"busy.test:80": RECEIVER_DELIVERIES},
    )
    connection.set_progress_handler(None, 0)

    assert set(first) == {*busy[:RECEIVER_DELIVERIES], other}
    assert later.callbacks == []
    assert len(steps) <= 1
