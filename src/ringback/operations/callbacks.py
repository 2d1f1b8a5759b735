"""StatusCallbacks: leasing those that are due to a sender, and recording what came of each try."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ringback.domain.callbacks import CallbackAttempt, CallbackStatus, CallbackSummary, Lane, StatusCallback
from ringback.domain.events import callback_settled
from ringback.domain.faults import Delay, Draw, FaultTarget
from ringback.domain.instants import Instant, after
from ringback.domain.sids import AccountSid
from ringback.operations.calls import held_call
from ringback.operations.faults import strike
from ringback.storage.unit_of_work import UnitOfWork

LEASE_SECONDS = 15.0
"""How long nobody else takes up a delivery whose process may have died. One that lives prolongs its leases."""
HELD_SECONDS = 0.01
"""After how long to look again where something is due that another process holds."""
LANE_DELIVERIES = 8
"""How many deliveries in one lane are under way at once."""
MAX_DELIVERIES = 128
"""How many deliveries are under way at once, of all accounts."""
KEPT_FREE = 3
"""How many places an account leaves free for each that it takes: alone it takes 32 of 128, with another one 25 each,
and whoever comes next finds room."""


class Claim(NamedTuple):
    """Callbacks leased to a sender, each with its lane; those that a fault struck; and when to look again.

    `next_due` is None where something has to happen first.
    """

    callbacks: list[tuple[StatusCallback, Lane]]
    struck: list[StatusCallback]
    next_due: Instant | None


def claim_due_callbacks(
    unit_of_work: UnitOfWork,
    *,
    now: Instant,
    under_way: Mapping[Lane, int],
    draw: Draw,
    slots: int = MAX_DELIVERIES,
) -> Claim:
    """Lease callbacks that are due, as many as there is room for, the lanes that waited longest first.

    `under_way` counts the deliveries in each lane that have not ended, of `slots` in all. One that a fault delays is
    not leased: it is owed later.
    """
    room = _Room(under_way, slots)
    if not room.is_left:
        return Claim([], [], None)
    open_lanes = {lane: due for lane, due in unit_of_work.callbacks.lanes().items() if room.in_lane(lane)}
    later = [due for due in open_lanes.values() if due > now]
    if len(open_lanes) == len(later):
        return Claim([], [], min(later, default=None))
    claimed: list[tuple[StatusCallback, Lane]] = []
    struck: list[StatusCallback] = []
    with unit_of_work:
        for lane in sorted(open_lanes, key=open_lanes.__getitem__)[: len(open_lanes) - len(later)]:
            limit = room.of(lane)
            if not limit:
                continue
            until = after(now, LEASE_SECONDS)
            found = unit_of_work.callbacks.claim_due(lane, now=now, limit=limit, leased_until=until)
            if not found:
                later.append(after(now, HELD_SECONDS))
            for leased in found:
                callback = _after_its_fault(unit_of_work, leased, now, draw)
                if callback.fault != leased.fault:
                    struck.append(callback)
                    if isinstance(callback.fault, Delay):
                        later.append(now)  # its place is free: the lane may have more that is due
                        continue
                claimed.append((callback, lane))
                room.take(lane)
    return Claim(claimed, struck, min(later, default=None))


class _Room:
    """The deliveries that may begin yet."""

    def __init__(self, under_way: Mapping[Lane, int], slots: int) -> None:
        self._lanes = Counter(under_way)
        self._accounts: Counter[AccountSid] = Counter()
        for lane, deliveries in under_way.items():
            self._accounts[lane.account_sid] += deliveries
        self._free = slots - self._accounts.total()

    @property
    def is_left(self) -> bool:
        return self._free > 0

    def in_lane(self, lane: Lane) -> int:
        return LANE_DELIVERIES - self._lanes[lane]

    def of(self, lane: Lane) -> int:
        """Return how many may begin in a lane, of which the last one has to leave enough free for others."""
        share = math.ceil((self._free - KEPT_FREE * self._accounts[lane.account_sid]) / (KEPT_FREE + 1))
        return max(0, min(self.in_lane(lane), share))

    def take(self, lane: Lane) -> None:
        self._lanes[lane] += 1
        self._accounts[lane.account_sid] += 1
        self._free -= 1


def _after_its_fault(unit_of_work: UnitOfWork, callback: StatusCallback, now: Instant, draw: Draw) -> StatusCallback:
    """Return a leased callback with the fault that it meets, if it meets one; a delivery has one chance of it."""
    if callback.fault or not callback.may_meet_fault:
        return callback
    effect = strike(unit_of_work, callback.account_sid, FaultTarget.STATUS_CALLBACK, draw=draw)
    if effect is None:
        return callback
    if isinstance(effect, Delay):
        unit_of_work.callbacks.meet(callback.call_sid, effect, due=after(now, effect.seconds), leased_until=None)
    else:
        leased_until = after(now, LEASE_SECONDS)
        unit_of_work.callbacks.meet(callback.call_sid, effect, due=leased_until, leased_until=leased_until)
    return replace(callback, fault=effect)


def keep_leases(unit_of_work: UnitOfWork, call_sids: Sequence[str], *, now: Instant) -> None:
    """Prolong the leases of callbacks that are under way."""
    with unit_of_work:
        for sid in sorted(call_sids):
            unit_of_work.callbacks.keep_lease(sid, after(now, LEASE_SECONDS))


def give_up_leases(unit_of_work: UnitOfWork, call_sids: Sequence[str], *, now: Instant) -> None:
    """Make callbacks due at once whose deliveries were cut off."""
    with unit_of_work:
        for sid in sorted(call_sids):
            unit_of_work.callbacks.keep_lease(sid, now)


def is_owed(unit_of_work: UnitOfWork, callback: StatusCallback) -> bool:
    """Tell whether a callback that was leased is to be sent still: its call may have been forgotten."""
    return unit_of_work.callbacks.is_owed(callback)


def record_attempt(
    unit_of_work: UnitOfWork,
    callback: StatusCallback,
    attempt: CallbackAttempt,
    status: CallbackStatus,
    *,
    now: Instant,
) -> bool:
    """Journal one try that has ended, and settle the callback unless its `status` is still pending.

    `attempt.at` and `now` are the machine's time; journal and event have the account's. False, and nothing is
    journalled, where the call was forgotten while its callback was under way: nothing more of it is to be sent.
    """
    due = after(now, LEASE_SECONDS) if status == CallbackStatus.PENDING else None
    with unit_of_work:
        account = unit_of_work.accounts.hold(callback.account_sid)
        if account is None or not unit_of_work.callbacks.settle(
            callback, status, attempts_made=attempt.number, due=due
        ):
            return False
        journaled = replace(attempt, at=account.clock.now(attempt.at))
        unit_of_work.callbacks.add_attempt(callback.call_sid, journaled)
        if status != CallbackStatus.PENDING:
            unit_of_work.events.add(callback_settled(callback, journaled, status, account.clock.now(now)))
        return True


def release_leases(unit_of_work: UnitOfWork, *, now: Instant) -> int:
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
    """Return what was tried to deliver a call's StatusCallback, the oldest attempt first."""
    callback, status = unit_of_work.callbacks.find(call_sid) or (None, None)
    return CallbackJournal(callback, status, unit_of_work.callbacks.attempts(call_sid))


def callback_summary(unit_of_work: UnitOfWork, call_sid: str) -> CallbackSummary | None:
    """Return the state of a call's StatusCallback at a glance, None while it has none."""
    return unit_of_work.callbacks.summary(call_sid)


def redeliver_callback(unit_of_work: UnitOfWork, call_sid: str, *, real: Instant) -> CallbackJournal | None:
    """Owe a call's StatusCallback again, with the same idempotency token, due at once; None where the call is gone.

    Raises NotRedeliverable.
    """
    with unit_of_work:
        call = held_call(unit_of_work, call_sid)
        if call is None:
            return None
        if call.status_callback is None:
            raise NotRedeliverable("asked for no StatusCallback")
        if not call.is_ended:
            raise NotRedeliverable(f"is {call.state}: its StatusCallback is sent when it has ended")
        if not unit_of_work.callbacks.redeliver(call_sid, real):
            raise NotRedeliverable("has a StatusCallback under way")
        return callback_journal(unit_of_work, call_sid)
