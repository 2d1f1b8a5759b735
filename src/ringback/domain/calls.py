"""The validation call: its request, its states and events, and the table of its transitions.

Only the pure function `transition` changes a call. docs/call-states.md shows `CALL_TRANSITIONS`.
"""

from enum import StrEnum
from typing import Any, NamedTuple

from ringback.domain.phones import CODE_DIGITS, Phone, line_state
from ringback.domain.sids import AccountSid, CallSid, OutgoingCallerIdSid
from ringback.domain.timestamps import Timestamp, seconds_between


class CallStatus(StrEnum):
    """The status of a call at Twilio, as clients read it."""

    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    CANCELED = "canceled"


class CallState(StrEnum):
    """The state of a call: more detailed than `CallStatus` while the call is in progress."""

    QUEUED = "queued"
    RINGING = "ringing"
    DIALING_EXTENSION = "dialing-extension"
    PROMPTING = "prompting"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def status(self) -> CallStatus:
        return _STATUSES[self]


IN_PROGRESS_STATES = frozenset({CallState.DIALING_EXTENSION, CallState.PROMPTING})
_STATUSES = {state: CallStatus.IN_PROGRESS if state in IN_PROGRESS_STATES else CallStatus(state) for state in CallState}

ENDED = "ended"
"""The `event` of the timeline entry for the end of a call."""

FINAL_STATES = frozenset(CallState) - {CallState.QUEUED, CallState.RINGING} - IN_PROGRESS_STATES


class CallEvent(StrEnum):
    """An event of a call, caused by the clock, a phone, a person or another request.

    `CANCEL` and `COMPLETE` are the two ways in which a client ends a call.
    """

    DIAL = "dial"
    ANSWER = "answer"
    REJECT = "reject"
    RING_TIMEOUT = "ring-timeout"
    EXTENSION_DIALED = "extension-dialed"
    DIGITS = "digits"
    PROMPT_TIMEOUT = "prompt-timeout"
    HANG_UP = "hang-up"
    SUPERSEDE = "supersede"
    CANCEL = "cancel"
    COMPLETE = "complete"


class Guard(StrEnum):
    """A condition that determines the state to which an event leads."""

    ALWAYS = ""
    LINE_FREE = "line free"
    LINE_BUSY = "line busy"
    UNREACHABLE = "unreachable"
    GEO_BLOCKED = "geo-blocked"
    EXTENSION_TO_DIAL = "extension to dial"
    NO_EXTENSION = "no extension"
    KEYS_MISSING = "fewer than six keys"
    RIGHT_CODE = "right code"
    ATTEMPTS_LEFT = "attempts left"
    LAST_ATTEMPT = "last attempt"


class VerificationStatus(StrEnum):
    """The outcome of a validation call: whether the callee entered the code."""

    SUCCESS = "success"
    FAILED = "failed"


class IllegalCallEvent(Exception):
    """The event is not valid in the call's state; nothing was changed."""

    def __init__(self, call: "ValidationCall", event: CallEvent) -> None:
        super().__init__(f"call {call.sid} is {call.state}: {event} is not valid in this state")
        self.call = call
        self.event = event


class ValidationRequest(NamedTuple):
    """A client's request to verify a number. Parameters that the client did not send are None.

    ValidationCall has fields with the same names.
    """

    phone_number: str
    friendly_name: str | None = None
    call_delay_seconds: int = 0
    extension: str | None = None
    status_callback: str | None = None
    status_callback_method: str = "POST"


class ValidationAnswer(NamedTuple):
    """The answer to a validation request: the code to enter, and the call that will ask for it.

    `has_superseded` tells whether the request has ended another call to the number. The StatusCallback of that call is
    then pending.
    """

    account_sid: AccountSid
    phone_number: str
    friendly_name: str | None
    validation_code: str
    call_sid: CallSid
    has_superseded: bool = False


class TimelineEntry(NamedTuple):
    """One entry of a call's timeline."""

    at: Timestamp
    event: str
    detail: str


class ValidationCall(NamedTuple):
    """A validation call.

    It is a named tuple because every event copies it, and copying a dataclass takes three times as long. The code is
    valid up to and including `code_expires_at`, or as long as the call lasts if that is None. `phone` is None until the
    number is dialed. `keys` are the keys entered at the current prompt. `ringing_at`, `answered_at` and `ended_at` are
    the times of these events, None until then. `outgoing_caller_id_sid` identifies the caller ID that a successful call
    created.
    """

    sid: CallSid
    account_sid: AccountSid
    phone_number: str
    friendly_name: str | None
    validation_code: str
    extension: str | None
    call_delay_seconds: int
    status_callback: str | None
    status_callback_method: str
    state: CallState
    attempts_allowed: int
    attempts_left: int
    date_created: Timestamp
    code_expires_at: Timestamp | None = None
    keys: str = ""
    phone: Phone | None = None
    verification_status: VerificationStatus | None = None
    outgoing_caller_id_sid: OutgoingCallerIdSid | None = None
    ringing_at: Timestamp | None = None
    answered_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    timeline: tuple[TimelineEntry, ...] = ()

    def has_expired(self, account_now: Timestamp) -> bool:
        """Return whether the code has expired at `account_now`."""
        return self.code_expires_at is not None and account_now > self.code_expires_at

    @property
    def call_status(self) -> CallStatus:
        return self.state.status

    @property
    def is_ended(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def is_verified(self) -> bool:
        return self.verification_status == VerificationStatus.SUCCESS

    @property
    def prompt_number(self) -> int:
        """The number of the current prompt for the code, counted from 1."""
        return self.attempts_allowed - self.attempts_left + 1

    @property
    def answered_seconds(self) -> int:
        """Whole seconds from the answer to the end of the call; 0 if either is missing or the clock was set back."""
        if self.answered_at is None or self.ended_at is None:
            return 0
        return max(0, int(seconds_between(self.answered_at, self.ended_at)))


CALL_TRANSITIONS: dict[tuple[CallState, CallEvent, Guard], CallState] = {
    (CallState.QUEUED, CallEvent.DIAL, Guard.LINE_FREE): CallState.RINGING,
    (CallState.QUEUED, CallEvent.DIAL, Guard.LINE_BUSY): CallState.BUSY,
    (CallState.QUEUED, CallEvent.DIAL, Guard.UNREACHABLE): CallState.FAILED,
    (CallState.QUEUED, CallEvent.DIAL, Guard.GEO_BLOCKED): CallState.FAILED,
    (CallState.QUEUED, CallEvent.SUPERSEDE, Guard.ALWAYS): CallState.FAILED,
    (CallState.QUEUED, CallEvent.CANCEL, Guard.ALWAYS): CallState.CANCELED,
    (CallState.QUEUED, CallEvent.COMPLETE, Guard.ALWAYS): CallState.CANCELED,
    (CallState.RINGING, CallEvent.ANSWER, Guard.EXTENSION_TO_DIAL): CallState.DIALING_EXTENSION,
    (CallState.RINGING, CallEvent.ANSWER, Guard.NO_EXTENSION): CallState.PROMPTING,
    (CallState.RINGING, CallEvent.REJECT, Guard.ALWAYS): CallState.BUSY,
    (CallState.RINGING, CallEvent.RING_TIMEOUT, Guard.ALWAYS): CallState.NO_ANSWER,
    (CallState.RINGING, CallEvent.SUPERSEDE, Guard.ALWAYS): CallState.FAILED,
    (CallState.RINGING, CallEvent.CANCEL, Guard.ALWAYS): CallState.CANCELED,
    (CallState.RINGING, CallEvent.COMPLETE, Guard.ALWAYS): CallState.CANCELED,
    (CallState.DIALING_EXTENSION, CallEvent.EXTENSION_DIALED, Guard.ALWAYS): CallState.PROMPTING,
    (CallState.DIALING_EXTENSION, CallEvent.HANG_UP, Guard.ALWAYS): CallState.COMPLETED,
    (CallState.DIALING_EXTENSION, CallEvent.SUPERSEDE, Guard.ALWAYS): CallState.FAILED,
    (CallState.DIALING_EXTENSION, CallEvent.COMPLETE, Guard.ALWAYS): CallState.COMPLETED,
    (CallState.PROMPTING, CallEvent.DIGITS, Guard.KEYS_MISSING): CallState.PROMPTING,
    (CallState.PROMPTING, CallEvent.DIGITS, Guard.RIGHT_CODE): CallState.COMPLETED,
    (CallState.PROMPTING, CallEvent.DIGITS, Guard.ATTEMPTS_LEFT): CallState.PROMPTING,
    (CallState.PROMPTING, CallEvent.DIGITS, Guard.LAST_ATTEMPT): CallState.COMPLETED,
    (CallState.PROMPTING, CallEvent.PROMPT_TIMEOUT, Guard.ATTEMPTS_LEFT): CallState.PROMPTING,
    (CallState.PROMPTING, CallEvent.PROMPT_TIMEOUT, Guard.LAST_ATTEMPT): CallState.COMPLETED,
    (CallState.PROMPTING, CallEvent.HANG_UP, Guard.ALWAYS): CallState.COMPLETED,
    (CallState.PROMPTING, CallEvent.SUPERSEDE, Guard.ALWAYS): CallState.FAILED,
    (CallState.PROMPTING, CallEvent.COMPLETE, Guard.ALWAYS): CallState.COMPLETED,
}


def transition(call: ValidationCall, event: CallEvent, *, account_now: Timestamp, digits: str = "") -> ValidationCall:
    """Return the call after `event`, with one or two timeline entries added. Only `CallEvent.DIGITS` has `digits`.

    Raises IllegalCallEvent if the table has no transition for the event in the call's state.
    """
    guard = _guard(call, event, account_now, digits)
    target = CALL_TRANSITIONS.get((call.state, event, guard))
    if target is None:
        raise IllegalCallEvent(call, event)
    changes = _final_changes(guard, account_now) if target in FINAL_STATES else _ongoing_changes(event, account_now)
    if guard in (Guard.ATTEMPTS_LEFT, Guard.LAST_ATTEMPT):
        changes |= {"attempts_left": call.attempts_left - 1, "keys": ""}
    if guard == Guard.KEYS_MISSING:
        changes["keys"] = call.keys + digits
    entries = [_timeline_entry(call, event, guard, account_now, call.keys + digits)]
    if target in FINAL_STATES:
        entries.append(TimelineEntry(account_now, ENDED, f"{target.status}, {changes['verification_status']}"))
    return call._replace(state=target, timeline=(*call.timeline, *entries), **changes)


def _guard(call: ValidationCall, event: CallEvent, account_now: Timestamp, digits: str) -> Guard:
    match event:
        case CallEvent.DIAL:
            # each LineState has the same value as its guard
            return Guard(line_state(call.phone)) if call.phone else Guard.ALWAYS
        case CallEvent.ANSWER:
            return Guard.EXTENSION_TO_DIAL if call.extension else Guard.NO_EXTENSION
        case CallEvent.DIGITS:
            return _code_guard(call, (call.keys + digits)[:CODE_DIGITS], account_now)
        case CallEvent.PROMPT_TIMEOUT:
            return _attempts_guard(call)
        case _:
            return Guard.ALWAYS


def _code_guard(call: ValidationCall, keys: str, account_now: Timestamp) -> Guard:
    """Return the guard for these keys. An expired code counts as wrong. Source: docs/fidelity.md, policy [assumed]."""
    if len(keys) < CODE_DIGITS:
        return Guard.KEYS_MISSING
    is_valid = keys == call.validation_code and not call.has_expired(account_now)
    return Guard.RIGHT_CODE if is_valid else _attempts_guard(call)


def _attempts_guard(call: ValidationCall) -> Guard:
    return Guard.ATTEMPTS_LEFT if call.attempts_left > 1 else Guard.LAST_ATTEMPT


def _final_changes(guard: Guard, account_now: Timestamp) -> dict[str, Any]:
    status = VerificationStatus.SUCCESS if guard == Guard.RIGHT_CODE else VerificationStatus.FAILED
    return {"keys": "", "ended_at": account_now, "verification_status": status}


def _ongoing_changes(event: CallEvent, account_now: Timestamp) -> dict[str, Any]:
    if event == CallEvent.DIAL:
        return {"ringing_at": account_now}
    return {"answered_at": account_now} if event == CallEvent.ANSWER else {}


def _timeline_entry(
    call: ValidationCall, event: CallEvent, guard: Guard, account_now: Timestamp, keys: str
) -> TimelineEntry:
    keyed = f"{keys[:CODE_DIGITS]}: " if event == CallEvent.DIGITS else ""
    if keys[:CODE_DIGITS] == call.validation_code and call.has_expired(account_now):
        keyed += "the code has expired, "
    dialed = call.extension or "" if event == CallEvent.EXTENSION_DIALED else ""
    return TimelineEntry(account_now, event, f"{keyed}{dialed}{guard}")
