"""Faults of StatusCallbacks: late, doubled, wrongly signed, lost."""

import base64
from typing import Any

import pytest
from anyio import create_task_group
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from ringback.domain.callbacks import CallbackAttempt, CallbackStatus
from ringback.domain.delivery import DeliveryPolicy
from ringback.domain.events import EventType
from ringback.domain.faults import FaultTarget, NewFault, effect_of
from ringback.operations.accounts import reset_account
from ringback.operations.callbacks import claim_due_callbacks
from ringback.operations.faults import add_fault
from ringback.operations.identifiers import Identifiers
from ringback.simulator.callback_faults import CallbackFaults
from support.domain_values import ACCOUNT_SID, AUTH_TOKEN
from support.outbox import Outbox
from support.receiver import Answer, CallbackReceiver, Received

pytest_plugins = ["support.simulation_fixtures"]
pytestmark = pytest.mark.anyio

TOKEN = "I-Twilio-Idempotency-Token"
SIGNATURE = "X-Twilio-Signature"


def let(
    outbox: Outbox,
    effect: dict[str, Any],
    times: int | None = None,
    target: FaultTarget = FaultTarget.STATUS_CALLBACK,
) -> None:
    """Let StatusCallbacks, or something else, meet a fault."""
    unit_of_work = outbox.simulation.unit_of_work
    account = unit_of_work.accounts.find(ACCOUNT_SID)
    assert account is not None
    fault = NewFault(target, effect_of(effect), times)
    assert add_fault(unit_of_work, account, fault, real=outbox.simulation.clock.now())


def settled(outbox: Outbox) -> list[EventType]:
    """Return the events of callbacks that were delivered or given up."""
    events = outbox.simulation.unit_of_work.events.find(ACCOUNT_SID, after_id=0, limit=1000)
    return [event.type for event in events if event.type.startswith("callback.")]


def is_right(receiver: CallbackReceiver, received: Received) -> bool:
    right: bool = RequestValidator(AUTH_TOKEN).validate(
        receiver.url + received.target, received.form, received.headers[SIGNATURE]
    )
    return right


def told(attempts: list[CallbackAttempt]) -> list[tuple[int, int | None]]:
    return [(attempt.number, attempt.status_code) for attempt in attempts]


async def test_a_doubled_callback_arrives_so_often_with_one_token(outbox: Outbox, receiver: CallbackReceiver) -> None:
    let(outbox, {"duplicate": 3})
    sid = outbox.owe(f"{receiver.url}/done")

    await outbox.deliver()

    assert len(receiver.received) == 3
    assert len({received.headers[TOKEN] for received in receiver.received}) == 1
    assert len({received.body for received in receiver.received}) == 1
    assert all(is_right(receiver, received) for received in receiver.received)
    assert told(outbox.attempts(sid)) == [(1, 204), (2, 204), (3, 204)]
    assert (outbox.status(sid), settled(outbox)) == (CallbackStatus.DELIVERED, [EventType.CALLBACK_DELIVERED])


@pytest.mark.parametrize(
    ("answers", "status"), [((204, 500), "delivered"), ((500, 204), "delivered"), ((500, 500), "failed")]
)
async def test_a_doubled_callback_is_delivered_when_it_arrived_at_all(
    answers: tuple[int, ...], status: str, outbox: Outbox
) -> None:
    let(outbox, {"duplicate": 2})
    coming = list(answers)
    with CallbackReceiver(lambda _: Answer(coming.pop(0))) as receiver:
        sid = outbox.owe(f"{receiver.url}/done")
        await outbox.deliver()

    assert told(outbox.attempts(sid)) == list(enumerate(answers, 1))
    assert (outbox.status(sid).value, [event.value for event in settled(outbox)]) == (status, [f"callback.{status}"])


async def test_each_copy_is_tried_again_as_often_as_one_is(outbox: Outbox) -> None:
    let(outbox, {"duplicate": 2})
    outbox.policy = DeliveryPolicy(retries=1, retry_on=frozenset({"5xx"}))
    with CallbackReceiver(lambda _: Answer(500)) as receiver:
        sid = outbox.owe(f"{receiver.url}/done")
        await outbox.deliver()

    assert told(outbox.attempts(sid)) == [(1, 500), (2, 500), (3, 500), (4, 500)]


async def test_a_badly_signed_callback_looks_like_any_other_and_is_refused(
    outbox: Outbox, receiver: CallbackReceiver
) -> None:
    let(outbox, {"signature": "bad"}, times=1)
    outbox.owe(f"{receiver.url}/first")
    await outbox.deliver()
    outbox.owe(f"{receiver.url}/second")
    await outbox.deliver()

    bad, good = receiver.received
    assert (is_right(receiver, bad), is_right(receiver, good)) == (False, True)
    assert len(base64.b64decode(bad.headers[SIGNATURE], validate=True)) == 20
    assert set(bad.headers) == set(good.headers)


async def test_a_dropped_callback_never_arrives_and_counts_as_failed(
    outbox: Outbox, receiver: CallbackReceiver
) -> None:
    let(outbox, {"drop": True}, times=1)
    sid = outbox.owe(f"{receiver.url}/done")

    await outbox.deliver()

    assert receiver.received == []
    [attempt] = outbox.attempts(sid)
    assert (attempt.number, attempt.status_code, attempt.error) == (1, None, "a fault dropped it")
    assert (outbox.status(sid), settled(outbox)) == (CallbackStatus.FAILED, [EventType.CALLBACK_FAILED])


async def test_a_dropped_callback_is_redelivered_with_its_token(outbox: Outbox, receiver: CallbackReceiver) -> None:
    let(outbox, {"drop": True}, times=1)
    sid = outbox.owe(f"{receiver.url}/done")
    await outbox.deliver()

    assert outbox.simulation.unit_of_work.callbacks.redeliver(sid, outbox.simulation.clock.now())
    await outbox.deliver()

    assert [received.headers[TOKEN] for received in receiver.received] == [outbox.callback(sid).idempotency_token]
    assert [attempt.number for attempt in outbox.attempts(sid)] == [1, 2]
    assert settled(outbox) == [EventType.CALLBACK_FAILED, EventType.CALLBACK_DELIVERED]


async def test_a_fault_strikes_a_delivery_and_not_each_of_its_tries(outbox: Outbox) -> None:
    let(outbox, {"signature": "bad"}, times=1)
    outbox.policy = DeliveryPolicy(retries=2, retry_on=frozenset({"5xx"}))
    with CallbackReceiver(lambda _: Answer(500)) as receiver:
        outbox.owe(f"{receiver.url}/done")
        await outbox.deliver()

    assert [is_right(receiver, received) for received in receiver.received] == [False] * 3


async def test_a_late_callback_arrives_once(outbox: Outbox, receiver: CallbackReceiver) -> None:
    let(outbox, {"delay_seconds": 0.1}, times=1)
    sid = outbox.owe(f"{receiver.url}/done")

    await outbox.deliver()

    assert [received.form["CallSid"] for received in receiver.received] == [sid]
    assert settled(outbox) == [EventType.CALLBACK_DELIVERED]


async def test_a_late_callback_is_nobodys_to_take_meanwhile_and_gone_with_its_call(outbox: Outbox) -> None:
    let(outbox, {"delay_seconds": 0.2}, times=1)
    outbox.owe("http://app.test/done")
    simulation = outbox.simulation
    [(callback, _)] = claim_due_callbacks(
        simulation.unit_of_work, now=simulation.clock.now(), limit=1, under_way={}
    ).callbacks

    async def meanwhile() -> None:
        simulation.clock.advance(60.1)  # a lease without the delay would have run out
        claim = claim_due_callbacks(simulation.unit_of_work, now=simulation.clock.now(), limit=1, under_way={})
        assert claim.callbacks == []
        reset_account(simulation.unit_of_work, ACCOUNT_SID)

    faults = CallbackFaults(simulation.database, simulation.clock.now, Identifiers().draw)
    async with create_task_group() as group:
        group.start_soon(meanwhile)
        sending = await faults.meet(callback)

    assert sending.times == 0


async def test_faults_of_requests_are_none_of_callbacks(outbox: Outbox, receiver: CallbackReceiver) -> None:
    let(outbox, {"status": 500}, target=FaultTarget.EVERY_OPERATION)
    sid = outbox.owe(f"{receiver.url}/done")

    await outbox.deliver()

    assert (outbox.status(sid), len(receiver.received)) == (CallbackStatus.DELIVERED, 1)
