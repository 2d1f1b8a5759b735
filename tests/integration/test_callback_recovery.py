"""Interrupted deliveries: the callbacks stay pending and are sent again with the same idempotency token."""

import asyncio
import threading
from typing import Any

import pytest
from structlog.testing import capture_logs

from ringback.callback_delivery import sender as callback_sender
from ringback.callback_delivery.delivery import CallbackDelivery
from ringback.callback_delivery.sender import CallbackSender
from ringback.domain.callbacks import CallbackStatus, StatusCallback
from ringback.domain.timestamps import after
from ringback.operations.callbacks import LEASE_SECONDS, claim_due_callbacks, release_all_leases, renew_leases
from support.in_process.outbox import Outbox
from support.in_process.races import once_released
from support.in_process.simulation import database_error, query
from support.polling import until
from support.receivers.receiver import Answer, CallbackReceiver, Received
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

LEASES = "SELECT due_at, leased_until FROM status_callbacks"
LEASED_UNTIL = "SELECT leased_until FROM status_callbacks"


def claim(outbox: Outbox) -> list[str]:
    return [callback.call_sid for callback, _ in outbox.claim().callbacks]


def release(outbox: Outbox) -> int:
    return release_all_leases(outbox.simulation.unit_of_work, now=outbox.simulation.clock.now())


def test_leased_callback_is_not_claimed_again(outbox: Outbox) -> None:
    sid = outbox.enqueue("http://app.test/")

    first, second = claim(outbox), claim(outbox)

    assert (first, second) == ([sid], [])
    until_when = after(outbox.simulation.clock.now(), LEASE_SECONDS)
    assert query(outbox.simulation.database, LEASES) == [(until_when, until_when)]


def test_callback_with_an_expired_lease_is_due_again(outbox: Outbox) -> None:
    sid = outbox.enqueue("http://app.test/")
    claim(outbox)

    outbox.simulation.clock.advance(LEASE_SECONDS)

    assert claim(outbox) == [sid]


def test_new_process_releases_the_leases_of_a_crashed_one(outbox: Outbox) -> None:
    sid = outbox.enqueue("http://app.test/")
    claim(outbox)

    released = release(outbox)

    assert released == 1
    assert query(outbox.simulation.database, LEASES) == [(outbox.simulation.clock.now(), None)]
    assert claim(outbox) == [sid]


async def test_settled_callback_is_not_claimed_or_released_again(outbox: Outbox, receiver: CallbackReceiver) -> None:
    sid = outbox.enqueue(receiver.url)
    await outbox.deliver()

    assert release(outbox) == 0
    assert claim(outbox) == []
    assert query(outbox.simulation.database, LEASES) == [(None, None)]
    assert outbox.status(sid) == CallbackStatus.DELIVERED


async def test_callback_is_sent_again_with_its_token_after_a_crash(outbox: Outbox) -> None:
    crashed = threading.Event()

    def answer(_: Received) -> Answer:
        crashed.wait(PATIENCE_SECONDS)
        return Answer()

    with CallbackReceiver(answer) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done")
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


async def test_sender_waits_for_deliveries_in_progress_when_it_closes(outbox: Outbox) -> None:
    closing = threading.Event()

    def answer(_: Received) -> Answer:
        closing.wait(PATIENCE_SECONDS)
        return Answer()

    with CallbackReceiver(answer) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done")
        sender = outbox.a_sender()
        running = asyncio.create_task(sender.run())
        await until(lambda: receiver.received)
        running.cancel()
        await asyncio.wait([running])
        closed = asyncio.create_task(sender.close(PATIENCE_SECONDS))
        closing.set()
        await closed

    assert outbox.status(sid) == CallbackStatus.DELIVERED


async def test_sender_without_deliveries_closes_without_waiting(outbox: Outbox) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await outbox.a_sender().close(2 * PATIENCE_SECONDS)


async def test_callback_that_becomes_due_while_the_sender_runs_is_sent(
    outbox: Outbox, receiver: CallbackReceiver
) -> None:
    sid = outbox.enqueue(receiver.url)
    claim(outbox)

    async with outbox.sending() as sender:
        outbox.simulation.clock.advance(LEASE_SECONDS)
        sender.wake()
        await until(lambda: outbox.is_settled(sid))

    assert len(receiver.received) == 1


async def test_sender_continues_after_an_outage(
    outbox: Outbox, receiver: CallbackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = iter([True] * 3)

    def sometimes_locked(*arguments: Any, **rest: Any) -> Any:
        if next(refusals, False):
            raise database_error(outbox.simulation.database)
        return claim_due_callbacks(*arguments, **rest)

    monkeypatch.setattr(callback_sender, "claim_due_callbacks", sometimes_locked)
    sid = outbox.enqueue(receiver.url)

    with capture_logs() as lines:
        async with outbox.sending(outbox.a_sender(retry_seconds=0.01)):
            await until(outbox.is_settled)

    assert outbox.status(sid) == CallbackStatus.DELIVERED
    assert next(refusals, None) is None
    outage = [(line["log_level"], line.get("tasks")) for line in lines if line["event"].startswith("database ")]
    assert outage == [("warning", ["callback_sender"]), ("info", None)]


async def test_leases_are_renewed_after_a_database_outage(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([True] * 2)
    simulation = outbox.simulation

    def sometimes_failing(*arguments: Any, **rest: Any) -> None:
        if next(failures, False):
            raise database_error(simulation.database)
        renew_leases(*arguments, **rest)

    monkeypatch.setattr(callback_sender, "renew_leases", sometimes_failing)
    held = threading.Event()
    with CallbackReceiver(once_released(held)) as receiver:
        outbox.enqueue(receiver.url)
        async with outbox.sending(outbox.a_sender(renew_seconds=0.01, retry_seconds=0.01)) as sender:
            keeping = asyncio.create_task(sender.renew_leases())
            await until(lambda: receiver.received)
            simulation.clock.advance(LEASE_SECONDS - 1)
            prolonged = after(simulation.clock.now(), LEASE_SECONDS)
            await until(lambda: query(simulation.database, LEASED_UNTIL) == [(prolonged,)])
            keeping.cancel()
            held.set()
            await until(outbox.is_settled)


async def deliver_again(outbox: Outbox, sender: CallbackSender) -> None:
    """Let the leases expire, and wait until all callbacks are delivered."""
    outbox.simulation.clock.advance(LEASE_SECONDS + 1)

    def is_settled() -> bool:
        sender.wake()
        return outbox.is_settled()

    await until(is_settled)


async def test_failed_delivery_task_is_logged_and_repeated_when_its_lease_expires(
    outbox: Outbox, receiver: CallbackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver, failed = CallbackDelivery.deliver, asyncio.Event()

    async def failing_once(delivery: CallbackDelivery, callback: StatusCallback) -> None:
        if not failed.is_set():
            failed.set()
            raise ZeroDivisionError
        await deliver(delivery, callback)

    monkeypatch.setattr(CallbackDelivery, "deliver", failing_once)
    sid = outbox.enqueue(receiver.url)
    with capture_logs() as lines:
        async with outbox.sending() as sender:
            await failed.wait()
            await deliver_again(outbox, sender)

    assert (len(receiver.received), outbox.status(sid)) == (1, CallbackStatus.DELIVERED)
    errors = [line for line in lines if line["log_level"] == "error"]
    assert [(line["event"], line["call_sid"]) for line in errors] == [("callback delivery failed", sid)]


async def test_delivery_cancelled_before_it_starts_is_repeated_when_its_lease_expires(
    outbox: Outbox, receiver: CallbackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_task, cancelled = asyncio.create_task, asyncio.Event()

    def cancelling_once(work: Any) -> Any:
        task = create_task(work)
        if not cancelled.is_set():
            cancelled.set()
            task.cancel()
        return task

    async with outbox.sending() as sender:
        await asyncio.sleep(0)
        monkeypatch.setattr(asyncio, "create_task", cancelling_once)
        sid = outbox.enqueue(receiver.url)
        sender.wake()
        await cancelled.wait()
        await deliver_again(outbox, sender)

    assert (len(receiver.received), outbox.status(sid)) == (1, CallbackStatus.DELIVERED)


async def test_leases_are_renewed_after_the_clock_was_set_forward(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    stepped = after(outbox.simulation.clock.now(), 3_600)
    monkeypatch.setattr(outbox.simulation.clock, "latest", lambda: stepped)
    held = threading.Event()
    with CallbackReceiver(once_released(held)) as receiver:
        outbox.enqueue(receiver.url)
        async with outbox.sending(outbox.a_sender(renew_seconds=0.01)) as sender:
            renewing = asyncio.create_task(sender.renew_leases())
            renewed = [(after(stepped, LEASE_SECONDS),)]
            await until(lambda: query(outbox.simulation.database, LEASED_UNTIL) == renewed)
            renewing.cancel()
            held.set()
            await until(outbox.is_settled)


async def test_sender_releases_the_leases_of_cancelled_deliveries(outbox: Outbox) -> None:
    held = threading.Event()
    with CallbackReceiver(once_released(held)) as receiver:
        outbox.enqueue(receiver.url)
        async with outbox.sending():
            await until(lambda: receiver.received)
        held.set()

    assert query(outbox.simulation.database, LEASED_UNTIL) == [(outbox.simulation.clock.now(),)]
