"""Stateful test of the database's invariants under random events on calls of several accounts."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from ringback.domain.callbacks import status_callback_parameters
from ringback.domain.calls import CallEvent, IllegalCallEvent, ValidationCall
from ringback.domain.errors import TwilioError
from ringback.domain.phones import PhoneBehavior
from ringback.domain.sids import AccountSid
from ringback.operations.accounts import ensure_account
from ringback.operations.calls import CallContext, advance_call
from support.databases.templates import EmbeddedTemplate, Template
from support.domain_values import ACCOUNT_SID, NUMBER, T0
from support.in_process.simulation import Simulation, a_simulation, query
from support.sampling import WHOLE

ACCOUNTS = [ACCOUNT_SID, AccountSid("AC" + "9" * 32)]
NUMBERS = [NUMBER, "+12125551234"]
URL = "http://app.test/done"


class CallOperationsMachine(RuleBasedStateMachine):
    """A state machine in which two accounts repeatedly verify two numbers, and random events happen to their calls."""

    calls: Bundle[str] = Bundle("calls")
    migrated: Template

    def __init__(self) -> None:
        super().__init__()
        self.simulation: Simulation = a_simulation(self.migrated)
        ensure_account(self.simulation.unit_of_work, ACCOUNTS[1], "token", T0)
        self.asked_for: dict[str, bool] = {}

    def teardown(self) -> None:
        self.simulation.database.close()

    @rule(
        target=calls,
        account=st.sampled_from(ACCOUNTS),
        number=st.sampled_from(NUMBERS),
        callback=st.booleans(),
        behavior=st.sampled_from(PhoneBehavior),
        extension=st.none() | st.just("12"),
    )
    def validate(
        self, account: AccountSid, number: str, *, callback: bool, behavior: PhoneBehavior, extension: str | None
    ) -> Any:
        self.simulation.set_default_phone(behavior)
        url = URL if callback else None
        verified = number in {known.phone_number for known in self.simulation.caller_ids(account)}
        if verified:
            with pytest.raises(TwilioError) as refusal:
                self.simulation.validate(number, account, status_callback=url)
            assert refusal.value.code == 21450
            return multiple()
        sid = self.simulation.validate(number, account, status_callback=url, extension=extension).call_sid
        self.asked_for[sid] = callback
        return sid

    @rule(sid=calls, event=st.sampled_from(CallEvent), right=st.booleans())
    def apply_event(self, sid: str, event: CallEvent, *, right: bool) -> None:
        before = self.simulation.call(sid)
        digits = (before.validation_code if right else "0") if event == CallEvent.DIGITS else ""
        try:
            moved = self._advance(before, event, digits)
        except IllegalCallEvent:
            assert self.simulation.call(sid) == before
        else:
            assert self.simulation.call(sid) == moved

    def _advance(self, call: ValidationCall, event: CallEvent, digits: str) -> ValidationCall:
        return advance_call(
            self.simulation.unit_of_work,
            call,
            event,
            digits=digits,
            context=CallContext(self.simulation.time(), self.simulation.policy, self.simulation.id_generator),
        )

    @rule(seconds=st.floats(0, 30))
    def advance_time(self, seconds: float) -> None:
        self.simulation.clock.advance(seconds)
        while self.simulation.step():
            pass

    @invariant()
    def number_is_verified_at_most_once_per_account(self) -> None:
        pairs = query(self.simulation.database, "SELECT account_sid, phone_number FROM outgoing_caller_ids")

        assert len(pairs) == len(set(pairs))

    @invariant()
    def number_has_at_most_one_call_in_progress_per_account(self) -> None:
        under_way = "SELECT account_sid, phone_number FROM validation_calls WHERE ended_at IS NULL"
        pairs = query(self.simulation.database, under_way)

        assert len(pairs) == len(set(pairs))

    @invariant()
    def exactly_the_ended_calls_with_a_callback_url_have_a_callback(self) -> None:
        owing = sorted(sid for (sid,) in query(self.simulation.database, "SELECT call_sid FROM status_callbacks"))

        assert owing == sorted(sid for sid, asked in self.asked_for.items() if asked and self._ended(sid))

    @invariant()
    def callback_reports_the_outcome_of_its_call(self) -> None:
        for sid, asked in self.asked_for.items():
            enqueued = self.simulation.unit_of_work.callbacks.find(sid)
            if asked and enqueued:
                assert enqueued[0].parameters == status_callback_parameters(self.simulation.call(sid))

    @invariant()
    def only_calls_in_progress_have_a_pending_event(self) -> None:
        pending = {
            sid for (sid,) in query(self.simulation.database, "SELECT sid FROM validation_calls WHERE due_at > 0")
        }

        assert pending == {sid for sid in self.asked_for if not self._ended(sid)}

    @invariant()
    def exactly_the_verified_calls_have_a_caller_id(self) -> None:
        known = {made.sid for account in ACCOUNTS for made in self.simulation.caller_ids(account)}

        named = {self.simulation.call(sid).outgoing_caller_id_sid for sid in self.asked_for if self._verified(sid)}
        assert named == known

    def _ended(self, sid: str) -> bool:
        return self.simulation.call(sid).is_ended

    def _verified(self, sid: str) -> bool:
        call = self.simulation.call(sid)
        assert call.is_verified == (call.outgoing_caller_id_sid is not None)
        return call.is_verified


def test_database_keeps_its_invariants_under_random_events(migrated: Template) -> None:
    CallOperationsMachine.migrated = migrated
    sample = 15 if isinstance(migrated, EmbeddedTemplate) else 3
    limits = settings(max_examples=25 if WHOLE else sample, stateful_step_count=25, deadline=None)
    case = CallOperationsMachine.TestCase
    case.settings = limits

    case("runTest").debug()
