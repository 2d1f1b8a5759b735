"""The next event of a call: an action of the simulated phone, or a network timeout."""

from typing import NamedTuple

from ringback.domain.calls import CallEvent, CallState, ValidationCall
from ringback.domain.phones import CODE_DIGITS, answers_after_seconds, is_reached, reaction_to_prompt
from ringback.domain.policies import CallPolicy
from ringback.domain.timestamps import Timestamp, after

WAIT_SECONDS = {"w": 0.5, "W": 1.0}
"""Duration of each pause character. Source: docs/fidelity.md, Extension [documented; the capital W assumed]."""
PAUSE = "w"
"""The character for a pause of half a second between keys, as in Twilio's SendDigits."""
EXTENSION_KEY_SECONDS = 0.1
"""Time to dial one digit of an extension. Source: docs/fidelity.md, Extension [assumed]."""


class PendingEvent(NamedTuple):
    """An event that is due at `at`. Only `CallEvent.DIGITS` has `digits`."""

    at: Timestamp
    event: CallEvent
    digits: str = ""


def next_event(call: ValidationCall, policy: CallPolicy, account_now: Timestamp) -> PendingEvent | None:
    """Return the next event of a call that has entered its state, or reached a new prompt, at `account_now`.

    Return None for a call that has ended.
    """
    match call.state:
        case CallState.QUEUED:
            return PendingEvent(after(account_now, call.call_delay_seconds), CallEvent.DIAL)
        case CallState.RINGING:
            return _while_ringing(call, policy, account_now)
        case CallState.DIALING_EXTENSION:
            return PendingEvent(after(account_now, extension_seconds(call.extension or "")), CallEvent.EXTENSION_DIALED)
        case CallState.PROMPTING:
            return _at_the_prompt(call, policy, account_now)
        case _:
            return None


def extension_seconds(extension: str) -> float:
    """Return the time in seconds that it takes to dial these digits and pauses."""
    return sum(WAIT_SECONDS.get(key, EXTENSION_KEY_SECONDS) for key in extension)


def paused_digits(
    call: ValidationCall, policy: CallPolicy, account_now: Timestamp, keys: str, pending: PendingEvent | None
) -> PendingEvent:
    """Return the event for keys that the callee presses with pauses (``w``), starting at `account_now`.

    All keys arrive together, after the pauses that precede the last key. Keys that the callee pressed earlier and that
    are still `pending` come first, and arrive at the same time. If the prompt times out before that, the new keys are
    lost.
    """
    at = after(account_now, WAIT_SECONDS[PAUSE] * keys.rstrip(PAUSE).count(PAUSE))
    earlier = pending if pending and _is_keyed_by_callee(call, pending) else None
    timeout_at = after(earlier.at if earlier else call.timeline[-1].at, policy.prompt_timeout_seconds)
    if earlier and (timeout_at <= at or len(call.keys + earlier.digits) >= CODE_DIGITS):
        return earlier
    if timeout_at <= at:
        return PendingEvent(timeout_at, CallEvent.PROMPT_TIMEOUT)
    digits = (earlier.digits if earlier else "") + keys.replace(PAUSE, "")
    return PendingEvent(max(at, earlier.at) if earlier else at, CallEvent.DIGITS, digits[:CODE_DIGITS])


def _is_keyed_by_callee(call: ValidationCall, pending: PendingEvent) -> bool:
    """Return whether pending digits were entered by the callee, not by the simulated phone."""
    if pending.event != CallEvent.DIGITS:
        return False
    phone = None if call.keys else call.phone
    reaction = reaction_to_prompt(phone, call.prompt_number, call.validation_code) if phone else None
    if reaction is None:
        return True
    return (after(call.timeline[-1].at, reaction.after_seconds), reaction.digits) != (pending.at, pending.digits)


def _while_ringing(call: ValidationCall, policy: CallPolicy, account_now: Timestamp) -> PendingEvent:
    phone = call.phone or policy.default_phone
    ring_seconds = answers_after_seconds(phone)
    if ring_seconds is not None and ring_seconds < policy.ring_timeout_seconds:
        return PendingEvent(after(account_now, ring_seconds), CallEvent.ANSWER)
    return PendingEvent(after(account_now, policy.ring_timeout_seconds), CallEvent.RING_TIMEOUT)


def _at_the_prompt(call: ValidationCall, policy: CallPolicy, account_now: Timestamp) -> PendingEvent:
    phone = call.phone or policy.default_phone
    timeout = PendingEvent(after(account_now, policy.prompt_timeout_seconds), CallEvent.PROMPT_TIMEOUT)
    if call.keys or not is_reached(phone, call.extension):
        return timeout
    reaction = reaction_to_prompt(phone, call.prompt_number, call.validation_code)
    if reaction is None or reaction.after_seconds >= policy.prompt_timeout_seconds:
        return timeout
    event = CallEvent.HANG_UP if reaction.digits is None else CallEvent.DIGITS
    return PendingEvent(after(account_now, reaction.after_seconds), event, reaction.digits or "")
