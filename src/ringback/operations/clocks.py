"""Set, freeze and advance an account's clock, and update the system times at which pending work is due."""

from collections.abc import Callable
from typing import NamedTuple

import orjson

from ringback.domain.account_clock import AccountClock, AccountTime, ClockMode
from ringback.domain.accounts import Account
from ringback.domain.call_schedule import next_event
from ringback.domain.calls import ValidationCall
from ringback.domain.fault_effects import Delay, InvalidFault, effect_from_dict
from ringback.domain.policies import CallPolicy
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp, after
from ringback.operations.callbacks import LEASE_SECONDS
from ringback.operations.calls import CallContext, advance_call
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
"""Maximum account time that passes during an advance while callbacks are pending."""
ACCOUNTS_AT_ONCE = 500
"""Maximum number of accounts with pending calls that one transaction reads."""
REPLICAS_DIFFER_SECONDS = 60.0
"""Tolerance for differences between the clocks of replicas. Work that was planned further in the future was planned
before the clock was set back."""


class AdvanceStopped(Exception):
    """A clock could not be advanced to the requested time; the message says why."""


SERVER_STOPS = (
    "ringback stopped during the advance: the clock has not reached the requested time, or callbacks are still pending"
)
CLOCK_WAS_SET = "the clock was set or advanced by another client, or the account was reset, during the advance"


class AdvanceState(NamedTuple):
    """The state of an advance between two steps: its end time, and the clock as the last step set it.

    If `pause_at` is not None, the clock does not pass it until all callbacks of the account have settled.
    """

    until: Timestamp
    clock: AccountClock
    pause_at: Timestamp | None = None


class Batch(NamedTuple):
    """The limits of a step: at most `limit` calls, and no further call after `is_enough` returns True."""

    limit: int
    is_enough: Callable[[], bool]


class AdvanceStep(NamedTuple):
    """The result of one step: the advanced calls, the time reached, and the state for the next step.

    `is_last` tells whether the clock has reached the end of the advance.
    """

    calls: list[ValidationCall]
    time: AccountTime
    state: AdvanceState
    is_last: bool


def account_time(unit_of_work: UnitOfWork, account_sid: AccountSid, *, system_now: Timestamp) -> AccountTime | None:
    """Return an account's time, or None if the account does not exist."""
    account = unit_of_work.accounts.find(account_sid)
    return account.clock.at(system_now) if account else None


def next_event_time(unit_of_work: UnitOfWork, account_sid: AccountSid) -> Timestamp | None:
    """Return the account time at which the next event of a call is due, or None if no event is pending."""
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
    """Set an account's clock to `account_now`, and freeze it or let it run. If `account_now` is None, keep the time.

    Overdue events become due immediately. Return None if the account does not exist.
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
    state: AdvanceState,
    batch: Batch,
    system_now: Timestamp,
    policy: CallPolicy,
    id_generator: IdGenerator,
) -> Steps[AdvanceStep | None]:
    """Advance an account's clock toward `state.until`, and advance the next batch of calls that are due by then.

    The clock pauses shortly after a callback becomes pending, so that it is delivered before anything else happens. The
    last step only sets the clock to `state.until`, unless the clock already shows a later time. Return None if the
    account does not exist. Raises AdvanceStopped if the clock was set since the previous step.
    """
    with unit_of_work:
        account = unit_of_work.accounts.lock_exclusive(account_sid)
        if account is None:
            return None
        if state.clock != account.clock:
            raise AdvanceStopped(CLOCK_WAS_SET)
        time = account.clock.at(system_now)
        if state.pause_at is None and unit_of_work.callbacks.has_pending(account_sid):
            state = state._replace(pause_at=after(time.account_now, CALLBACK_SECONDS))
        context = CallContext(time, policy, id_generator)
        calls, account_now, pause_at = _advance_calls(unit_of_work, account_sid, state, batch, context)
        if calls or pause_at is not None:
            clock = account.clock.set_to(account_now, system_now=system_now)
            unit_of_work.accounts.set_clock(account_sid, clock)
            return AdvanceStep(calls, clock.at(system_now), AdvanceState(state.until, clock, pause_at), is_last=False)
        clock = account.clock.set_to(max(state.until, account_now), system_now=system_now)
        time = yield from _set(unit_of_work, account, clock.at(system_now))
        return AdvanceStep(calls, time, AdvanceState(state.until, clock), is_last=True)


def _advance_calls(
    unit_of_work: UnitOfWork, account_sid: AccountSid, state: AdvanceState, batch: Batch, context: CallContext
) -> tuple[list[ValidationCall], Timestamp, Timestamp | None]:
    """Advance a batch of calls. Return the calls, the account time reached, and the time when the clock must pause."""
    calls: list[ValidationCall] = []
    account_now, pause_at = context.time.account_now, state.pause_at
    horizon = _earlier(state.until, pause_at)
    for due_call, due, _ in unit_of_work.due_calls.claim_due_of_account(account_sid, horizon, batch.limit):
        if due.at > horizon or (calls and batch.is_enough()):
            break
        account_now = max(due.at, account_now)
        context = context._replace(time=context.time.later(account_now))
        call = advance_call(unit_of_work, due_call, due.event, context=context, digits=due.digits)
        calls.append(call)
        if call.is_ended and call.status_callback:
            pause_at = _earlier(after(account_now, CALLBACK_SECONDS), pause_at)
        pending = next_event(call, context.policy, account_now)
        horizon = _earlier(horizon, pause_at)
        if pending:  # the same call may be due again before the other claimed calls
            horizon = _earlier(horizon, pending.at)
    return calls, account_now, pause_at


def _earlier(one: Timestamp, other: Timestamp | None) -> Timestamp:
    return one if other is None else min(one, other)


def accounts_with_set_clocks(unit_of_work: UnitOfWork, after_sid: str) -> list[AccountSid]:
    """Return the next accounts, with SIDs above `after_sid`, that have pending calls and a clock that was set."""
    return unit_of_work.accounts.with_set_clocks(after_sid, ACCOUNTS_AT_ONCE)


@in_steps
def recompute_account_due_times(
    unit_of_work: UnitOfWork, account_sid: AccountSid, *, system_now: Timestamp
) -> Steps[None]:
    """Recompute the system times at which an account's calls are due. An interrupted advance leaves them outdated."""
    with unit_of_work:
        account = unit_of_work.accounts.lock_exclusive(account_sid)
        if account:
            yield from unit_of_work.due_calls.recompute_due_times(account.sid, account.clock.at(system_now))


@in_steps
def recompute_due_times(unit_of_work: UnitOfWork, *, system_now: Timestamp) -> Steps[None]:
    """Recompute the system times at which calls are due, in all accounts whose clocks were set."""
    last = ""
    while sids := accounts_with_set_clocks(unit_of_work, last):
        for sid in sids:
            yield from recompute_account_due_times.steps(unit_of_work, sid, system_now=system_now)
            yield
        last = sids[-1]


def has_pending_callbacks(unit_of_work: UnitOfWork, account_sid: AccountSid) -> bool:
    """Return whether any StatusCallback of an account is pending."""
    return unit_of_work.callbacks.has_pending(account_sid)


@in_steps
def bring_pending_work_forward(unit_of_work: UnitOfWork, *, system_now: Timestamp) -> Steps[int]:
    """Reschedule calls and callbacks that were planned before the system clock was set back. Return their number.

    This runs at startup. A call keeps the time remaining until its next event. A callback is due immediately, or after
    its lease or delay. Calls of accounts whose clock was set are not changed, because they follow that clock.
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
    """Return the seconds by which a stored fault delays a callback. An unreadable fault does not delay it."""
    try:
        effect = effect_from_dict(orjson.loads(fault)) if fault else None
    except (ValueError, TypeError, AttributeError, InvalidFault):
        return 0.0
    return effect.seconds if isinstance(effect, Delay) else 0.0
