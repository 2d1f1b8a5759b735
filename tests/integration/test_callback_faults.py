"""Faults of StatusCallbacks: duplicates, invalid signatures and dropped callbacks."""

import base64
import threading
from typing import Any

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from ringback.callback_delivery import delivery
from ringback.domain.callbacks import CallbackAttempt, CallbackStatus
from ringback.domain.events import EventType
from ringback.domain.faults import FaultTarget
from ringback.domain.retry_policy import DeliveryPolicy
from support.domain_values import ACCOUNT_SID, AUTH_TOKEN
from support.in_process.outbox import Outbox
from support.in_process.simulation import database_error
from support.polling import until
from support.receivers.receiver import Answer, CallbackReceiver, Received
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

TOKEN = "I-Twilio-Idempotency-Token"
SIGNATURE = "X-Twilio-Signature"


def settled(outbox: Outbox) -> list[EventType]:
    """Return the types of the events for callbacks that were delivered or failed."""
    events = outbox.simulation.unit_of_work.events.find(ACCOUNT_SID, after_id=0, limit=1000)
    return [event.type for event in events if event.type.startswith("callback.")]


def is_valid(receiver: CallbackReceiver, received: Received) -> bool:
    right: bool = RequestValidator(AUTH_TOKEN).validate(
        receiver.url + received.target, received.form, received.headers[SIGNATURE]
    )
    return right


def numbers_and_statuses(attempts: list[CallbackAttempt]) -> list[tuple[int, int | None]]:
    return [(attempt.number, attempt.status_code) for attempt in attempts]


async def test_duplicated_callback_arrives_repeatedly_with_one_token(
    outbox: Outbox, receiver: CallbackReceiver
) -> None:
    outbox.add_fault({"duplicate": 3})
    sid = outbox.enqueue(f"{receiver.url}/done")

    await outbox.deliver()

    assert len(receiver.received) == 3
    assert len({received.headers[TOKEN] for received in receiver.received}) == 1
    assert len({received.body for received in receiver.received}) == 1
    assert all(is_valid(receiver, received) for received in receiver.received)
    assert numbers_and_statuses(outbox.attempts(sid)) == [(1, 204), (2, 204), (3, 204)]
    assert (outbox.status(sid), settled(outbox)) == (CallbackStatus.DELIVERED, [EventType.CALLBACK_DELIVERED])


@pytest.mark.parametrize(
    ("answers", "status"), [((204, 500), "delivered"), ((500, 204), "delivered"), ((500, 500), "failed")]
)
async def test_duplicated_callback_is_delivered_if_one_copy_arrives(
    answers: tuple[int, ...], status: str, outbox: Outbox
) -> None:
    outbox.add_fault({"duplicate": 2})
    coming = list(answers)
    with CallbackReceiver(lambda _: Answer(coming.pop(0))) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done")
        await outbox.deliver()

    assert numbers_and_statuses(outbox.attempts(sid)) == list(enumerate(answers, 1))
    assert (outbox.status(sid).value, [event.value for event in settled(outbox)]) == (status, [f"callback.{status}"])


async def test_duplicated_callback_retries_each_copy(outbox: Outbox) -> None:
    outbox.add_fault({"duplicate": 2})
    outbox.policy = DeliveryPolicy(retries=1, retry_on=frozenset({"5xx"}))
    with CallbackReceiver(lambda _: Answer(500)) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done")
        await outbox.deliver()

    assert numbers_and_statuses(outbox.attempts(sid)) == [(1, 500), (2, 500), (3, 500), (4, 500)]


async def test_simultaneous_copies_of_a_callback_reach_the_receiver_concurrently(outbox: Outbox) -> None:
    both_arrived = threading.Barrier(2, timeout=PATIENCE_SECONDS)

    def answer(_: Received) -> Answer:
        both_arrived.wait()  # the first copy gets its response only after the second has arrived
        return Answer(204)

    outbox.add_fault({"duplicate": 2, "at_once": True})
    with CallbackReceiver(answer) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done")
        await outbox.deliver()

    assert len({(received.headers[TOKEN], received.body) for received in receiver.received}) == 1
    assert numbers_and_statuses(outbox.attempts(sid)) == [(1, 204), (2, 204)]
    assert (outbox.status(sid), settled(outbox)) == (CallbackStatus.DELIVERED, [EventType.CALLBACK_DELIVERED])


async def test_simultaneous_copies_of_a_callback_are_retried_separately(outbox: Outbox) -> None:
    outbox.add_fault({"duplicate": 2, "at_once": True})
    outbox.policy = DeliveryPolicy(retries=1, retry_on=frozenset({"5xx"}))
    with CallbackReceiver(lambda _: Answer(500)) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done")
        await outbox.deliver()

    assert numbers_and_statuses(outbox.attempts(sid)) == [(1, 500), (2, 500), (3, 500), (4, 500)]
    assert (outbox.status(sid), settled(outbox)) == (CallbackStatus.FAILED, [EventType.CALLBACK_FAILED])


async def test_simultaneous_copies_of_a_callback_stay_pending_if_they_cannot_be_stored(
    outbox: Outbox, receiver: CallbackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise database_error(outbox.simulation.database)

    outbox.database_retry_seconds, outbox.retry_seconds = 0.05, 0.01
    outbox.add_fault({"duplicate": 2, "at_once": True})
    sid = outbox.enqueue(f"{receiver.url}/done")
    with monkeypatch.context() as patch:
        patch.setattr(delivery, "record_attempt", failing)
        async with outbox.sending():
            await until(lambda: len(receiver.received) == 2)

    assert (outbox.status(sid), outbox.attempts(sid)) == (CallbackStatus.PENDING, [])


async def test_signature_without_the_port_is_accepted_only_by_official_validators(
    outbox: Outbox, receiver: CallbackReceiver
) -> None:
    outbox.add_fault({"signature": "without-port"})
    sid = outbox.enqueue(f"{receiver.url}/done")

    await outbox.deliver()

    [received] = receiver.received
    validator, url = RequestValidator(AUTH_TOKEN), receiver.url.rpartition(":")[0] + received.target
    assert received.headers[SIGNATURE] == validator.compute_signature(url, received.form)
    assert is_valid(receiver, received)
    assert outbox.summary(sid).is_signature_valid is False


async def test_callback_with_an_invalid_signature_is_otherwise_well_formed(
    outbox: Outbox, receiver: CallbackReceiver
) -> None:
    outbox.add_fault({"signature": "bad"}, times=1)
    outbox.enqueue(f"{receiver.url}/first")
    await outbox.deliver()
    outbox.enqueue(f"{receiver.url}/second")
    await outbox.deliver()

    bad, good = receiver.received
    assert (is_valid(receiver, bad), is_valid(receiver, good)) == (False, True)
    assert len(base64.b64decode(bad.headers[SIGNATURE], validate=True)) == 20
    assert set(bad.headers) == set(good.headers)


async def test_dropped_callback_is_not_sent_and_fails(outbox: Outbox, receiver: CallbackReceiver) -> None:
    outbox.add_fault({"drop": True}, times=1)
    sid = outbox.enqueue(f"{receiver.url}/done")

    await outbox.deliver()

    assert receiver.received == []
    [attempt] = outbox.attempts(sid)
    assert (attempt.number, attempt.status_code, attempt.error) == (1, None, "suppressed by an injected fault")
    assert (outbox.status(sid), settled(outbox)) == (CallbackStatus.FAILED, [EventType.CALLBACK_FAILED])


async def test_dropped_callback_is_not_sent_even_if_its_attempt_cannot_be_stored(
    outbox: Outbox, receiver: CallbackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise database_error(outbox.simulation.database)

    monkeypatch.setattr(delivery, "record_attempt", failing)
    outbox.database_retry_seconds, outbox.retry_seconds = 0.05, 0.01
    outbox.add_fault({"drop": True}, times=1)
    sid = outbox.enqueue(f"{receiver.url}/done")

    async with outbox.sending() as sender:
        await until(lambda: outbox.callback(sid).fault is not None)
        await sender.close(30)

    assert receiver.received == []
    assert outbox.status(sid) == CallbackStatus.PENDING


async def test_dropped_callback_is_redelivered_with_its_token(outbox: Outbox, receiver: CallbackReceiver) -> None:
    outbox.add_fault({"drop": True}, times=1)
    sid = outbox.enqueue(f"{receiver.url}/done")
    await outbox.deliver()

    assert outbox.simulation.unit_of_work.callbacks.redeliver(sid, outbox.simulation.clock.now())
    await outbox.deliver()

    assert [received.headers[TOKEN] for received in receiver.received] == [outbox.callback(sid).idempotency_token]
    assert [attempt.number for attempt in outbox.attempts(sid)] == [1, 2]
    assert settled(outbox) == [EventType.CALLBACK_FAILED, EventType.CALLBACK_DELIVERED]


async def test_fault_applies_to_a_whole_delivery_instead_of_each_attempt(outbox: Outbox) -> None:
    outbox.add_fault({"signature": "bad"}, times=1)
    outbox.policy = DeliveryPolicy(retries=2, retry_on=frozenset({"5xx"}))
    with CallbackReceiver(lambda _: Answer(500)) as receiver:
        outbox.enqueue(f"{receiver.url}/done")
        await outbox.deliver()

    assert [is_valid(receiver, received) for received in receiver.received] == [False] * 3


async def test_wildcard_fault_does_not_apply_to_callbacks(outbox: Outbox, receiver: CallbackReceiver) -> None:
    outbox.add_fault({"status": 500}, target=FaultTarget.EVERY_OPERATION)
    sid = outbox.enqueue(f"{receiver.url}/done")

    await outbox.deliver()

    assert (outbox.status(sid), len(receiver.received)) == (CallbackStatus.DELIVERED, 1)
