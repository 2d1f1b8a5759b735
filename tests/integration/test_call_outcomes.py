"""Validation calls from request to end, with each behavior of the callee, on a fake clock."""

from dataclasses import replace
from typing import Any

import pytest

from ringback.domain.calls import CallStatus, VerificationStatus
from ringback.domain.phones import PhoneBehavior, PhoneRule
from ringback.domain.timestamps import after
from support.domain_values import ACCOUNT_SID, NUMBER, T0
from support.in_process.simulation import Simulation

Times = list[tuple[float, str]]
SUCCESS, FAILED = VerificationStatus.SUCCESS, VerificationStatus.FAILED
ANSWERED: Times = [(0, "queued"), (0, "dial"), (2, "answer")]

TIMELINES: list[tuple[PhoneBehavior, CallStatus, VerificationStatus, int, Times]] = [
    (PhoneBehavior.ENTER_CODE, CallStatus.COMPLETED, SUCCESS, 3, [*ANSWERED, (5, "digits"), (5, "ended")]),
    (
        PhoneBehavior.ENTER_WRONG_CODE,
        CallStatus.COMPLETED,
        FAILED,
        9,
        [*ANSWERED, (5, "digits"), (8, "digits"), (11, "digits"), (11, "ended")],
    ),
    (
        PhoneBehavior.MISTYPE_ONCE,
        CallStatus.COMPLETED,
        SUCCESS,
        6,
        [*ANSWERED, (5, "digits"), (8, "digits"), (8, "ended")],
    ),
    (
        PhoneBehavior.ENTER_NOTHING,
        CallStatus.COMPLETED,
        FAILED,
        30,
        [*ANSWERED, (12, "prompt-timeout"), (22, "prompt-timeout"), (32, "prompt-timeout"), (32, "ended")],
    ),
    (PhoneBehavior.HANG_UP, CallStatus.COMPLETED, FAILED, 3, [*ANSWERED, (5, "hang-up"), (5, "ended")]),
    (PhoneBehavior.BUSY, CallStatus.BUSY, FAILED, 0, [(0, "queued"), (0, "dial"), (0, "ended")]),
    (PhoneBehavior.UNREACHABLE, CallStatus.FAILED, FAILED, 0, [(0, "queued"), (0, "dial"), (0, "ended")]),
    (PhoneBehavior.GEO_BLOCKED, CallStatus.FAILED, FAILED, 0, [(0, "queued"), (0, "dial"), (0, "ended")]),
    (
        PhoneBehavior.NO_ANSWER,
        CallStatus.NO_ANSWER,
        FAILED,
        0,
        [(0, "queued"), (0, "dial"), (60, "ring-timeout"), (60, "ended")],
    ),
    (
        PhoneBehavior.MANUAL,
        CallStatus.NO_ANSWER,
        FAILED,
        0,
        [(0, "queued"), (0, "dial"), (60, "ring-timeout"), (60, "ended")],
    ),
]


@pytest.mark.parametrize(("behavior", "status", "verification", "answered_seconds", "times"), TIMELINES)
def test_call_follows_the_behavior_of_its_phone(
    behavior: PhoneBehavior,
    status: CallStatus,
    verification: VerificationStatus,
    answered_seconds: int,
    times: Times,
    simulation: Simulation,
) -> None:
    simulation.set_default_phone(behavior, ring_seconds=2.0, key_seconds=3.0)

    sid = simulation.validate().call_sid
    simulation.run()

    call = simulation.call(sid)
    assert (call.call_status, call.verification_status, call.answered_seconds) == (
        status,
        verification,
        answered_seconds,
    )
    assert simulation.timeline(sid) == times
    assert [caller_id.phone_number for caller_id in simulation.caller_ids()] == [NUMBER] * call.is_verified


def test_every_behavior_has_a_test_case() -> None:
    assert {behavior for behavior, *_ in TIMELINES} == set(PhoneBehavior)


def test_caller_id_is_created_when_a_call_succeeds(simulation: Simulation) -> None:
    answer = simulation.validate(friendly_name="Home")
    before = simulation.caller_ids()

    simulation.run()

    [made] = simulation.caller_ids()
    call = simulation.call(answer.call_sid)
    assert before == []
    assert made.date_created == made.date_updated == call.ended_at == after(T0, 2)
    assert (made.friendly_name, made.sid) == ("Home", call.outgoing_caller_id_sid)


def test_friendly_name_of_a_caller_id_defaults_to_its_number(simulation: Simulation) -> None:
    simulation.validate()
    simulation.validate("+442079460958")

    simulation.run()

    assert {made.friendly_name for made in simulation.caller_ids()} == {"(415) 867-5309", "+442079460958"}


def test_call_starts_after_its_delay(simulation: Simulation) -> None:
    sid = simulation.validate(call_delay_seconds=42).call_sid

    simulation.clock.advance(41.999)
    too_early = simulation.step()
    simulation.clock.advance(0.001)
    in_time = simulation.step()

    assert too_early == []
    assert [call.call_status for call in in_time] == [CallStatus.RINGING]
    assert simulation.timeline(sid) == [(0, "queued"), (42, "dial")]


def test_extension_is_dialed_with_its_pauses_and_reaches_the_callee(simulation: Simulation) -> None:
    simulation.set_default_phone(PhoneBehavior.ENTER_CODE, extension="123")

    sid = simulation.validate(extension="wW123").call_sid
    simulation.run()

    assert simulation.call(sid).verification_status == SUCCESS
    assert simulation.timeline(sid) == [
        (0, "queued"),
        (0, "dial"),
        (1, "answer"),
        (2.8, "extension-dialed"),
        (3.8, "digits"),
        (3.8, "ended"),
    ]


@pytest.mark.parametrize("parameters", [{}, {"extension": "124"}])
def test_callee_with_another_extension_enters_no_digits(parameters: dict[str, Any], simulation: Simulation) -> None:
    simulation.set_default_phone(PhoneBehavior.ENTER_CODE, extension="123")

    sid = simulation.validate(**parameters).call_sid
    simulation.run()

    call = simulation.call(sid)
    assert (call.call_status, call.verification_status, call.attempts_left) == (CallStatus.COMPLETED, FAILED, 0)
    assert [event for _, event in simulation.timeline(sid)].count("prompt-timeout") == 3


def test_ring_timeout_shorter_than_the_ringing_time_ends_the_call(simulation: Simulation) -> None:
    simulation.set_default_phone(PhoneBehavior.ENTER_CODE, ring_seconds=5.0)
    simulation.policy = replace(simulation.policy, ring_timeout_seconds=4.0)

    sid = simulation.validate().call_sid
    simulation.run()

    assert simulation.call(sid).call_status == CallStatus.NO_ANSWER
    assert simulation.timeline(sid)[-1] == (4, "ended")


def test_callee_that_mistypes_once_fails_with_a_single_attempt(simulation: Simulation) -> None:
    simulation.set_default_phone(PhoneBehavior.MISTYPE_ONCE)
    simulation.policy = replace(simulation.policy, code_attempts=1)

    sid = simulation.validate().call_sid
    simulation.run()

    assert simulation.call(sid).verification_status == FAILED
    assert simulation.caller_ids() == []


def test_call_without_delays_passes_through_all_states(simulation: Simulation) -> None:
    simulation.set_default_phone(PhoneBehavior.ENTER_CODE, ring_seconds=0.0, key_seconds=0.0)

    sid = simulation.validate().call_sid
    simulation.run()

    assert simulation.timeline(sid) == [(0, event) for event in ("queued", "dial", "answer", "digits", "ended")]


def test_phone_is_looked_up_when_it_is_dialed(simulation: Simulation) -> None:
    sid = simulation.validate(call_delay_seconds=5).call_sid

    simulation.unit_of_work.phones.save_rule(ACCOUNT_SID, NUMBER, PhoneRule(PhoneBehavior.BUSY))
    simulation.run()

    assert simulation.call(sid).call_status == CallStatus.BUSY


@pytest.mark.parametrize(("number", "status"), [("+15005550014", CallStatus.BUSY), (NUMBER, CallStatus.FAILED)])
def test_default_rule_applies_to_other_phones(number: str, status: CallStatus, simulation: Simulation) -> None:
    simulation.unit_of_work.phones.save_rule(ACCOUNT_SID, "default", PhoneRule(PhoneBehavior.UNREACHABLE))

    sid = simulation.validate(number).call_sid
    simulation.run()

    assert simulation.call(sid).call_status == status


def test_overdue_events_occur_immediately_in_the_order_of_their_due_times(simulation: Simulation) -> None:
    later = simulation.validate(call_delay_seconds=10).call_sid
    sooner = simulation.validate("+12125551234", call_delay_seconds=5).call_sid

    simulation.clock.advance(3600)
    moved = simulation.step()

    assert [call.sid for call in moved] == [sooner, later]
    assert simulation.timeline(later) == [(0, "queued"), (3600, "dial")]
