"""Every row of the transition table, and what happens to a call outside it."""

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
CIRCUMSTANCES: dict[Guard, dict[str, Any]] = {
    Guard.ALWAYS: {},
    Guard.LINE_FREE: {"phone": a_phone()},
    Guard.LINE_BUSY: {"phone": a_phone(PhoneBehavior.BUSY)},
    Guard.UNREACHABLE: {"phone": a_phone(PhoneBehavior.UNREACHABLE)},
    Guard.EXTENSION_TO_DIAL: {"extension": "12"},
    Guard.NO_EXTENSION: {"extension": None},
    Guard.KEYS_MISSING: {},
    Guard.RIGHT_CODE: {},
    Guard.ATTEMPTS_LEFT: {"attempts_left": 2},
    Guard.LAST_ATTEMPT: {"attempts_left": 1},
}
"""What a call must be like for each guard to hold."""
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
def test_each_row_of_the_table_leads_where_it_says(row: tuple[CallState, CallEvent, Guard], target: CallState) -> None:
    state, event, guard = row
    call = a_call(state=state, **CIRCUMSTANCES[guard])

    moved = transition(call, event, account_now=NOW, digits=DIGITS.get(guard, WRONG_CODE))

    assert moved.state == target
    assert moved.is_ended == (target in FINAL_STATES)
    assert moved.ended_at == (NOW if moved.is_ended else None)
    assert (moved.verification_status is None) == (not moved.is_ended)
    assert moved.is_verified == (guard == Guard.RIGHT_CODE)


@pytest.mark.parametrize(("state", "event"), ILLEGAL, ids=str)
def test_an_event_outside_the_table_is_refused_and_says_why(state: CallState, event: CallEvent) -> None:
    call = a_call(state=state)

    with pytest.raises(IllegalCallEvent) as refusal:
        transition(call, event, account_now=NOW)

    assert str(refusal.value) == f"call {CALL_SID} is {state}: {event} is not valid in this state"
    assert refusal.value.call == call
    assert refusal.value.event == event


def test_a_number_whose_phone_is_not_known_cannot_be_dialled() -> None:
    with pytest.raises(IllegalCallEvent):
        transition(a_call(phone=None), CallEvent.DIAL, account_now=NOW)


def test_the_times_of_ringing_and_pickup_are_kept() -> None:
    ringing = transition(a_call(phone=a_phone()), CallEvent.DIAL, account_now=T0)

    answered = transition(ringing, CallEvent.ANSWER, account_now=after(T0, 3))

    assert ringing.ringing_at == answered.ringing_at == T0
    assert answered.answered_at == after(T0, 3)


def test_keys_are_gathered_until_there_are_six() -> None:
    call = prompting()

    first = transition(call, CallEvent.DIGITS, account_now=NOW, digits=CODE[:2])
    second = transition(first, CallEvent.DIGITS, account_now=NOW, digits=CODE[2:5])
    third = transition(second, CallEvent.DIGITS, account_now=NOW, digits=CODE[5:])

    assert (first.keys, second.keys, third.keys) == (CODE[:2], CODE[:5], "")
    assert first.attempts_left == second.attempts_left == call.attempts_left
    assert third.verification_status == VerificationStatus.SUCCESS


def test_keys_beyond_the_sixth_count_for_nothing() -> None:
    moved = transition(prompting(), CallEvent.DIGITS, account_now=NOW, digits=f"{CODE}789")

    assert moved.is_verified


def test_a_wrong_code_costs_an_attempt_and_its_keys_are_forgotten() -> None:
    moved = transition(prompting(keys="99"), CallEvent.DIGITS, account_now=NOW, digits="9999")

    assert (moved.state, moved.attempts_left, moved.keys, moved.prompt_number) == (CallState.PROMPTING, 2, "", 2)


def test_a_code_is_right_till_it_expires_and_then_as_good_as_a_wrong_one() -> None:
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


def test_silence_costs_an_attempt_and_the_keys_so_far_are_forgotten() -> None:
    moved = transition(prompting(keys="01"), CallEvent.PROMPT_TIMEOUT, account_now=NOW)

    assert (moved.state, moved.attempts_left, moved.keys) == (CallState.PROMPTING, 2, "")


def test_the_timeline_says_what_happened_and_how_the_call_ended() -> None:
    missing = transition(prompting(), CallEvent.DIGITS, account_now=T0, digits="01")
    wrong = transition(missing, CallEvent.DIGITS, account_now=T0, digits="9999")

    right = transition(wrong, CallEvent.DIGITS, account_now=NOW, digits=CODE)

    assert right.timeline == (
        TimelineEntry(T0, "digits", "01: fewer than six keys"),
        TimelineEntry(T0, "digits", "019999: attempts left"),
        TimelineEntry(NOW, "digits", "012345: right code"),
        TimelineEntry(NOW, "ended", "completed, success"),
    )


def test_the_timeline_tells_the_extension_that_was_dialled() -> None:
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
def test_clients_read_twilios_word_for_each_state(state: CallState, status: CallStatus) -> None:
    assert a_call(state=state).call_status == status


@pytest.mark.parametrize(
    ("answered", "ended", "seconds"),
    [(None, None, 0), (None, NOW, 0), (T0, None, 0), (T0, after(T0, 61.9), 61), (T0, T0, 0)],
)
def test_answered_seconds_are_whole_seconds_from_pickup_to_the_end(
    answered: int | None, ended: int | None, seconds: int
) -> None:
    call = a_call(answered_at=answered, ended_at=ended)

    assert call.answered_seconds == seconds
