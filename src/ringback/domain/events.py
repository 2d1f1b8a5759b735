"""The events of an account's event log, and their data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ringback.domain.callback_hops import hop_data, redirect_hint
from ringback.domain.callbacks import CallbackAttempt, CallbackStatus, StatusCallback
from ringback.domain.caller_ids import OutgoingCallerId
from ringback.domain.calls import CallEvent, ValidationCall
from ringback.domain.sids import AccountSid, CallSid
from ringback.domain.timestamps import Timestamp

Value = str | int | None
EventData = Mapping[str, Value | Sequence[Mapping[str, Value | dict[str, str]]]]


class EventType(StrEnum):
    """The type of an event. The values are part of the control API."""

    CALL_QUEUED = "call.queued"
    CALL_RINGING = "call.ringing"
    CALL_ANSWERED = "call.answered"
    CALL_DIGITS = "call.digits"
    CALL_ENDED = "call.ended"
    CALLER_ID_CREATED = "caller-id.created"
    CALLER_ID_UPDATED = "caller-id.updated"
    CALLER_ID_DELETED = "caller-id.deleted"
    CALLBACK_DELIVERED = "callback.delivered"
    CALLBACK_FAILED = "callback.failed"


class NewEvent(NamedTuple):
    """An event that is not stored yet; `at` is the account's time. It is a tuple for speed: a call has six events."""

    account_sid: AccountSid
    at: Timestamp
    type: EventType
    call_sid: CallSid | None
    data: EventData


@dataclass(frozen=True, slots=True)
class Event:
    """A stored event. Later events have higher ids; ids are never reused."""

    id: int
    at: Timestamp
    type: EventType
    call_sid: CallSid | None
    data: EventData


def call_queued(call: ValidationCall) -> NewEvent:
    """Return the event for a new call."""
    data: EventData = {
        "phone_number": call.phone_number,
        "validation_code": call.validation_code,
        "call_delay_seconds": call.call_delay_seconds,
    }
    return _of_call(call, EventType.CALL_QUEUED, call.date_created, data)


def call_moved(call: ValidationCall, event: CallEvent, digits: str, account_now: Timestamp) -> NewEvent | None:
    """Return the event that logs a `CallEvent`, or None if it is not logged. `call_ended` logs the end of a call."""
    if event == CallEvent.DIAL and not call.is_ended:
        return _of_call(call, EventType.CALL_RINGING, account_now, {})
    if event == CallEvent.ANSWER:
        return _of_call(call, EventType.CALL_ANSWERED, account_now, {})
    if event == CallEvent.DIGITS:
        return _of_call(
            call, EventType.CALL_DIGITS, account_now, {"digits": digits, "attempts_left": call.attempts_left}
        )
    return None


def call_ended(call: ValidationCall, account_now: Timestamp) -> NewEvent:
    """Return the event for the end of a call, with its outcome."""
    data: EventData = {
        "verification_status": call.verification_status,
        "outgoing_caller_id_sid": call.outgoing_caller_id_sid,
    }
    return _of_call(call, EventType.CALL_ENDED, account_now, data)


def _of_call(call: ValidationCall, kind: EventType, at: Timestamp, data: EventData) -> NewEvent:
    call_data = {"phone_number": call.phone_number, "status": call.call_status, **data}
    return NewEvent(call.account_sid, at, kind, call.sid, call_data)


def caller_id_event(
    caller_id: OutgoingCallerId, kind: EventType, at: Timestamp, call_sid: CallSid | None = None
) -> NewEvent:
    """Return the event for the creation, update or deletion of a caller ID. `call_sid` is the call that verified it."""
    data: EventData = {
        "sid": caller_id.sid,
        "phone_number": caller_id.phone_number,
        "friendly_name": caller_id.friendly_name,
    }
    return NewEvent(caller_id.account_sid, at, kind, call_sid, data)


def callback_settled(
    callback: StatusCallback, last: CallbackAttempt, status: CallbackStatus, account_now: Timestamp
) -> NewEvent:
    """Return the event for a StatusCallback that was delivered or failed; `last` is the attempt that settled it.

    After a redirect, the event contains all requests of the attempt.
    """
    kind = EventType.CALLBACK_DELIVERED if status == CallbackStatus.DELIVERED else EventType.CALLBACK_FAILED
    data: EventData = {"url": last.url, "attempts": last.number, "status_code": last.status_code, "error": last.error}
    if len(last.hops) > 1:
        hops = [hop_data(hop, callback.parameters) for hop in last.hops]
        data = {**data, "hint": redirect_hint(last.hops, callback.parameters), "hops": hops}
    return NewEvent(callback.account_sid, account_now, kind, callback.call_sid, data)
