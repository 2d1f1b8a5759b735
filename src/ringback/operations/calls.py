"""The one door through which a validation call moves, whoever moves it."""

from dataclasses import replace

from ringback.domain.call_plan import CallPolicy, next_event
from ringback.domain.callbacks import status_callback_parameters
from ringback.domain.caller_ids import OutgoingCallerId
from ringback.domain.calls import CallEvent, ValidationCall, transition
from ringback.domain.instants import Instant
from ringback.domain.phone_numbers import default_friendly_name
from ringback.domain.phones import phone_at
from ringback.domain.sids import OUTGOING_CALLER_ID, OutgoingCallerIdSid
from ringback.domain.urls import parse_url
from ringback.operations.identifiers import Identifiers
from ringback.storage.unit_of_work import UnitOfWork

DUE_CALLS_BATCH = 200
"""How many calls are moved in one transaction: enough to be quick, few enough not to hold up a request."""


def advance_call(
    unit_of_work: UnitOfWork,
    call: ValidationCall,
    event: CallEvent,
    *,
    digits: str = "",
    now: Instant,
    policy: CallPolicy,
    identifiers: Identifiers,
) -> ValidationCall:
    """Let `event` happen to `call`, and store all that follows from it in one transaction.

    What follows: the call's new state and its next pending event; on success the caller ID; at the end the
    StatusCallback that is owed. Raises IllegalCallEvent, and changes nothing, where the event cannot happen.
    """
    with unit_of_work:
        if event == CallEvent.DIAL:
            rules = unit_of_work.accounts.phone_rules(call.account_sid, call.phone_number)
            call = replace(call, phone=phone_at(call.phone_number, *rules, policy.default_phone))
        moved = transition(call, event, now=now, digits=digits)
        if moved.is_verified:
            caller_id_sid = _verified(unit_of_work, moved, now, identifiers)
            moved = replace(moved, outgoing_caller_id_sid=caller_id_sid)
        unit_of_work.calls.move(moved, next_event(moved, policy, now))
        if moved.is_ended:
            _owe_status_callback(unit_of_work, moved, now, identifiers)
        return moved


def _verified(
    unit_of_work: UnitOfWork, call: ValidationCall, now: Instant, identifiers: Identifiers
) -> OutgoingCallerIdSid:
    """Return the SID of the number's caller ID: the new one, or the one it has got meanwhile."""
    known = unit_of_work.caller_ids.find_by_number(call.account_sid, call.phone_number)
    if known:
        return known.sid
    while True:
        caller_id = OutgoingCallerId(
            OutgoingCallerIdSid(identifiers.sid(OUTGOING_CALLER_ID)),
            call.account_sid,
            call.friendly_name or default_friendly_name(call.phone_number),
            call.phone_number,
            now,
            now,
        )
        if unit_of_work.caller_ids.add(caller_id):
            return caller_id.sid


def _owe_status_callback(
    unit_of_work: UnitOfWork, call: ValidationCall, now: Instant, identifiers: Identifiers
) -> None:
    if call.status_callback is None:
        return
    receiver = parse_url(call.status_callback).receiver
    parameters = status_callback_parameters(call)
    owed = False
    while not owed:
        token = identifiers.idempotency_token()
        owed = unit_of_work.callbacks.owe(call, parameters, receiver=receiver, idempotency_token=token, now=now)


def advance_due_calls(
    unit_of_work: UnitOfWork,
    *,
    now: Instant,
    policy: CallPolicy,
    identifiers: Identifiers,
    only: str | None = None,
) -> list[ValidationCall]:
    """Let what is due at `now` happen to a batch of calls, in one transaction, and return them moved.

    With the SID of a call as `only`, to that one alone, if it is due.
    """
    with unit_of_work:
        return [
            advance_call(
                unit_of_work,
                call,
                due.event,
                digits=due.digits,
                now=now,
                policy=policy,
                identifiers=identifiers,
            )
            for call, due in unit_of_work.calls.claim_due(now, DUE_CALLS_BATCH, only)
        ]


def due_call_sids(unit_of_work: UnitOfWork, *, now: Instant) -> list[str]:
    """Return the SIDs of the calls that `advance_due_calls` would move."""
    return unit_of_work.calls.due_sids(now, DUE_CALLS_BATCH)


def postpone_call(unit_of_work: UnitOfWork, sid: str, *, until: Instant) -> None:
    """Let a call's pending event wait; for one that cannot be moved now, so that it does not hold up the others."""
    with unit_of_work:
        unit_of_work.calls.postpone(sid, until)


def next_call_due(unit_of_work: UnitOfWork) -> Instant | None:
    """Return when the next call is due, None when none is pending."""
    return unit_of_work.calls.next_due()
