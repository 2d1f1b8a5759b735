"""Every row of the transition table, and events without a transition."""

from typing import Any

import pytest

from ringback.domain.calls import (
    CALL_TRANSITIONS,
    FINAL_STATES,
    CallEvent,
    CallState,
    CallStatus,
    Guard,
    IllegalCallEvent,
    TimelineEntry,
    ValidationCall,
    VerificationStatus,
    transition,
)
from ringback.domain.phones import PhoneBehavior
from ringback.domain.timestamps import after
from support.domain_values import CALL_SID, CODE, T0, WRONG_CODE, a_call, a_phone

NOW = after(T0, 5)
GUARD_CONDITIONS: dict[Guard, dict[str, Any]] = {
    Guard.ALWAYS: {},
    Guard.LINE_FREE: {"phone": a_phone()},
    Guard.LINE_BUSY: {"phone": a_phone(PhoneBehavior.BUSY)},
    Guard.UNREACHABLE: {"phone": a_phone(PhoneBehavior.UNREACHABLE)},
    Guard.GEO_BLOCKED: {"phone": a_phone(PhoneBehavior.GEO_BLOCKED)},
    Guard.EXTENSION_TO_DIAL: {"extension": "12"},
    Guard.NO_EXTENSION: {"extension": None},
    Guard.KEYS_MISSING: {},
    Guard.RIGHT_CODE: {},
    Guard.ATTEMPTS_LEFT: {"attempts_left": 2},
    Guard.LAST_ATTEMPT: {"attempts_left": 1},
}
"""For each guard, fields of a call that satisfy it."""
DIGITS = {Guard.KEYS_MISSING: "01234", Guard.RIGHT_CODE: CODE, Guard.ATTEMPTS_LEFT: WRONG_CODE}

EventAndState = tuple[CallState, CallEvent]
ILLEGAL: list[EventAndState] = [
    (state, event)
    for state in CallState
    for event in CallEvent
    if (state, event) not in {(start, known) for start, known, _ in CALL_TRANSITIONS}
]


def prompting(**changes: Any) -> ValidationCall:
    return a_call(state=CallState.PROMPTING, phone=a_phone(), answered_at=T0, **changes)


@pytest.mark.parametrize(("row", "target"), CALL_TRANSITIONS.items(), ids=str)
def test_transition_leads_to_the_state_in_the_table(row: tuple[CallState, CallEvent, Guard], target: CallState) -> None:
    state, event, guard = row
    call = a_call(state=state, **GUARD_CONDITIONS[guard])

    moved = transition(call, event, account_now=NOW, digits=DIGITS.get(guard, WRONG_CODE))

    assert moved.state == target
    assert moved.is_ended == (target in FINAL_STATES)
    assert moved.ended_at == (NOW if moved.is_ended else None)
    assert (moved.verification_status is None) == (not moved.is_ended)
    assert moved.is_verified == (guard == Guard.RIGHT_CODE)


@pytest.mark.parametrize(("state", "event"), ILLEGAL, ids=str)
def test_event_without_a_transition_raises_an_error_with_the_reason(state: CallState, event: CallEvent) -> None:
    call = a_call(state=state)

    with pytest.raises(IllegalCallEvent) as refusal:
        transition(call, event, account_now=NOW)

    assert str(refusal.value) == f"call {CALL_SID} is {state}: {event} is not valid in this state"
    assert refusal.value.call == call
    assert refusal.value.event == event


def test_call_without_a_phone_cannot_be_dialed() -> None:
    with pytest.raises(IllegalCallEvent):
        transition(a_call(phone=None), CallEvent.DIAL, account_now=NOW)


def test_call_keeps_the_times_of_ringing_and_answer() -> None:
    ringing = transition(a_call(phone=a_phone()), CallEvent.DIAL, account_now=T0)

    answered = transition(ringing, CallEvent.ANSWER, account_now=after(T0, 3))

    assert ringing.ringing_at == answered.ringing_at == T0
    assert answered.answered_at == after(T0, 3)


def test_digits_are_collected_until_there_are_six() -> None:
    call = prompting()

    first = transition(call, CallEvent.DIGITS, account_now=NOW, digits=CODE[:2])
    second = transition(first, CallEvent.DIGITS, account_now=NOW, digits=CODE[2:5])
    third = transition(second, CallEvent.DIGITS, account_now=NOW, digits=CODE[5:])

    assert (first.keys, second.keys, third.keys) == (CODE[:2], CODE[:5], "")
    assert first.attempts_left == second.attempts_left == call.attempts_left
    assert third.verification_status == VerificationStatus.SUCCESS


def test_digits_after_the_sixth_are_ignored() -> None:
    moved = transition(prompting(), CallEvent.DIGITS, account_now=NOW, digits=f"{CODE}789")

    assert moved.is_verified


def test_wrong_code_uses_up_an_attempt_and_clears_the_digits() -> None:
    moved = transition(prompting(keys="99"), CallEvent.DIGITS, account_now=NOW, digits="9999")

    assert (moved.state, moved.attempts_left, moved.keys, moved.prompt_number) == (CallState.PROMPTING, 2, "", 2)


def test_code_is_valid_until_it_expires_and_then_counts_as_wrong() -> None:
    in_time = transition(prompting(code_expires_at=NOW), CallEvent.DIGITS, account_now=NOW, digits=CODE)
    late = transition(prompting(code_expires_at=after(NOW, -0.000_001)), CallEvent.DIGITS, account_now=NOW, digits=CODE)
    last = transition(late._replace(attempts_left=1), CallEvent.DIGITS, account_now=NOW, digits=CODE)

    assert (in_time.is_verified, late.is_verified, last.is_verified) == (True, False, False)
    assert (late.state, late.attempts_left) == (CallState.PROMPTING, 2)
    assert late.timeline[-1].detail == "012345: the code has expired, attempts left"
    assert [entry.detail for entry in last.timeline[-2:]] == [
        "012345: the code has expired, last attempt",
        "completed, failed",
    ]


def test_prompt_timeout_uses_up_an_attempt_and_clears_the_digits() -> None:
    moved = transition(prompting(keys="01"), CallEvent.PROMPT_TIMEOUT, account_now=NOW)

    assert (moved.state, moved.attempts_left, moved.keys) == (CallState.PROMPTING, 2, "")


def test_timeline_has_the_events_and_the_outcome_of_the_call() -> None:
    missing = transition(prompting(), CallEvent.DIGITS, account_now=T0, digits="01")
    wrong = transition(missing, CallEvent.DIGITS, account_now=T0, digits="9999")

    right = transition(wrong, CallEvent.DIGITS, account_now=NOW, digits=CODE)

    assert right.timeline == (
        TimelineEntry(T0, "digits", "01: fewer than six keys"),
        TimelineEntry(T0, "digits", "019999: attempts left"),
        TimelineEntry(NOW, "digits", "012345: right code"),
        TimelineEntry(NOW, "ended", "completed, success"),
    )


def test_timeline_has_the_dialed_extension() -> None:
    call = a_call(state=CallState.DIALING_EXTENSION, extension="ww12")

    moved = transition(call, CallEvent.EXTENSION_DIALED, account_now=NOW)

    assert moved.timeline == (TimelineEntry(NOW, "extension-dialed", "ww12"),)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (CallState.QUEUED, CallStatus.QUEUED),
        (CallState.RINGING, CallStatus.RINGING),
        (CallState.DIALING_EXTENSION, CallStatus.IN_PROGRESS),
        (CallState.PROMPTING, CallStatus.IN_PROGRESS),
        (CallState.COMPLETED, CallStatus.COMPLETED),
        (CallState.BUSY, CallStatus.BUSY),
        (CallState.NO_ANSWER, CallStatus.NO_ANSWER),
        (CallState.FAILED, CallStatus.FAILED),
    ],
)
def test_each_call_state_has_a_twilio_status(state: CallState, status: CallStatus) -> None:
    assert a_call(state=state).call_status == status


@pytest.mark.parametrize(
    ("answered", "ended", "seconds"),
    [(None, None, 0), (None, NOW, 0), (T0, None, 0), (T0, after(T0, 61.9), 61), (T0, T0, 0)],
)
def test_answered_seconds_are_whole_seconds_from_answer_to_end(
    answered: int | None, ended: int | None, seconds: int
) -> None:
    call = a_call(answered_at=answered, ended_at=ended)

    assert call.answered_seconds == seconds
