"""An account's clock: set, frozen, and advanced through all that falls due meanwhile."""

from typing import NamedTuple

from ringback.domain.accounts import Account
from ringback.domain.call_plan import next_event
from ringback.domain.calls import ValidationCall
from ringback.domain.clocks import AccountClock, AccountTime, ClockMode
from ringback.domain.instants import Instant, after
from ringback.domain.policies import CallPolicy
from ringback.domain.sids import AccountSid
from ringback.operations.calls import DUE_CALLS_BATCH, advance_call
from ringback.operations.identifiers import Identifiers
from ringback.storage.unit_of_work import UnitOfWork

CALLBACK_SECONDS = 0.1
"""How much of an account's time may pass, while it is advanced, before the callbacks it owes must have been sent."""


class AdvanceStopped(Exception):
    """A clock could not be advanced to the end: the message says why, and what stands now."""


CLOCK_WAS_SET = "the clock was set or advanced by somebody else, or the account reset, while it was advanced"


class Stride(NamedTuple):
    """What one stride of an advancing clock did: the calls it moved, and the time it came to."""

    moved: list[ValidationCall]
    time: AccountTime


def account_time(unit_of_work: UnitOfWork, account_sid: AccountSid, *, real: Instant) -> AccountTime | None:
    """Return the present by an account's clock, or None where there is no account."""
    account = unit_of_work.accounts.find(account_sid)
    return account.clock.at(real) if account else None


def set_clock(
    unit_of_work: UnitOfWork, account_sid: AccountSid, *, mode: ClockMode, now: Instant | None, real: Instant
) -> AccountTime | None:
    """Freeze an account's clock or let it run, from `now` or else from what it shows; None where there is no account.

    What is overdue by the new time is due at once.
    """
    with unit_of_work:
        account = unit_of_work.accounts.hold_alone(account_sid)
        if account is None:
            return None
        unit_of_work.overturned.add(account_sid)
        shown = account.clock.now(real) if now is None else now
        return _set(unit_of_work, account, account.clock.set_to(shown, real=real, mode=mode).at(real))


def _set(unit_of_work: UnitOfWork, account: Account, time: AccountTime) -> AccountTime:
    unit_of_work.accounts.set_clock(account.sid, time.clock)
    unit_of_work.due_calls.follow_clock(account.sid, time)
    return time


def stride(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    *,
    until: Instant,
    left_at: AccountClock | None,
    real: Instant,
    policy: CallPolicy,
    identifiers: Identifiers,
) -> Stride | None:
    """Advance an account's clock through calls that fall due by `until`, in order, as far as nothing can come between.

    A stride ends before whatever it made due itself, and soon after a callback is owed, which is to be sent before
    more happens. When no call is due any more, nothing is moved and the clock shows `until`, or what it shows already
    when that is later. None where there is no account. Raises AdvanceStopped where the clock is not as the stride
    before this one has `left_at`.
    """
    with unit_of_work:
        account = unit_of_work.accounts.hold_alone(account_sid)
        if account is None:
            return None
        if left_at not in (None, account.clock):
            raise AdvanceStopped(CLOCK_WAS_SET)
        time = account.clock.at(real)
        due_calls = unit_of_work.due_calls.claim_due_of_account(account_sid, until, DUE_CALLS_BATCH)
        if not due_calls:
            reached = account.clock.set_to(max(until, time.now), real=real)
            return Stride([], _set(unit_of_work, account, reached.at(real)))
        moved: list[ValidationCall] = []
        horizon: Instant | None = None
        for call, due, _ in due_calls:
            if horizon is not None and due.at > horizon:
                break
            time = time.later(max(due.at, time.now))
            after_move = advance_call(
                unit_of_work,
                call,
                due.event,
                digits=due.digits,
                time=time,
                policy=policy,
                identifiers=identifiers,
            )
            moved.append(after_move)
            horizon = _earlier(horizon, _next_of(after_move, policy, time.now))
        clock = account.clock.set_to(time.now, real=real)
        unit_of_work.accounts.set_clock(account_sid, clock)
        return Stride(moved, clock.at(real))


def _next_of(call: ValidationCall, policy: CallPolicy, now: Instant) -> Instant | None:
    """Return when a call that was just moved wants something: its next event, or its callback to be sent."""
    pending = next_event(call, policy, now)
    if pending:
        return pending.at
    return after(now, CALLBACK_SECONDS) if call.status_callback else None


def _earlier(one: Instant | None, other: Instant | None) -> Instant | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def follow_clocks(unit_of_work: UnitOfWork, *, real: Instant) -> None:
    """Bring the machine's times of pending calls in line with every clock that was set.

    Whoever was cut off while he advanced a clock has left them behind.
    """
    for sid in unit_of_work.accounts.with_set_clocks():
        with unit_of_work:
            account = unit_of_work.accounts.hold_alone(sid)
            if account:
                unit_of_work.due_calls.follow_clock(account.sid, account.clock.at(real))


def owes_callbacks(unit_of_work: UnitOfWork, account_sid: AccountSid) -> bool:
    """Tell whether any StatusCallback of an account is neither delivered nor given up."""
    return unit_of_work.callbacks.owes_any(account_sid)
