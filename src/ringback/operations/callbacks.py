"""StatusCallbacks: leasing those that are due to a sender, and recording what came of each try."""

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
from ringback.domain.faults import Delay, FaultTarget, RandomFraction
from ringback.domain.timestamps import Timestamp, after
from ringback.operations.calls import lock_call
from ringback.operations.delivery_slots import MAX_DELIVERIES, DeliverySlots
from ringback.operations.faults import apply_faults
from ringback.storage.unit_of_work import UnitOfWork
from ringback.storage.unreadable_rows import UnreadableRow

LEASE_SECONDS = 15.0
"""How long nobody else takes up a delivery whose process may have died. One that lives prolongs its leases."""
HELD_SECONDS = 0.01
"""After how long to look again where something is due that another process holds."""


class Claim(NamedTuple):
    """Callbacks leased to a sender, each with its lane; those that a fault struck; and when to look again.

    `next_due` is None where something has to happen first. `failed` are those that cannot be read.
    """

    callbacks: list[tuple[StatusCallback, DeliveryPartition]]
    struck: list[StatusCallback]
    next_due: Timestamp | None
    failed: list[UnreadableCallback]


def claim_due_callbacks(
    unit_of_work: UnitOfWork,
    *,
    now: Timestamp,
    under_way: Mapping[DeliveryPartition, int],
    random_fraction: RandomFraction,
    slots: int = MAX_DELIVERIES,
) -> Claim:
    """Lease callbacks that are due, as many as there is room for, the lanes that waited longest first.

    `under_way` counts the deliveries in each lane that have not ended, of `slots` in all. One that a fault delays is
    not leased: it is owed later.
    """
    room = DeliverySlots(under_way, slots)
    if not room.is_left:
        return Claim([], [], None, [])
    lanes = unit_of_work.callbacks.partitions()
    if timeless := [lane for lane, due in lanes.items() if due is None]:
        return Claim([], [], now, _fail_timeless(unit_of_work, timeless, slots, now))
    open_lanes = {lane: due for lane, due in lanes.items() if due is not None and room.in_lane(lane)}
    later = [due for due in open_lanes.values() if due > now]
    if len(open_lanes) == len(later):
        return Claim([], [], min(later, default=None), [])
    claim = Claim([], [], None, [])
    with unit_of_work:
        for lane in sorted(open_lanes, key=open_lanes.__getitem__)[: len(open_lanes) - len(later)]:
            if limit := room.of(lane):
                later += _claim_lane(
                    unit_of_work, lane, limit, now=now, random_fraction=random_fraction, room=room, claim=claim
                )
    return claim._replace(next_due=min(later, default=None))


def _claim_lane(
    unit_of_work: UnitOfWork,
    lane: DeliveryPartition,
    limit: int,
    *,
    now: Timestamp,
    random_fraction: RandomFraction,
    room: DeliverySlots,
    claim: Claim,
) -> list[Timestamp]:
    """Add up to `limit` callbacks of a lane to `claim`, and return when to look at the lane again, if that is soon."""
    again: list[Timestamp] = []
    found = unit_of_work.callbacks.claim_due(lane, now=now, limit=limit, leased_until=after(now, LEASE_SECONDS))
    if not found:
        again.append(after(now, HELD_SECONDS))
    for leased in found:
        if isinstance(leased, UnreadableCallback):
            _fail(unit_of_work, leased, now)
            claim.failed.append(leased)
            again.append(now)
            continue
        callback = _after_its_fault(unit_of_work, leased, now, random_fraction)
        if callback.fault != leased.fault:
            claim.struck.append(callback)
            if isinstance(callback.fault, Delay):
                again.append(now)  # its place is free: the lane may have more that is due
                continue
        claim.callbacks.append((callback, lane))
        room.take(lane)
    return again


def _fail_timeless(
    unit_of_work: UnitOfWork, lanes: Sequence[DeliveryPartition], limit: int, now: Timestamp
) -> list[UnreadableCallback]:
    """Fail callbacks whose due time is not a number; any others of their lanes are found by the next claim."""
    with unit_of_work:
        failed = [unreadable for lane in lanes for unreadable in unit_of_work.callbacks.find_without_time(lane, limit)]
        for unreadable in failed:
            _fail(unit_of_work, unreadable, now)
    return failed


def _fail(unit_of_work: UnitOfWork, unreadable: UnreadableCallback, now: Timestamp) -> None:
    """Fail a callback whose row cannot be read, and journal why: it must not hold up those of others."""
    callback, error = unreadable.callback, f"the stored callback cannot be read: {unreadable.reason}"
    number = callback.attempts + 1
    attempt = CallbackAttempt(number, now, callback.method, callback.url, (), None, "", 0.0, error)
    record_attempt(unit_of_work, callback, attempt, CallbackStatus.FAILED, now=now)


def _after_its_fault(
    unit_of_work: UnitOfWork, callback: StatusCallback, now: Timestamp, random_fraction: RandomFraction
) -> StatusCallback:
    """Return a leased callback with the fault that it meets, if it meets one; a delivery has one chance of it."""
    if callback.fault or not callback.may_meet_fault:
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
    """Prolong the leases of callbacks that are under way."""
    with unit_of_work:
        for sid in sorted(call_sids):
            unit_of_work.callbacks.renew_lease(sid, after(now, LEASE_SECONDS))


def release_leases(unit_of_work: UnitOfWork, call_sids: Sequence[str], *, now: Timestamp) -> None:
    """Make callbacks due at once whose deliveries were cut off."""
    with unit_of_work:
        for sid in sorted(call_sids):
            unit_of_work.callbacks.renew_lease(sid, now)


def is_pending(unit_of_work: UnitOfWork, callback: StatusCallback) -> bool:
    """Tell whether a callback that was leased is to be sent still: its call may have been forgotten."""
    return unit_of_work.callbacks.is_pending(callback)


def record_attempt(
    unit_of_work: UnitOfWork,
    callback: StatusCallback,
    attempt: CallbackAttempt,
    status: CallbackStatus,
    *,
    now: Timestamp,
) -> bool:
    """Journal one try that has ended, and settle the callback unless its `status` is still pending.

    `attempt.at` and `now` are the machine's time; journal and event have the account's. False, and nothing is
    journalled, where the call was forgotten while its callback was under way: nothing more of it is to be sent.
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
    """Mark a callback as failed whose attempt cannot be journaled, so that it is not sent again and again."""
    with unit_of_work:
        unit_of_work.callbacks.settle(callback, CallbackStatus.FAILED, attempts_made=callback.attempts + 1, due=None)


def release_all_leases(unit_of_work: UnitOfWork, *, now: Timestamp) -> int:
    """Make every leased callback due again; for a process that is alone with its database and has just started."""
    with unit_of_work:
        return unit_of_work.callbacks.release_all(now)


class CallbackJournal(NamedTuple):
    """A call's StatusCallback and what stands with it, both None while the call owes none; every attempt so far."""

    callback: StatusCallback | None
    status: CallbackStatus | None
    attempts: list[CallbackAttempt]


class NotRedeliverable(Exception):
    """A StatusCallback that cannot be sent again now; the message says why, and nothing was changed."""


def callback_journal(unit_of_work: UnitOfWork, call_sid: str) -> CallbackJournal:
    """Return what was tried to deliver a call's StatusCallback, the oldest attempt first.

    A callback that cannot be read is None, and has failed.
    """
    callback: StatusCallback | None
    status: CallbackStatus | None
    try:
        callback, status = unit_of_work.callbacks.find(call_sid) or (None, None)
    except UnreadableRow:
        callback, status = None, CallbackStatus.FAILED
    return CallbackJournal(callback, status, unit_of_work.callbacks.attempts(call_sid))


def callback_summary(unit_of_work: UnitOfWork, call_sid: str) -> CallbackSummary | None:
    """Return the state of a call's StatusCallback at a glance, None while it has none."""
    return unit_of_work.callbacks.summary(call_sid)


def redeliver_callback(unit_of_work: UnitOfWork, call_sid: str, *, system_now: Timestamp) -> CallbackJournal | None:
    """Owe a call's StatusCallback again, with the same idempotency token, due at once; None where the call is gone.

    Raises NotRedeliverable.
    """
    with unit_of_work:
        call = lock_call(unit_of_work, call_sid)
        if call is None:
            return None
        if call.status_callback is None:
            raise NotRedeliverable("asked for no StatusCallback")
        if not call.is_ended:
            raise NotRedeliverable(f"is {call.state}: its StatusCallback is sent when it has ended")
        if not unit_of_work.callbacks.redeliver(call_sid, system_now):
            raise NotRedeliverable("has a StatusCallback under way")
        return callback_journal(unit_of_work, call_sid)
