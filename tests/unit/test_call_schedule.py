"""The next event of a call, and when it is due."""

from typing import Any

import pytest

from ringback.domain.call_schedule import PendingEvent, extension_seconds, next_event
from ringback.domain.calls import FINAL_STATES, CallEvent, CallState, ValidationCall
from ringback.domain.phones import Phone, PhoneBehavior
from ringback.domain.policies import CallPolicy
from ringback.domain.timestamps import after
from support.domain_values import CODE, POLICY, T0, a_call, a_phone


def ringing(phone: Phone | None) -> ValidationCall:
    return a_call(state=CallState.RINGING, phone=phone)


def prompting(phone: Phone | None, **changes: Any) -> ValidationCall:
    return a_call(state=CallState.PROMPTING, phone=phone, **changes)


def due_in(seconds: float, event: CallEvent, digits: str = "") -> PendingEvent:
    return PendingEvent(after(T0, seconds), event, digits)


@pytest.mark.parametrize("delay", [0, 60])
def test_queued_call_is_dialed_after_its_delay(delay: int) -> None:
    assert next_event(a_call(call_delay_seconds=delay), POLICY, T0) == due_in(delay, CallEvent.DIAL)


def test_ringing_phone_is_answered_after_its_ring_seconds() -> None:
    assert next_event(ringing(a_phone(ring_seconds=2.5)), POLICY, T0) == due_in(2.5, CallEvent.ANSWER)


@pytest.mark.parametrize("behavior", [PhoneBehavior.NO_ANSWER, PhoneBehavior.MANUAL])
def test_unanswered_phone_rings_until_the_timeout(behavior: PhoneBehavior) -> None:
    assert next_event(ringing(a_phone(behavior)), POLICY, T0) == due_in(60, CallEvent.RING_TIMEOUT)


@pytest.mark.parametrize("ring_seconds", [60, 61])
def test_phone_that_rings_as_long_as_the_timeout_is_not_answered(ring_seconds: float) -> None:
    phone = a_phone(ring_seconds=ring_seconds)

    assert next_event(ringing(phone), POLICY, T0) == due_in(60, CallEvent.RING_TIMEOUT)


def test_call_without_a_phone_uses_the_default_phone() -> None:
    policy = CallPolicy(60, 10, 3, a_phone(PhoneBehavior.ENTER_CODE, ring_seconds=4, key_seconds=6))

    assert next_event(ringing(None), policy, T0) == due_in(4, CallEvent.ANSWER)
    assert next_event(prompting(None), policy, T0) == due_in(6, CallEvent.DIGITS, CODE)


def test_extension_is_dialed_digit_by_digit_with_its_pauses() -> None:
    call = a_call(state=CallState.DIALING_EXTENSION, extension="w1W23#*")

    assert next_event(call, POLICY, T0) == due_in(0.5 + 0.1 + 1.0 + 0.4, CallEvent.EXTENSION_DIALED)


def test_missing_extension_adds_no_dialing_time() -> None:
    call = a_call(state=CallState.DIALING_EXTENSION, extension=None)

    assert next_event(call, POLICY, T0) == due_in(0, CallEvent.EXTENSION_DIALED)
    assert extension_seconds("") == 0


@pytest.mark.parametrize(
    ("behavior", "attempts_left", "expected"),
    [
        (PhoneBehavior.ENTER_CODE, 3, due_in(1, CallEvent.DIGITS, "012345")),
        (PhoneBehavior.ENTER_WRONG_CODE, 3, due_in(1, CallEvent.DIGITS, "012346")),
        (PhoneBehavior.ENTER_WRONG_CODE, 1, due_in(1, CallEvent.DIGITS, "012346")),
        (PhoneBehavior.MISTYPE_ONCE, 3, due_in(1, CallEvent.DIGITS, "012346")),
        (PhoneBehavior.MISTYPE_ONCE, 2, due_in(1, CallEvent.DIGITS, "012345")),
        (PhoneBehavior.HANG_UP, 3, due_in(1, CallEvent.HANG_UP)),
        (PhoneBehavior.ENTER_NOTHING, 3, due_in(10, CallEvent.PROMPT_TIMEOUT)),
        (PhoneBehavior.MANUAL, 3, due_in(10, CallEvent.PROMPT_TIMEOUT)),
        (PhoneBehavior.NO_ANSWER, 3, due_in(10, CallEvent.PROMPT_TIMEOUT)),
    ],
)
def test_callee_reacts_to_the_prompt_according_to_its_behavior(
    behavior: PhoneBehavior, attempts_left: int, expected: PendingEvent
) -> None:
    call = prompting(a_phone(behavior), attempts_left=attempts_left)

    assert next_event(call, POLICY, T0) == expected


@pytest.mark.parametrize("key_seconds", [10, 11])
def test_callee_slower_than_the_prompt_enters_nothing(key_seconds: float) -> None:
    call = prompting(a_phone(key_seconds=key_seconds))

    assert next_event(call, POLICY, T0) == due_in(10, CallEvent.PROMPT_TIMEOUT)


def test_callee_slightly_faster_than_the_prompt_enters_the_code() -> None:
    assert next_event(prompting(a_phone(key_seconds=9.9)), POLICY, T0) == due_in(9.9, CallEvent.DIGITS, CODE)


def test_callee_that_stops_entering_digits_lets_the_prompt_time_out() -> None:
    call = prompting(a_phone(), keys="01")

    assert next_event(call, POLICY, T0) == due_in(10, CallEvent.PROMPT_TIMEOUT)


@pytest.mark.parametrize("dialed", [None, "124", "1234"])
def test_phone_with_an_extension_does_not_react_if_another_was_dialed(dialed: str | None) -> None:
    call = prompting(a_phone(extension="123"), extension=dialed)

    assert next_event(call, POLICY, T0) == due_in(10, CallEvent.PROMPT_TIMEOUT)


@pytest.mark.parametrize("dialed", ["123", "w1W2w3w"])
def test_phone_with_an_extension_is_matched_without_pauses(dialed: str) -> None:
    call = prompting(a_phone(extension="123"), extension=dialed)

    assert next_event(call, POLICY, T0) == due_in(1, CallEvent.DIGITS, CODE)


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_ended_call_has_no_next_event(state: CallState) -> None:
    assert next_event(a_call(state=state), POLICY, T0) is None
