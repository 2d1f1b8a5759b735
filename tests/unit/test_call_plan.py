"""What falls due next for a call, and when."""

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
def test_a_queued_call_is_dialled_after_its_delay(delay: int) -> None:
    assert next_event(a_call(call_delay_seconds=delay), POLICY, T0) == due_in(delay, CallEvent.DIAL)


def test_a_ringing_phone_is_answered_after_its_ring_seconds() -> None:
    assert next_event(ringing(a_phone(ring_seconds=2.5)), POLICY, T0) == due_in(2.5, CallEvent.ANSWER)


@pytest.mark.parametrize("behavior", [PhoneBehavior.NO_ANSWER, PhoneBehavior.MANUAL])
def test_a_phone_that_nobody_answers_rings_until_the_time_out(behavior: PhoneBehavior) -> None:
    assert next_event(ringing(a_phone(behavior)), POLICY, T0) == due_in(60, CallEvent.RING_TIMEOUT)


@pytest.mark.parametrize("ring_seconds", [60, 61])
def test_a_phone_that_rings_as_long_as_the_time_out_is_not_answered(ring_seconds: float) -> None:
    phone = a_phone(ring_seconds=ring_seconds)

    assert next_event(ringing(phone), POLICY, T0) == due_in(60, CallEvent.RING_TIMEOUT)


def test_a_call_whose_phone_is_unknown_goes_by_the_default_phone() -> None:
    policy = CallPolicy(60, 10, 3, a_phone(PhoneBehavior.ENTER_CODE, ring_seconds=4, key_seconds=6))

    assert next_event(ringing(None), policy, T0) == due_in(4, CallEvent.ANSWER)
    assert next_event(prompting(None), policy, T0) == due_in(6, CallEvent.DIGITS, CODE)


def test_an_extension_is_dialled_key_by_key_and_wait_by_wait() -> None:
    call = a_call(state=CallState.DIALING_EXTENSION, extension="w1W23#*")

    assert next_event(call, POLICY, T0) == due_in(0.5 + 0.1 + 1.0 + 0.4, CallEvent.EXTENSION_DIALED)


def test_a_lost_extension_takes_no_time_to_dial() -> None:
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
def test_each_behavior_reacts_to_the_prompt_in_its_own_way(
    behavior: PhoneBehavior, attempts_left: int, expected: PendingEvent
) -> None:
    call = prompting(a_phone(behavior), attempts_left=attempts_left)

    assert next_event(call, POLICY, T0) == expected


@pytest.mark.parametrize("key_seconds", [10, 11])
def test_a_callee_slower_than_the_prompt_keys_nothing(key_seconds: float) -> None:
    call = prompting(a_phone(key_seconds=key_seconds))

    assert next_event(call, POLICY, T0) == due_in(10, CallEvent.PROMPT_TIMEOUT)


def test_a_callee_just_quicker_than_the_prompt_keys_the_code() -> None:
    assert next_event(prompting(a_phone(key_seconds=9.9)), POLICY, T0) == due_in(9.9, CallEvent.DIGITS, CODE)


def test_somebody_who_began_to_key_is_left_alone_until_the_prompt_times_out() -> None:
    call = prompting(a_phone(), keys="01")

    assert next_event(call, POLICY, T0) == due_in(10, CallEvent.PROMPT_TIMEOUT)


@pytest.mark.parametrize("dialled", [None, "124", "1234"])
def test_a_phone_behind_an_extension_hears_no_prompt_when_another_was_dialled(dialled: str | None) -> None:
    call = prompting(a_phone(extension="123"), extension=dialled)

    assert next_event(call, POLICY, T0) == due_in(10, CallEvent.PROMPT_TIMEOUT)


@pytest.mark.parametrize("dialled", ["123", "w1W2w3w"])
def test_a_phone_behind_an_extension_is_reached_by_its_digits_waits_aside(dialled: str) -> None:
    call = prompting(a_phone(extension="123"), extension=dialled)

    assert next_event(call, POLICY, T0) == due_in(1, CallEvent.DIGITS, CODE)


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_nothing_falls_due_for_an_ended_call(state: CallState) -> None:
    assert next_event(a_call(state=state), POLICY, T0) is None
