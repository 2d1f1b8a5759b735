"""Validation requests: the response, and the effect on an older request."""

import pytest

from ringback.domain.callbacks import CallbackStatus
from ringback.domain.calls import CallEvent, CallState, CallStatus, IllegalCallEvent, VerificationStatus
from ringback.domain.errors import TwilioError
from ringback.domain.phones import PhoneBehavior
from ringback.domain.sids import AccountSid, is_sid
from ringback.operations.accounts import ensure_account
from ringback.operations.calls import CallContext, advance_call
from support.domain_values import ACCOUNT_SID, NUMBER, T0, a_caller_id
from support.in_process.simulation import Simulation, query

OTHER_ACCOUNT = AccountSid("AC" + "9" * 32)
URL = "http://app.test/done"


def test_validation_response_has_the_code_and_the_call_sid(simulation: Simulation) -> None:
    answer = simulation.validate(friendly_name="Home", status_callback=URL, extension="12", call_delay_seconds=3)

    call = simulation.call(answer.call_sid)
    assert (answer.account_sid, answer.phone_number, answer.friendly_name) == (ACCOUNT_SID, NUMBER, "Home")
    assert is_sid("CA", answer.call_sid)
    assert len(answer.validation_code) == 6
    assert answer.validation_code.isdecimal()
    assert call.validation_code == answer.validation_code
    assert (call.status_callback, call.status_callback_method, call.extension) == (URL, "POST", "12")
    assert (call.state, call.date_created, call.call_delay_seconds) == (CallState.QUEUED, T0, 3)
    assert (call.attempts_allowed, call.attempts_left) == (3, 3)


def test_validation_response_has_a_null_name_if_none_was_given(simulation: Simulation) -> None:
    assert simulation.validate().friendly_name is None


def test_verified_number_is_rejected_without_a_call(simulation: Simulation) -> None:
    simulation.unit_of_work.caller_ids.add(a_caller_id())

    with pytest.raises(TwilioError) as refusal:
        simulation.validate()

    assert (refusal.value.status, refusal.value.code) == (400, 21450)
    assert query(simulation.database, "SELECT count(*) FROM validation_calls") == [(0,)]


def test_number_verified_by_another_account_can_also_be_verified(simulation: Simulation) -> None:
    ensure_account(simulation.unit_of_work, OTHER_ACCOUNT, "token", T0)
    simulation.unit_of_work.caller_ids.add(a_caller_id())

    simulation.validate(account_sid=OTHER_ACCOUNT)
    simulation.run()

    assert [made.phone_number for made in simulation.caller_ids(OTHER_ACCOUNT)] == [NUMBER]
    assert len(simulation.caller_ids()) == 1


@pytest.mark.parametrize("seconds", [0, 0.5, 1.5])
def test_second_request_ends_the_call_in_progress_as_failed(seconds: float, simulation: Simulation) -> None:
    older = simulation.validate(status_callback=URL)
    simulation.step()
    simulation.clock.advance(seconds)
    simulation.step()

    newer = simulation.validate()

    ended = simulation.call(older.call_sid)
    enqueued = simulation.unit_of_work.callbacks.find(older.call_sid)
    assert (ended.call_status, ended.verification_status) == (CallStatus.FAILED, VerificationStatus.FAILED)
    assert enqueued is not None
    assert enqueued[1] == CallbackStatus.PENDING
    assert dict(enqueued[0].parameters)["CallStatus"] == "failed"
    assert newer.call_sid != older.call_sid


def test_code_of_a_superseded_call_is_invalid(simulation: Simulation) -> None:
    older = simulation.validate()
    simulation.validate()

    with pytest.raises(IllegalCallEvent):
        advance_call(
            simulation.unit_of_work,
            simulation.call(older.call_sid),
            CallEvent.DIGITS,
            digits=older.validation_code,
            context=CallContext(simulation.time(), simulation.policy, simulation.id_generator),
        )

    assert simulation.caller_ids() == []


def test_only_the_newest_call_is_dialed(simulation: Simulation) -> None:
    older = simulation.validate()
    newer = simulation.validate()

    simulation.run()

    assert [event for _, event in simulation.timeline(older.call_sid)] == ["queued", "supersede", "ended"]
    assert simulation.call(newer.call_sid).is_verified
    assert (older.has_superseded, newer.has_superseded) == (False, True)


def test_calls_to_other_numbers_and_of_other_accounts_continue(simulation: Simulation) -> None:
    ensure_account(simulation.unit_of_work, OTHER_ACCOUNT, "token", T0)
    others = simulation.validate("+12125551234"), simulation.validate(account_sid=OTHER_ACCOUNT)

    simulation.validate()
    simulation.run()

    assert all(simulation.call(other.call_sid).is_verified for other in others)


def test_number_can_be_validated_again_after_its_call_failed(simulation: Simulation) -> None:
    simulation.set_default_phone(PhoneBehavior.BUSY)
    simulation.validate()
    simulation.run()
    simulation.set_default_phone(PhoneBehavior.ENTER_CODE)

    simulation.validate()
    simulation.run()

    assert len(simulation.caller_ids()) == 1


def test_number_added_during_its_call_is_not_added_twice(simulation: Simulation) -> None:
    sid = simulation.validate().call_sid
    known = a_caller_id(friendly_name="Added meanwhile")
    simulation.unit_of_work.caller_ids.add(known)

    simulation.run()

    assert simulation.caller_ids() == [known]
    assert simulation.call(sid).outgoing_caller_id_sid == known.sid
