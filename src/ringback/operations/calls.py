"""Advance validation calls, by an event or as time passes, and list them.

Every change to a call goes through `advance_call`.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ringback.domain.account_clock import AccountTime
from ringback.domain.call_filters import NothingMatches, parse_call_filters
from ringback.domain.call_schedule import PAUSE, next_event, paused_digits
from ringback.domain.callbacks import CallbackSummary, status_callback_parameters
from ringback.domain.calls import (
    IN_PROGRESS_STATES,
    CallEvent,
    CallState,
    CallStatus,
    ValidationCall,
    transition,
)
from ringback.domain.errors import call_not_in_progress
from ringback.domain.events import EventType, call_ended, call_moved, caller_id_event
from ringback.domain.paging import Page, PageRequest
from ringback.domain.phones import is_reached, phone_at
from ringback.domain.policies import CallPolicy
from ringback.domain.sids import AccountSid, OutgoingCallerIdSid
from ringback.domain.timestamps import Timestamp
from ringback.domain.urls import parse_url
from ringback.operations.accounts import lock_account_time
from ringback.operations.caller_ids import add_caller_id
from ringback.operations.id_generator import IdGenerator
from ringback.storage.stepwise import Steps, in_steps
from ringback.storage.unit_of_work import UnitOfWork

DUE_CALLS_AT_ONCE = 10
"""Maximum number of due calls that one transaction advances, because other requests wait for it."""


class CallContext(NamedTuple):
    """The context of an operation on a call: the account's time, its call policy, and the generator of new ids.

    `policy` includes the account's own values only when a call is created. Later events do not depend on these values.
    """

    time: AccountTime
    policy: CallPolicy
    id_generator: IdGenerator


def advance_call(
    unit_of_work: UnitOfWork, call: ValidationCall, event: CallEvent, *, context: CallContext, digits: str = ""
) -> ValidationCall:
    """Apply `event` to `call` and store the results in one transaction.

    The results are the call's new state, its next pending event, and entries in the event log. A successful call also
    creates a caller ID, and a call that ends enqueues its StatusCallback. Raises IllegalCallEvent, changing nothing, if
    the event is not valid in the call's state.
    """
    time, policy = context.time, context.policy
    with unit_of_work:
        if event == CallEvent.DIAL:
            rules = unit_of_work.phones.pop_rules_at(call.account_sid, call.phone_number)
            call = call._replace(phone=phone_at(call.phone_number, rules, policy.default_phone)[0])
        call = transition(call, event, account_now=time.account_now, digits=digits)
        log_event = call_moved(call, event, digits, time.account_now)
        if log_event:
            unit_of_work.events.add(log_event)
        if call.is_verified:
            call = call._replace(outgoing_caller_id_sid=_create_caller_id(unit_of_work, call, context))
        unit_of_work.calls.update(call, next_event(call, policy, time.account_now), time)
        if call.is_ended:
            unit_of_work.events.add(call_ended(call, time.account_now))
            _enqueue_status_callback(unit_of_work, call, context)
        return call


def _create_caller_id(unit_of_work: UnitOfWork, call: ValidationCall, context: CallContext) -> OutgoingCallerIdSid:
    """Create a caller ID for a call's number, unless one was added since the request. Return the caller ID's SID."""
    account_now = context.time.account_now
    caller_id, is_new = add_caller_id(
        unit_of_work,
        call.account_sid,
        call.phone_number,
        call.friendly_name,
        created=account_now,
        id_generator=context.id_generator,
    )
    if is_new:
        unit_of_work.events.add(caller_id_event(caller_id, EventType.CALLER_ID_CREATED, account_now, call.sid))
    return caller_id.sid


def _enqueue_status_callback(unit_of_work: UnitOfWork, call: ValidationCall, context: CallContext) -> None:
    if call.status_callback is None:
        return
    receiver = parse_url(call.status_callback).receiver
    parameters = status_callback_parameters(call)
    is_enqueued = False
    while not is_enqueued:
        token = context.id_generator.idempotency_token()
        is_enqueued = unit_of_work.callbacks.enqueue(
            call, parameters, receiver=receiver, idempotency_token=token, time=context.time
        )


def advance_due_calls(
    unit_of_work: UnitOfWork,
    *,
    system_now: Timestamp,
    policy: CallPolicy,
    id_generator: IdGenerator,
    only: str | None = None,
    is_enough: Callable[[], bool] = lambda: False,
) -> list[ValidationCall]:
    """Advance a batch of calls whose next event is due at `system_now`, in one transaction, and return them.

    Each call uses its own account's time. If `only` is the SID of a call, advance that call alone, if it is due. The
    batch ends early if `is_enough` returns True after a call has been advanced.
    """
    advanced: list[ValidationCall] = []
    with unit_of_work:
        for call, due, clock in unit_of_work.due_calls.claim_due(system_now, DUE_CALLS_AT_ONCE, only):
            context = CallContext(clock.at(system_now), policy, id_generator)
            advanced.append(advance_call(unit_of_work, call, due.event, context=context, digits=due.digits))
            if is_enough():
                break
    return advanced


def due_call_sids(unit_of_work: UnitOfWork, *, system_now: Timestamp) -> list[str]:
    """Return the SIDs of the calls that `advance_due_calls` would advance."""
    return unit_of_work.due_calls.due_sids(system_now, DUE_CALLS_AT_ONCE)


def postpone_call(unit_of_work: UnitOfWork, sid: str, *, until: Timestamp) -> None:
    """Postpone a call's next event to a system time. A call that cannot be advanced must not delay other calls."""
    with unit_of_work:
        unit_of_work.due_calls.postpone(sid, until)


def next_call_due(unit_of_work: UnitOfWork) -> Timestamp | None:
    """Return the system time at which the next call is due, or None. Calls that wait for a frozen clock are ignored."""
    return unit_of_work.due_calls.next_due()


def lock_call(unit_of_work: UnitOfWork, sid: str) -> ValidationCall | None:
    """Lock a call's account and then the call, as every writer does; return None if the call does not exist."""
    call = unit_of_work.calls.find(sid)
    if call is None or unit_of_work.accounts.lock_shared(call.account_sid) is None:
        return None
    return unit_of_work.calls.lock_for_update(sid)


class PersonNotReached(Exception):
    """The callee does not hear the prompt: a switchboard answered, and the call did not dial the phone's extension."""


def find_call(unit_of_work: UnitOfWork, account_sid: AccountSid, sid: str) -> ValidationCall | None:
    """Return a call, or None if this account does not have it."""
    call = unit_of_work.calls.find(sid)
    return call if call and call.account_sid == account_sid else None


@in_steps
def newest_calls(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    *,
    limit: int,
    phone_number: str | None = None,
    status: CallStatus | None = None,
) -> Steps[list[tuple[ValidationCall, CallbackSummary | None]]]:
    """Return an account's calls, newest first, each with the summary of its StatusCallback, if it has one yet.

    `phone_number` (E.164) and `status` filter the calls.
    """
    states = None if status is None else [state for state in CallState if state.status == status]
    calls: list[tuple[ValidationCall, CallbackSummary | None]] = []
    for call in unit_of_work.calls.newest(account_sid, limit=limit, phone_number=phone_number, states=states):
        calls.append(call)
        yield
    return calls


def apply_callee_action(
    unit_of_work: UnitOfWork,
    sid: str,
    event: CallEvent,
    *,
    digits: str = "",
    system_now: Timestamp,
    policy: CallPolicy,
    id_generator: IdGenerator,
) -> ValidationCall | None:
    """Apply an action of the callee to a call and return the call, or None if it does not exist.

    Digits with pauses (``w``) become the call's next event, which is due on the account's clock. Digits that the callee
    pressed earlier and that are still pending are kept before them. Raises IllegalCallEvent if the action is not valid
    in the call's state, or PersonNotReached if the callee does not hear the prompt.
    """
    with unit_of_work:
        call = lock_call(unit_of_work, sid)
        account = unit_of_work.accounts.find(call.account_sid) if call else None
        if account is None or call is None:
            return None
        if event == CallEvent.DIGITS and call.phone and not is_reached(call.phone, call.extension):
            raise PersonNotReached(call.sid)
        context = CallContext(account.clock.at(system_now), policy, id_generator)
        digits = digits.rstrip(PAUSE)
        if PAUSE in digits and call.state == CallState.PROMPTING:
            pending = unit_of_work.calls.pending_event(sid)
            pending = paused_digits(call, policy, context.time.account_now, digits, pending)
            unit_of_work.calls.update(call, pending, context.time)
            return call
        return advance_call(unit_of_work, call, event, context=context, digits=digits)


def end_call(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    sid: str,
    event: CallEvent,
    *,
    system_now: Timestamp,
    policy: CallPolicy,
    id_generator: IdGenerator,
) -> ValidationCall | None:
    """End a call by `CallEvent.CANCEL` or `CallEvent.COMPLETE` and return it. Return None if the call does not exist.

    `CallEvent.CANCEL` does not change a call that has been answered. Raises TwilioError 21220 if the call has ended, or
    20003 if the account was deleted. Source: docs/fidelity.md, Call.
    """
    with unit_of_work:
        time = lock_account_time(unit_of_work, account_sid, system_now)
        call = find_call(unit_of_work, account_sid, sid) and unit_of_work.calls.lock_for_update(sid)
        if call is None:
            return None
        if call.is_ended:
            raise call_not_in_progress()
        if event == CallEvent.CANCEL and call.state in IN_PROGRESS_STATES:
            return call
        return advance_call(unit_of_work, call, event, context=CallContext(time, policy, id_generator))


@in_steps
def list_calls(
    unit_of_work: UnitOfWork, account_sid: AccountSid, request: PageRequest, asked: Mapping[str, str]
) -> Steps[Page[ValidationCall]]:
    """Return one page of an account's calls, newest first. `asked` contains the parameters under Twilio's names.

    The page is empty if a filter cannot match any call; that is not an error.
    """
    try:
        filters = parse_call_filters(asked)
    except NothingMatches:
        return Page(request, [], None, None)
    return (yield from unit_of_work.calls.page(account_sid, filters, request))
