"""Claim due StatusCallbacks for a sender, renew leases, record attempts, and redeliver StatusCallbacks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ringback.domain.callbacks import (
    CallbackAttempt,
    CallbackStatus,
    CallbackSummary,
    DeliveryPartition,
    StatusCallback,
    UnreadableCallback,
)
from ringback.domain.events import callback_settled
from ringback.domain.fault_effects import Delay
from ringback.domain.faults import FaultTarget, RandomFraction
from ringback.domain.timestamps import Timestamp, after
from ringback.operations.calls import lock_call
from ringback.operations.delivery_slots import MAX_DELIVERIES, DeliverySlots
from ringback.operations.faults import apply_faults
from ringback.storage.unit_of_work import UnitOfWork
from ringback.storage.unreadable_rows import UnreadableRow

LEASE_SECONDS = 15.0
"""Lease duration. A live process renews its leases; after a crash, another process takes over when they expire."""
LOCKED_RETRY_SECONDS = 0.01
"""Time until the next poll of a partition whose due callbacks are locked by another process."""


class Claim(NamedTuple):
    """Callbacks leased to a sender, each with its partition.

    `triggered` contains the callbacks that triggered a fault in this claim, including delayed ones. `failed` contains
    the callbacks with unreadable rows. `next_due` is the time of the next poll; None means to poll only when woken.

    The claim chooses the fault for a delivery and stores it with the callback. A Delay postpones the callback. The
    sender logs the fault, and `callback_delivery.plan.plan` determines how the callback is sent.
    """

    callbacks: list[tuple[StatusCallback, DeliveryPartition]]
    triggered: list[StatusCallback]
    next_due: Timestamp | None
    failed: list[UnreadableCallback]


def claim_due_callbacks(
    unit_of_work: UnitOfWork,
    *,
    now: Timestamp,
    in_progress: Mapping[DeliveryPartition, int],
    random_fraction: RandomFraction,
    slots: int = MAX_DELIVERIES,
) -> Claim:
    """Lease due callbacks up to the number of free slots, starting with the partitions that are longest overdue.

    `in_progress` maps each partition to the number of its unfinished deliveries, and `slots` limits their total. A
    callback that a fault delays is not leased, because it is due later.
    """
    free_slots = DeliverySlots(in_progress, slots)
    if not free_slots.has_free:
        return Claim([], [], None, [])
    due_times = unit_of_work.callbacks.partitions()
    if without_time := [partition for partition, due in due_times.items() if due is None]:
        return Claim([], [], now, _fail_without_time(unit_of_work, without_time, slots, now))
    below_limit = filter(free_slots.is_below_partition_limit, due_times)
    waiting = {partition: due for partition in below_limit if (due := due_times[partition]) is not None}
    next_due = [due for due in waiting.values() if due > now]
    overdue = sorted((partition for partition, due in waiting.items() if due <= now), key=waiting.__getitem__)
    claim = Claim([], [], None, [])
    if overdue:
        with unit_of_work:
            for partition in overdue:
                if limit := free_slots.free_in(partition):
                    next_due += _claim_partition(
                        unit_of_work,
                        partition,
                        limit,
                        now=now,
                        random_fraction=random_fraction,
                        slots=free_slots,
                        claim=claim,
                    )
    return claim._replace(next_due=min(next_due, default=None))


def _claim_partition(
    unit_of_work: UnitOfWork,
    partition: DeliveryPartition,
    limit: int,
    *,
    now: Timestamp,
    random_fraction: RandomFraction,
    slots: DeliverySlots,
    claim: Claim,
) -> list[Timestamp]:
    """Add up to `limit` callbacks of a partition to `claim`. Return the times at which to poll the partition again."""
    next_polls: list[Timestamp] = []
    leased_until = after(now, LEASE_SECONDS)
    leased = unit_of_work.callbacks.claim_due(partition, now=now, limit=limit, leased_until=leased_until)
    if not leased:
        next_polls.append(after(now, LOCKED_RETRY_SECONDS))
    for callback in leased:
        if isinstance(callback, UnreadableCallback):
            _fail_unreadable(unit_of_work, callback, now)
            claim.failed.append(callback)
            next_polls.append(now)
            continue
        after_fault = _apply_fault(unit_of_work, callback, now, random_fraction)
        if after_fault.fault != callback.fault:
            claim.triggered.append(after_fault)
            if isinstance(after_fault.fault, Delay):
                next_polls.append(now)  # its slot is free for another callback of the partition
                continue
        claim.callbacks.append((after_fault, partition))
        slots.take(partition)
    return next_polls


def _fail_without_time(
    unit_of_work: UnitOfWork, partitions: Sequence[DeliveryPartition], limit: int, now: Timestamp
) -> list[UnreadableCallback]:
    """Mark callbacks as failed if their due times are not numbers.

    The next claim finds the other callbacks of the partitions.
    """
    with unit_of_work:
        failed = [
            unreadable
            for partition in partitions
            for unreadable in unit_of_work.callbacks.find_without_time(partition, limit)
        ]
        for unreadable in failed:
            _fail_unreadable(unit_of_work, unreadable, now)
    return failed


def _fail_unreadable(unit_of_work: UnitOfWork, unreadable: UnreadableCallback, now: Timestamp) -> None:
    """Mark a callback with an unreadable row as failed, so that it does not block other callbacks.

    The reason is recorded as a delivery attempt.
    """
    callback, error = unreadable.callback, f"the stored callback cannot be read: {unreadable.reason}"
    number = callback.attempts + 1
    attempt = CallbackAttempt(number, now, callback.method, callback.url, (), None, "", 0.0, error)
    record_attempt(unit_of_work, callback, attempt, CallbackStatus.FAILED, now=now)


def _apply_fault(
    unit_of_work: UnitOfWork, callback: StatusCallback, now: Timestamp, random_fraction: RandomFraction
) -> StatusCallback:
    """Choose and store the fault for the delivery of a leased callback, and return the callback with this fault.

    A fault that was already chosen for the delivery is kept.
    """
    if callback.fault or not callback.account_has_faults:
        return callback
    effect = apply_faults(
        unit_of_work, callback.account_sid, FaultTarget.STATUS_CALLBACK, random_fraction=random_fraction
    )
    if effect is None:
        return callback
    if isinstance(effect, Delay):
        unit_of_work.callbacks.save_fault(callback.call_sid, effect, due=after(now, effect.seconds), leased_until=None)
    else:
        leased_until = after(now, LEASE_SECONDS)
        unit_of_work.callbacks.save_fault(callback.call_sid, effect, due=leased_until, leased_until=leased_until)
    return replace(callback, fault=effect)


def renew_leases(unit_of_work: UnitOfWork, call_sids: Sequence[str], *, now: Timestamp) -> None:
    """Renew the leases of callbacks in delivery."""
    with unit_of_work:
        for sid in sorted(call_sids):
            unit_of_work.callbacks.renew_lease(sid, after(now, LEASE_SECONDS))


def release_leases(unit_of_work: UnitOfWork, call_sids: Sequence[str], *, now: Timestamp) -> None:
    """Make the callbacks of canceled deliveries due immediately."""
    with unit_of_work:
        for sid in sorted(call_sids):
            unit_of_work.callbacks.renew_lease(sid, now)


def is_pending(unit_of_work: UnitOfWork, callback: StatusCallback) -> bool:
    """Return whether a claimed callback must still be sent. Its call may have been deleted since the claim."""
    return unit_of_work.callbacks.is_pending(callback)


def record_attempt(
    unit_of_work: UnitOfWork,
    callback: StatusCallback,
    attempt: CallbackAttempt,
    status: CallbackStatus,
    *,
    now: Timestamp,
) -> bool:
    """Record an attempt, and settle the callback unless `status` is pending. Return False if the call was deleted.

    `attempt.at` and `now` are system times; the journal and the event use the account's time. Nothing is stored for a
    deleted call, and its callback must not be sent again.
    """
    due = after(now, LEASE_SECONDS) if status == CallbackStatus.PENDING else None
    with unit_of_work:
        account = unit_of_work.accounts.lock_shared(callback.account_sid)
        if account is None or not unit_of_work.callbacks.settle(
            callback, status, attempts_made=attempt.number, due=due
        ):
            return False
        journaled = replace(attempt, at=account.clock.now(attempt.at))
        unit_of_work.callbacks.add_attempt(callback.call_sid, journaled)
        if status != CallbackStatus.PENDING:
            unit_of_work.events.add(callback_settled(callback, journaled, status, account.clock.now(now)))
        return True


def abandon_callback(unit_of_work: UnitOfWork, callback: StatusCallback) -> None:
    """Mark a callback as failed if its attempt cannot be recorded, so that the callback is not sent repeatedly."""
    with unit_of_work:
        unit_of_work.callbacks.settle(callback, CallbackStatus.FAILED, attempts_made=callback.attempts + 1, due=None)


def release_all_leases(unit_of_work: UnitOfWork, *, now: Timestamp) -> int:
    """Make every leased callback due. Call this only at startup, in the only process that uses the database."""
    with unit_of_work:
        return unit_of_work.callbacks.release_all(now)


class CallbackJournal(NamedTuple):
    """A call's StatusCallback, with its status and attempts.

    For a call without a StatusCallback, `callback` and `status` are None.
    """

    callback: StatusCallback | None
    status: CallbackStatus | None
    attempts: list[CallbackAttempt]


class NotRedeliverable(Exception):
    """The StatusCallback cannot be redelivered now.

    The message follows "call" and the SID, as in "call CA… is ringing".
    """


def callback_journal(unit_of_work: UnitOfWork, call_sid: str) -> CallbackJournal:
    """Return a call's StatusCallback with its attempts, oldest first.

    If the callback is unreadable, `callback` is None and `status` is failed.
    """
    callback: StatusCallback | None
    status: CallbackStatus | None
    try:
        callback, status = unit_of_work.callbacks.find(call_sid) or (None, None)
    except UnreadableRow:
        callback, status = None, CallbackStatus.FAILED
    return CallbackJournal(callback, status, unit_of_work.callbacks.attempts(call_sid))


def callback_summary(unit_of_work: UnitOfWork, call_sid: str) -> CallbackSummary | None:
    """Return the summary of a call's StatusCallback, or None if the call does not have one."""
    return unit_of_work.callbacks.summary(call_sid)


def redeliver_callback(unit_of_work: UnitOfWork, call_sid: str, *, system_now: Timestamp) -> CallbackJournal | None:
    """Enqueue a call's StatusCallback again, due immediately, with the same idempotency token.

    Return None if the call does not exist. Raises NotRedeliverable.
    """
    with unit_of_work:
        call = lock_call(unit_of_work, call_sid)
        if call is None:
            return None
        if call.status_callback is None:
            raise NotRedeliverable("did not request a StatusCallback")
        if not call.is_ended:
            raise NotRedeliverable(f"is {call.state}: its StatusCallback is sent when the call ends")
        if not unit_of_work.callbacks.redeliver(call_sid, system_now):
            raise NotRedeliverable("already has a pending StatusCallback")
        return callback_journal(unit_of_work, call_sid)
