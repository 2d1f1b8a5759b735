"""Invariants of a call under random events and digits."""

import re

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ringback.domain.calls import (
    CALL_TRANSITIONS,
    FINAL_STATES,
    CallEvent,
    CallState,
    IllegalCallEvent,
    ValidationCall,
    VerificationStatus,
    transition,
)
from ringback.domain.phones import PhoneBehavior
from ringback.domain.timestamps import after
from support.domain_values import CODE, T0, a_call, a_phone
from support.sampling import WHOLE

KEYS = st.text("0123456789*#", max_size=8) | st.sampled_from([CODE, CODE[:3], CODE[3:], "999999"])
INITIAL_EVENTS: list[list[CallEvent]] = [[], [CallEvent.DIAL, CallEvent.ANSWER, CallEvent.EXTENSION_DIALED]]
"""Half of the calls start answered, so that many events occur at the prompt."""
OTHER_EVENTS = [event for event in CallEvent if event != CallEvent.DIGITS]


class CallMachine(RuleBasedStateMachine):
    """A call that undergoes random events chosen by hypothesis."""

    def __init__(self) -> None:
        super().__init__()
        self.call = a_call()
        self.before = self.call
        self.now = T0
        self.outcomes: list[VerificationStatus] = []

    @initialize(
        behavior=st.sampled_from(PhoneBehavior),
        extension=st.none() | st.just("w12"),
        attempts=st.integers(1, 4),
        begun=st.sampled_from(INITIAL_EVENTS),
    )
    def begin(self, behavior: PhoneBehavior, extension: str | None, attempts: int, begun: list[CallEvent]) -> None:
        self.call = self.before = a_call(
            phone=a_phone(behavior), extension=extension, attempts_allowed=attempts, attempts_left=attempts
        )
        for event in begun:
            self._handle_event(event, "")

    @rule(seconds=st.floats(0, 100))
    def advance_time(self, seconds: float) -> None:
        self.now = after(self.now, seconds)

    @rule(event=st.sampled_from(OTHER_EVENTS))
    def handle_event(self, event: CallEvent) -> None:
        self._handle_event(event, "")

    @rule(digits=KEYS)
    def key(self, digits: str) -> None:
        self._handle_event(CallEvent.DIGITS, digits)

    @precondition(lambda self: self.call.state == CallState.PROMPTING)
    @rule(event=st.sampled_from([CallEvent.DIGITS, CallEvent.PROMPT_TIMEOUT]))
    def fail_at_the_prompt(self, event: CallEvent) -> None:
        self._handle_event(event, "999999" if event == CallEvent.DIGITS else "")

    @precondition(lambda self: not self.call.is_ended)
    @rule(data=st.data(), digits=KEYS)
    def apply_allowed_event(self, data: st.DataObject, digits: str) -> None:
        events = sorted({event for state, event, _ in CALL_TRANSITIONS if state == self.call.state})
        event = data.draw(st.sampled_from(events))
        self._handle_event(event, digits if event == CallEvent.DIGITS else "")

    def _handle_event(self, event: CallEvent, digits: str) -> None:
        self.before = self.call
        legal = any((state, known) == (self.call.state, event) for state, known, _ in CALL_TRANSITIONS)
        if not legal:
            with pytest.raises(IllegalCallEvent):
                transition(self.call, event, account_now=self.now, digits=digits)
            assert self.call == self.before
            return
        self.call = transition(self.call, event, account_now=self.now, digits=digits)
        if self.call.verification_status:
            self.outcomes.append(self.call.verification_status)

    @invariant()
    def only_ended_calls_have_an_outcome(self) -> None:
        ended = self.call.state in FINAL_STATES

        assert len(self.outcomes) == (1 if ended else 0)
        assert (self.call.verification_status is not None) == ended
        assert (self.call.ended_at is not None) == ended

    @invariant()
    def attempts_are_never_negative_and_never_grow(self) -> None:
        assert 0 <= self.call.attempts_left <= self.before.attempts_left
        assert self.before.attempts_left - self.call.attempts_left <= 1

    @invariant()
    def timeline_is_append_only_and_ordered(self) -> None:
        known = len(self.before.timeline)
        times = [entry.at for entry in self.call.timeline]

        assert self.call.timeline[:known] == self.before.timeline
        assert len(self.call.timeline) - known <= 2
        assert times == sorted(times)

    @invariant()
    def times_are_ordered_and_constant(self) -> None:
        assert _moments(self.call) == sorted(_moments(self.call))
        assert _moments(self.call)[: len(_moments(self.before))] == _moments(self.before)

    @invariant()
    def at_most_five_digits_are_stored(self) -> None:
        assert len(self.call.keys) < 6

    @invariant()
    def success_requires_the_code(self) -> None:
        keyed = [entry.detail for entry in self.call.timeline if entry.event == CallEvent.DIGITS]

        assert self.call.is_verified == any(re.fullmatch(f"{CODE}: right code", detail) for detail in keyed)


def _moments(call: ValidationCall) -> list[int]:
    moments = (call.date_created, call.ringing_at, call.answered_at, call.ended_at)
    return [moment for moment in moments if moment is not None]


CallMachine.TestCase.settings = settings(max_examples=100 if WHOLE else 30, stateful_step_count=25, deadline=None)
test_call_keeps_its_invariants_under_random_events = CallMachine.TestCase
