"""Retries and timeouts: receivers that are unreachable or slow, or respond with errors."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ringback.domain.callbacks import CallbackStatus
from ringback.domain.retry_policy import DeliveryPolicy
from ringback.operations.delivery_slots import MAX_PARTITION_DELIVERIES
from support.in_process.outbox import Outbox
from support.polling import until
from support.receivers.receiver import Answer, CallbackReceiver, Received
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


@pytest.fixture
def refusing_url() -> str:
    """Return the URL of a port on which no process listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def answering_after(release: threading.Event) -> Iterator[CallbackReceiver]:
    """Run a receiver that does not respond until `release` is set."""

    def answer(_: Received) -> Answer:
        release.wait(PATIENCE_SECONDS)
        return Answer()

    with CallbackReceiver(answer) as receiver:
        try:
            yield receiver
        finally:
            release.set()


def hang_up(listener: socket.socket) -> None:
    """Accept one connection, and close it immediately."""
    listener.accept()[0].close()


@pytest.mark.parametrize(
    ("fragment", "tries"),
    [("", 2), ("#rc=0", 1), ("#rc=3", 4), ("#rc=5", 6), ("#rp=ct", 2), ("#rp=5xx", 1), ("#rc=2&rp=all", 3)],
)
async def test_refused_callback_connection_is_retried_once_unless_the_url_fragment_overrides_it(
    fragment: str, tries: int, outbox: Outbox, refusing_url: str
) -> None:
    sid = outbox.enqueue(f"{refusing_url}/done{fragment}")

    await outbox.deliver()

    attempts = outbox.attempts(sid)
    assert [attempt.number for attempt in attempts] == list(range(1, tries + 1))
    assert {attempt.status_code for attempt in attempts} == {None}
    assert all("connection refused by " in str(attempt.error) for attempt in attempts)
    assert outbox.status(sid) == CallbackStatus.FAILED
    assert outbox.callback(sid).attempts == tries


@pytest.mark.parametrize(
    ("status", "fragment", "tries"),
    [
        (500, "", 1),
        (503, "#rc=3", 1),
        (503, "#rp=5xx", 2),
        (503, "#rp=4xx", 1),
        (404, "", 1),
        (404, "#rc=2&rp=4xx", 3),
        (404, "#rp=all", 2),
        (429, "#rc=1&rp=4xx,5xx", 2),
    ],
)
async def test_error_status_is_retried_only_if_the_url_fragment_requests_it(
    status: int, fragment: str, tries: int, outbox: Outbox
) -> None:
    with CallbackReceiver(lambda _: Answer(status)) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done{fragment}")
        await outbox.deliver()

    attempts = outbox.attempts(sid)
    tokens = {received.headers["I-Twilio-Idempotency-Token"] for received in receiver.received}
    outcomes = [(attempt.status_code, attempt.error) for attempt in attempts]
    assert outcomes == [(status, f"responded with {status}")] * tries
    assert len(receiver.received) == tries
    assert len(tokens) == 1
    assert outbox.status(sid) == CallbackStatus.FAILED


async def test_callback_retry_can_succeed(outbox: Outbox) -> None:
    answers = iter([Answer(503), Answer(503), Answer(200)])
    with CallbackReceiver(lambda _: next(answers)) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done#rc=5&rp=5xx")
        await outbox.deliver()

    assert [attempt.status_code for attempt in outbox.attempts(sid)] == [503, 503, 200]
    assert outbox.status(sid) == CallbackStatus.DELIVERED


async def test_total_callback_timeout_includes_retries(outbox: Outbox) -> None:
    with answering_after(threading.Event()) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done#tt=200&rc=5&rp=all")
        await outbox.deliver()

    [attempt] = outbox.attempts(sid)
    assert attempt.error == "no answer within 0.2 s in total"
    assert attempt.elapsed_ms >= 200
    assert outbox.status(sid) == CallbackStatus.FAILED


async def test_read_timeout_in_the_url_fragment_is_used_and_retried_if_requested(outbox: Outbox) -> None:
    with answering_after(threading.Event()) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done#rt=100&rc=2&rp=rt")
        await outbox.deliver()

    attempts = outbox.attempts(sid)
    place = receiver.url.removeprefix("http://")
    assert [attempt.error for attempt in attempts] == [f"no answer from {place} within 0.1 s"] * 3
    assert all(attempt.elapsed_ms >= 100 for attempt in attempts)


async def test_delivery_policy_of_the_settings_is_the_default(outbox: Outbox) -> None:
    outbox.policy = DeliveryPolicy(total_timeout_ms=150, read_timeout_ms=150)
    with answering_after(threading.Event()) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done")
        await outbox.deliver()

    assert len(outbox.attempts(sid)) == 1
    assert outbox.status(sid) == CallbackStatus.FAILED


async def test_callback_after_a_timed_out_one_is_delivered(outbox: Outbox, receiver: CallbackReceiver) -> None:
    with answering_after(threading.Event()) as slow:
        async with outbox.sending() as sender:
            first = outbox.enqueue(f"{slow.url}/done#tt=100")
            sender.wake()
            await until(lambda: outbox.is_settled(first))
            second = outbox.enqueue(f"{receiver.url}/done")
            sender.wake()
            await until(lambda: outbox.is_settled(second))

    assert outbox.status(first) == CallbackStatus.FAILED
    assert outbox.status(second) == CallbackStatus.DELIVERED


async def test_connection_closed_without_a_response_is_not_retried(outbox: Outbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        sid = outbox.enqueue(f"http://127.0.0.1:{port}/done")
        hanging_up = threading.Thread(target=hang_up, args=[listener])
        hanging_up.start()
        await outbox.deliver()
        hanging_up.join(PATIENCE_SECONDS)

    assert len(outbox.attempts(sid)) == 1
    assert outbox.status(sid) == CallbackStatus.FAILED


async def test_slow_receiver_does_not_delay_others(outbox: Outbox, receiver: CallbackReceiver) -> None:
    with answering_after(threading.Event()) as slow:
        slow_ones = [outbox.enqueue(f"{slow.url}/done") for _ in range(3 * MAX_PARTITION_DELIVERIES)]
        quick_ones = [outbox.enqueue(f"{receiver.url}/done") for _ in range(20)]
        async with outbox.sending():
            await until(lambda: outbox.is_settled(*quick_ones))
            settled = [sid for sid in slow_ones if outbox.is_settled(sid)]
            in_progress = len(slow.received)

    assert settled == []
    assert in_progress <= MAX_PARTITION_DELIVERIES


async def test_next_delivery_starts_when_a_slot_becomes_free(outbox: Outbox, receiver: CallbackReceiver) -> None:
    for _ in range(3):
        outbox.enqueue(f"{receiver.url}/done")

    async with outbox.sending(outbox.a_sender(max_deliveries=1)):
        await until(outbox.is_settled)

    assert len(receiver.received) == 3
