"""An account's clock: set, frozen, and advanced through all that falls due meanwhile."""

from collections.abc import Callable
from typing import NamedTuple

import orjson

from ringback.domain.account_clock import AccountClock, AccountTime, ClockMode
from ringback.domain.accounts import Account
from ringback.domain.call_schedule import next_event
from ringback.domain.calls import ValidationCall
from ringback.domain.faults import Delay, InvalidFault, effect_from_dict
from ringback.domain.policies import CallPolicy
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp, after
from ringback.operations.callbacks import LEASE_SECONDS
from ringback.operations.calls import advance_call
from ringback.operations.id_generator import IdGenerator
from ringback.storage.clock_recovery import (
    bring_call_forward,
    bring_callback_forward,
    callbacks_due_after,
    calls_planned_after,
)
from ringback.storage.stepwise import Steps, in_steps
from ringback.storage.unit_of_work import UnitOfWork

CALLBACK_SECONDS = 0.1
"""How much of an account's time may pass, while it is advanced, before the callbacks it owes must have been sent."""
ACCOUNTS_AT_ONCE = 500
"""How many accounts with pending calls are read in one go."""


class AdvanceStopped(Exception):
    """A clock could not be advanced to the end: the message says why, and what stands now."""


SERVER_STOPS = "ringback stops while the clock is advanced: not all of that time has passed, or callbacks are pending"
CLOCK_WAS_SET = "the clock was set or advanced by somebody else, or the account reset, while it was advanced"


class Course(NamedTuple):
    """Where an advance goes, and how its last step left the clock.

    The clock does not go beyond `pause_at`, if there is one, until all callbacks of the account have settled.
    """

    until: Timestamp
    left_at: AccountClock
    pause_at: Timestamp | None = None


class Batch(NamedTuple):
    """How many calls one step moves: at most `limit`, and none after `is_enough` says so."""

    limit: int
    is_enough: Callable[[], bool]


class AdvanceStep(NamedTuple):
    """The result of one step of an advance: the calls it moved, and the time it reached.

    `course` is that of the next step; `is_last` where the clock has arrived.
    """

    moved: list[ValidationCall]
    time: AccountTime
    course: Course
    is_last: bool


def account_time(unit_of_work: UnitOfWork, account_sid: AccountSid, *, system_now: Timestamp) -> AccountTime | None:
    """Return the present by an account's clock, or None where there is no account."""
    account = unit_of_work.accounts.find(account_sid)
    return account.clock.at(system_now) if account else None


def next_event_time(unit_of_work: UnitOfWork, account_sid: AccountSid) -> Timestamp | None:
    """Return when by the account's clock the next event of a call falls due, or None without pending events."""
    return unit_of_work.due_calls.next_due_of_account(account_sid)


@in_steps
def set_clock(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    *,
    mode: ClockMode,
    account_now: Timestamp | None,
    system_now: Timestamp,
) -> Steps[AccountTime | None]:
    """Set an account's clock to `account_now`, or leave its time, and freeze it or let it run.

    Overdue events are due at once. Return None if the account does not exist.
    """
    with unit_of_work:
        account = unit_of_work.accounts.lock_exclusive(account_sid)
        if account is None:
            return None
        unit_of_work.invalidated.add(account_sid)
        shown = account.clock.now(system_now) if account_now is None else account_now
        return (
            yield from _set(
                unit_of_work, account, account.clock.set_to(shown, system_now=system_now, mode=mode).at(system_now)
            )
        )


def _set(unit_of_work: UnitOfWork, account: Account, time: AccountTime) -> Steps[AccountTime]:
    unit_of_work.accounts.set_clock(account.sid, time.clock)
    yield from unit_of_work.due_calls.recompute_due_times(account.sid, time)
    return time


@in_steps
def advance_step(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    *,
    course: Course,
    batch: Batch,
    system_now: Timestamp,
    policy: CallPolicy,
    id_generator: IdGenerator,
) -> Steps[AdvanceStep | None]:
    """Advance an account's clock through some of the calls that fall due, in order.

    The clock pauses soon after a callback became pending, so that it is sent before anything else happens. The last
    step moves no call: it sets the clock to the end of the course, unless the clock already shows a later time. Return
    None if the account does not exist. Raises AdvanceStopped if the clock was set since the previous step.
    """
    with unit_of_work:
        account = unit_of_work.accounts.lock_exclusive(account_sid)
        if account is None:
            return None
        if course.left_at != account.clock:
            raise AdvanceStopped(CLOCK_WAS_SET)
        time, pause_at = account.clock.at(system_now), course.pause_at
        if pause_at is None and unit_of_work.callbacks.has_pending(account_sid):
            pause_at = after(time.account_now, CALLBACK_SECONDS)
        moved: list[ValidationCall] = []
        horizon = _earlier(course.until, pause_at)
        for call, due, _ in unit_of_work.due_calls.claim_due_of_account(account_sid, horizon, batch.limit):
            if due.at > horizon or (moved and batch.is_enough()):
                break
            time = time.later(max(due.at, time.account_now))
            after_move = advance_call(
                unit_of_work, call, due.event, digits=due.digits, time=time, policy=policy, id_generator=id_generator
            )
            moved.append(after_move)
            pause_at = _callback_pause(after_move, pause_at, time.account_now)
            horizon = _earlier(_next_of(after_move, policy, time.account_now) or horizon, _earlier(horizon, pause_at))
        if moved or pause_at is not None:
            clock = account.clock.set_to(time.account_now, system_now=system_now)
            unit_of_work.accounts.set_clock(account_sid, clock)
            return AdvanceStep(moved, clock.at(system_now), Course(course.until, clock, pause_at), is_last=False)
        reached = account.clock.set_to(max(course.until, time.account_now), system_now=system_now)
        time = yield from _set(unit_of_work, account, reached.at(system_now))
        return AdvanceStep(moved, time, Course(course.until, reached), is_last=True)


def _callback_pause(call: ValidationCall, pause_at: Timestamp | None, account_now: Timestamp) -> Timestamp | None:
    """Return where the clock is to pause after this call was moved: soon, if it owes a callback now."""
    return (
        _earlier(after(account_now, CALLBACK_SECONDS), pause_at) if call.is_ended and call.status_callback else pause_at
    )


def _next_of(call: ValidationCall, policy: CallPolicy, account_now: Timestamp) -> Timestamp | None:
    """Return when the next event of a call that was just moved falls due."""
    pending = next_event(call, policy, account_now)
    return pending.at if pending else None


def _earlier(one: Timestamp, other: Timestamp | None) -> Timestamp:
    return one if other is None else min(one, other)


def accounts_to_follow(unit_of_work: UnitOfWork, after_sid: str) -> list[AccountSid]:
    """Return some accounts whose clocks were set and in which calls are pending: the next ones after a SID."""
    return unit_of_work.accounts.with_set_clocks(after_sid, ACCOUNTS_AT_ONCE)


@in_steps
def follow_clock(unit_of_work: UnitOfWork, account_sid: AccountSid, *, system_now: Timestamp) -> Steps[None]:
    """Bring the machine's times of pending calls in line with a clock that was set.

    An advance that was cut off has left them behind.
    """
    with unit_of_work:
        account = unit_of_work.accounts.lock_exclusive(account_sid)
        if account:
            yield from unit_of_work.due_calls.recompute_due_times(account.sid, account.clock.at(system_now))


@in_steps
def recompute_due_times(unit_of_work: UnitOfWork, *, system_now: Timestamp) -> Steps[None]:
    """Bring the machine's times of pending calls in line with every clock that was set."""
    last = ""
    while sids := accounts_to_follow(unit_of_work, last):
        for sid in sids:
            yield from follow_clock.steps(unit_of_work, sid, system_now=system_now)
            yield
        last = sids[-1]


def has_pending_callbacks(unit_of_work: UnitOfWork, account_sid: AccountSid) -> bool:
    """Tell whether any StatusCallback of an account is neither delivered nor given up."""
    return unit_of_work.callbacks.has_pending(account_sid)


REPLICAS_DIFFER_SECONDS = 60.0
"""How far ahead another replica's clock may be before its work counts as planned by a clock that was set back since."""


@in_steps
def bring_pending_work_forward(unit_of_work: UnitOfWork, *, system_now: Timestamp) -> Steps[int]:
    """Bring calls and callbacks forward that were planned when the clock showed a later time; return how many.

    A call keeps the time that was left to its next event. A callback is due at once, or after its lease or delay. Calls
    of accounts whose clock was set are left alone: they go by that clock.
    """
    slack_seconds = 0.0 if unit_of_work.is_embedded else REPLICAS_DIFFER_SECONDS
    count = 0
    with unit_of_work:
        for call_sid, planned_at in calls_planned_after(unit_of_work, after(system_now, slack_seconds)):
            bring_call_forward(unit_of_work, call_sid, planned_at - system_now)
            count += 1
            yield
        for call_sid, is_leased, fault in callbacks_due_after(unit_of_work, after(system_now, slack_seconds)):
            due = after(system_now, LEASE_SECONDS if is_leased else _delay_seconds(fault))
            count += bring_callback_forward(unit_of_work, call_sid, due=due, latest=after(due, slack_seconds))
            yield
    return count


def _delay_seconds(fault: str | None) -> float:
    """Return how long a stored fault delays a callback; one that cannot be read does not."""
    try:
        effect = effect_from_dict(orjson.loads(fault)) if fault else None
    except (ValueError, TypeError, AttributeError, InvalidFault):
        return 0.0
    return effect.seconds if isinstance(effect, Delay) else 0.0
