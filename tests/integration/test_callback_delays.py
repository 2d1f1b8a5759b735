"""StatusCallbacks delayed by a fault: they are stored while they wait, do not delay others, and survive a restart."""

import pytest

from ringback.domain.callbacks import CallbackStatus
from ringback.domain.fault_effects import Delay, Duplicate
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import after
from ringback.operations.accounts import delete_account, ensure_account, reset_account
from ringback.operations.callbacks import LEASE_SECONDS, release_all_leases
from ringback.operations.delivery_slots import MAX_PARTITION_DELIVERIES
from support.domain_values import ACCOUNT_SID, T0
from support.in_process.outbox import Outbox
from support.polling import until
from support.receivers.receiver import CallbackReceiver

pytestmark = pytest.mark.anyio

OTHER_ACCOUNT = AccountSid("AC" + "1" * 32)


def triggered(outbox: Outbox) -> list[int]:
    return [fault.triggered for fault in outbox.simulation.unit_of_work.faults.all(ACCOUNT_SID)]


async def test_delayed_callbacks_do_not_delay_others_and_arrive_once(
    outbox: Outbox, receiver: CallbackReceiver
) -> None:
    ensure_account(outbox.simulation.unit_of_work, OTHER_ACCOUNT, "token", T0)
    outbox.add_fault({"delay_seconds": 300}, times=2 * MAX_PARTITION_DELIVERIES)
    late = [outbox.enqueue(receiver.url) for _ in range(2 * MAX_PARTITION_DELIVERIES)]
    outbox.simulation.clock.advance(
        0.001
    )  # the callbacks below are due later, so that the fault applies to those above
    punctual = outbox.enqueue(receiver.url), outbox.enqueue(receiver.url, account_sid=OTHER_ACCOUNT)

    async with outbox.sending() as sender:
        await until(lambda: outbox.is_settled(*punctual))
        outbox.simulation.clock.advance(200)
        later = outbox.enqueue(receiver.url)
        sender.wake()
        await until(lambda: outbox.is_settled(later))
        too_early = [sid for sid in late if outbox.is_settled(sid)]
        outbox.simulation.clock.advance(100)
        sender.wake()
        await until(outbox.is_settled)

    arrived = [received.form["CallSid"] for received in receiver.received]
    assert too_early == []
    assert {*arrived[:2]} == {*punctual}
    assert arrived[2] == later
    assert sorted(arrived[3:]) == sorted(late)


def test_delayed_callback_is_not_leased_until_it_is_due(outbox: Outbox) -> None:
    outbox.add_fault({"delay_seconds": 100})
    sid = outbox.enqueue("http://app.test/")

    claimed = outbox.claim()
    waiting = outbox.claim()
    outbox.simulation.clock.advance(100)
    then = outbox.claim()

    assert (claimed.callbacks, waiting.callbacks) == ([], [])
    assert [(callback.call_sid, callback.fault) for callback in claimed.triggered] == [(sid, Delay(100))]
    assert waiting.next_due == outbox.simulation.clock.now()
    assert [callback.call_sid for callback, _ in then.callbacks] == [sid]
    assert (then.triggered, triggered(outbox)) == ([], [1])


def test_callback_with_a_delay_of_zero_seconds_is_due_immediately(outbox: Outbox) -> None:
    outbox.add_fault({"delay_seconds": 0})
    sid = outbox.enqueue("http://app.test/")

    claimed = outbox.claim()

    assert claimed.next_due == outbox.simulation.clock.now()
    assert [callback.call_sid for callback, _ in outbox.claim().callbacks] == [sid]


def test_restart_neither_shortens_nor_repeats_a_callback_delay(outbox: Outbox) -> None:
    outbox.add_fault({"delay_seconds": 100}, times=2)
    sid = outbox.enqueue("http://app.test/")
    outbox.claim()

    released = release_all_leases(outbox.simulation.unit_of_work, now=outbox.simulation.clock.now())
    early = outbox.claim().callbacks
    outbox.simulation.clock.advance(100)
    then = outbox.claim().callbacks

    assert (released, early, triggered(outbox)) == (0, [], [1])
    assert [callback.call_sid for callback, _ in then] == [sid]


def test_delivery_interrupted_by_a_crash_keeps_its_fault(outbox: Outbox) -> None:
    outbox.add_fault({"duplicate": 2}, times=1)
    outbox.enqueue("http://app.test/")
    [(before, _)] = outbox.claim().callbacks

    outbox.simulation.clock.advance(LEASE_SECONDS)
    again = outbox.claim()

    assert before.fault == Duplicate(2)
    assert [(callback.call_sid, callback.fault) for callback, _ in again.callbacks] == [(before.call_sid, before.fault)]
    assert again.triggered == []


async def test_redelivery_can_trigger_another_fault(outbox: Outbox, receiver: CallbackReceiver) -> None:
    outbox.add_fault({"duplicate": 2}, times=1)
    sid = outbox.enqueue(receiver.url)
    await outbox.deliver()
    outbox.add_fault({"delay_seconds": 1}, times=1)

    outbox.simulation.unit_of_work.callbacks.redeliver(sid, outbox.simulation.clock.now())
    [delayed] = outbox.claim().triggered
    outbox.simulation.clock.advance(1)
    await outbox.deliver()

    assert delayed.fault == Delay(1)
    assert (outbox.status(sid), len(receiver.received)) == (CallbackStatus.DELIVERED, 3)


@pytest.mark.parametrize("forget", [reset_account, delete_account])
def test_delayed_callback_is_deleted_with_its_call(outbox: Outbox, forget: type) -> None:
    outbox.add_fault({"delay_seconds": 100})
    outbox.enqueue("http://app.test/")
    outbox.claim()

    forget(outbox.simulation.unit_of_work, ACCOUNT_SID)
    outbox.simulation.clock.advance(100)
    then = outbox.claim()

    assert (then.callbacks, then.next_due) == ([], None)


def test_next_poll_of_the_sender_is_due_when_the_delay_ends(outbox: Outbox) -> None:
    outbox.add_fault({"delay_seconds": 2.5})
    outbox.enqueue("http://app.test/")
    began = outbox.simulation.clock.now()
    outbox.claim()

    assert outbox.claim().next_due == after(began, 2.5)
