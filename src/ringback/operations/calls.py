"""The one door through which a validation call moves, whoever moves it."""

from collections.abc import Callable, Mapping

from ringback.domain.account_clock import AccountTime
from ringback.domain.call_filters import NothingMatches, call_filters
from ringback.domain.call_schedule import next_event
from ringback.domain.callbacks import CallbackSummary, status_callback_parameters
from ringback.domain.calls import CallEvent, CallState, CallStatus, ValidationCall, transition
from ringback.domain.events import EventType, call_ended, call_moved, caller_id_event
from ringback.domain.paging import Page, PageRequest
from ringback.domain.phones import is_reached, phone_at
from ringback.domain.policies import CallPolicy
from ringback.domain.sids import AccountSid, OutgoingCallerIdSid
from ringback.domain.timestamps import Timestamp
from ringback.domain.urls import parse_url
from ringback.operations.caller_ids import add_caller_id
from ringback.operations.id_generator import IdGenerator
from ringback.storage.stepwise import Steps, in_steps
from ringback.storage.unit_of_work import UnitOfWork

DUE_CALLS_AT_ONCE = 10
"""How many calls are moved in one transaction as time passes, at most: requests that come meanwhile wait for them."""


def advance_call(
    unit_of_work: UnitOfWork,
    call: ValidationCall,
    event: CallEvent,
    *,
    digits: str = "",
    time: AccountTime,
    policy: CallPolicy,
    id_generator: IdGenerator,
) -> ValidationCall:
    """Let `event` happen to `call`, and store all that follows from it in one transaction.

    What follows: the call's new state and its next pending event; on success the caller ID; at the end the
    StatusCallback that is owed; the events that tell of it. Raises IllegalCallEvent, and changes nothing, where the
    event cannot happen.
    """
    with unit_of_work:
        if event == CallEvent.DIAL:
            rules = unit_of_work.phones.pop_rules_at(call.account_sid, call.phone_number)
            call = call._replace(phone=phone_at(call.phone_number, rules, policy.default_phone)[0])
        moved = transition(call, event, account_now=time.account_now, digits=digits)
        told = call_moved(moved, event, digits, time.account_now)
        if told:
            unit_of_work.events.add(told)
        if moved.is_verified:
            caller_id_sid = _verified(unit_of_work, moved, time.account_now, id_generator)
            moved = moved._replace(outgoing_caller_id_sid=caller_id_sid)
        unit_of_work.calls.update(moved, next_event(moved, policy, time.account_now), time)
        if moved.is_ended:
            unit_of_work.events.add(call_ended(moved, time.account_now))
            _enqueue_status_callback(unit_of_work, moved, time, id_generator)
        return moved


def _verified(
    unit_of_work: UnitOfWork, call: ValidationCall, account_now: Timestamp, id_generator: IdGenerator
) -> OutgoingCallerIdSid:
    """Return the SID of the number's caller ID: the new one, or the one it has got meanwhile."""
    caller_id, is_new = add_caller_id(
        unit_of_work,
        call.account_sid,
        call.phone_number,
        call.friendly_name,
        created=account_now,
        id_generator=id_generator,
    )
    if not is_new:
        return caller_id.sid
    unit_of_work.events.add(caller_id_event(caller_id, EventType.CALLER_ID_CREATED, account_now, call.sid))
    return caller_id.sid


def _enqueue_status_callback(
    unit_of_work: UnitOfWork, call: ValidationCall, time: AccountTime, id_generator: IdGenerator
) -> None:
    if call.status_callback is None:
        return
    receiver = parse_url(call.status_callback).receiver
    parameters = status_callback_parameters(call)
    owed = False
    while not owed:
        token = id_generator.idempotency_token()
        owed = unit_of_work.callbacks.enqueue(call, parameters, receiver=receiver, idempotency_token=token, time=time)


def advance_due_calls(
    unit_of_work: UnitOfWork,
    *,
    system_now: Timestamp,
    policy: CallPolicy,
    id_generator: IdGenerator,
    only: str | None = None,
    is_enough: Callable[[], bool] = lambda: False,
) -> list[ValidationCall]:
    """Let what is due when the machine's clock shows `system_now` happen to a batch of calls, and return them moved.

    All in one transaction; each by its own account's time. With the SID of a call as `only`, to that one, if it is due.
    The batch ends early when `is_enough` says so after a call was moved.
    """
    moved: list[ValidationCall] = []
    with unit_of_work:
        for call, due, clock in unit_of_work.due_calls.claim_due(system_now, DUE_CALLS_AT_ONCE, only):
            time = clock.at(system_now)
            moved.append(
                advance_call(
                    unit_of_work,
                    call,
                    due.event,
                    digits=due.digits,
                    time=time,
                    policy=policy,
                    id_generator=id_generator,
                )
            )
            if is_enough():
                break
    return moved


def due_call_sids(unit_of_work: UnitOfWork, *, system_now: Timestamp) -> list[str]:
    """Return the SIDs of the calls that `advance_due_calls` would move."""
    return unit_of_work.due_calls.due_sids(system_now, DUE_CALLS_AT_ONCE)


def postpone_call(unit_of_work: UnitOfWork, sid: str, *, until: Timestamp) -> None:
    """Let a call's event wait by the machine's clock: one that cannot be moved now holds up no others."""
    with unit_of_work:
        unit_of_work.due_calls.postpone(sid, until)


def next_call_due(unit_of_work: UnitOfWork) -> Timestamp | None:
    """Return when, by the machine's clock, the next call is due; None when none is, or all are in frozen accounts."""
    return unit_of_work.due_calls.next_due()


def lock_call(unit_of_work: UnitOfWork, sid: str) -> ValidationCall | None:
    """Return a call, its account held before it, as whoever writes does; None where there is none."""
    call = unit_of_work.calls.find(sid)
    if call is None or unit_of_work.accounts.lock_shared(call.account_sid) is None:
        return None
    return unit_of_work.calls.lock_for_update(sid)


class PersonNotReached(Exception):
    """A switchboard answered the call, and nobody hears the prompt: the phone has another extension."""


def find_call(unit_of_work: UnitOfWork, account_sid: AccountSid, sid: str) -> ValidationCall | None:
    """Return a call of this account, or None: another account's is none."""
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
    """Return an account's calls, newest first: those to an E.164 number, those of one status, or all.

    Each comes with the summary of its StatusCallback, None while it has none.
    """
    states = None if status is None else [state for state in CallState if state.status == status]
    found: list[tuple[ValidationCall, CallbackSummary | None]] = []
    for call in unit_of_work.calls.newest(account_sid, limit=limit, phone_number=phone_number, states=states):
        found.append(call)
        yield
    return found


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
    """Do to a call what the person who was called can do, and return it moved; None where there is no such call.

    Raises IllegalCallEvent where the call's state forbids it, PersonNotReached where nobody hears the prompt.
    """
    with unit_of_work:
        call = lock_call(unit_of_work, sid)
        account = unit_of_work.accounts.find(call.account_sid) if call else None
        if account is None or call is None:
            return None
        if event == CallEvent.DIGITS and call.phone and not is_reached(call.phone, call.extension):
            raise PersonNotReached(call.sid)
        time = account.clock.at(system_now)
        return advance_call(
            unit_of_work, call, event, digits=digits, time=time, policy=policy, id_generator=id_generator
        )


@in_steps
def list_calls(
    unit_of_work: UnitOfWork, account_sid: AccountSid, request: PageRequest, asked: Mapping[str, str]
) -> Steps[Page[ValidationCall]]:
    """Return one page, newest first; `asked` are the list's parameters by Twilio's names.

    A filter that can match nothing matches nothing, and is no error.
    """
    try:
        filters = call_filters(asked)
    except NothingMatches:
        return Page(request, [], None, None)
    return (yield from unit_of_work.calls.page(account_sid, filters, request))
