"""What will happen to a call next if nobody interferes: the phone's own doing, or the network's patience."""

from typing import NamedTuple

from ringback.domain.calls import CallEvent, CallState, ValidationCall
from ringback.domain.phones import answers_after_seconds, is_reached, reaction_to_prompt
from ringback.domain.policies import CallPolicy
from ringback.domain.timestamps import Timestamp, after

WAIT_SECONDS = {"w": 0.5, "W": 1.0}
"""Source: docs/fidelity.md, Extension [documented; the capital W assumed]."""
EXTENSION_KEY_SECONDS = 0.1
"""How long one digit of an extension takes to dial. Source: docs/fidelity.md, Extension [assumed]."""


class PendingEvent(NamedTuple):
    """The event that falls due at `at`; `digits` are those of `CallEvent.DIGITS`."""

    at: Timestamp
    event: CallEvent
    digits: str = ""


def next_event(call: ValidationCall, policy: CallPolicy, account_now: Timestamp) -> PendingEvent | None:
    """Return what falls due next for a call that came into its present state, or to a new prompt, at `account_now`.

    None for a call that has ended.
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
    """Return how long dialling these digits and waits takes."""
    return sum(WAIT_SECONDS.get(key, EXTENSION_KEY_SECONDS) for key in extension)


def _while_ringing(call: ValidationCall, policy: CallPolicy, account_now: Timestamp) -> PendingEvent:
    phone = call.phone or policy.default_phone
    ring_seconds = answers_after_seconds(phone)
    if ring_seconds is not None and ring_seconds < policy.ring_timeout_seconds:
        return PendingEvent(after(account_now, ring_seconds), CallEvent.ANSWER)
    return PendingEvent(after(account_now, policy.ring_timeout_seconds), CallEvent.RING_TIMEOUT)


def _at_the_prompt(call: ValidationCall, policy: CallPolicy, account_now: Timestamp) -> PendingEvent:
    phone = call.phone or policy.default_phone
    silence = PendingEvent(after(account_now, policy.prompt_timeout_seconds), CallEvent.PROMPT_TIMEOUT)
    if call.keys or not is_reached(phone, call.extension):
        return silence
    keying = reaction_to_prompt(phone, call.prompt_number, call.validation_code)
    if keying is None or keying.after_seconds >= policy.prompt_timeout_seconds:
        return silence
    event = CallEvent.HANG_UP if keying.digits is None else CallEvent.DIGITS
    return PendingEvent(after(account_now, keying.after_seconds), event, keying.digits or "")
