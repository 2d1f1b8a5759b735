"""Faults as values: validation, scope and trigger conditions."""

from typing import Any

import pytest

from ringback.domain.fault_effects import (
    AlterSignature,
    AnswerBody,
    AnswerError,
    Delay,
    DropConnection,
    Duplicate,
    Effect,
    InvalidFault,
    SignatureFlaw,
    Suppress,
    describe_effect,
    effect_from_dict,
)
from ringback.domain.faults import Fault, FaultTarget, NewFault
from ringback.domain.operations import Operation
from ringback.operations.id_generator import IdGenerator
from support.clocks import START

OPERATION, CALLBACK = FaultTarget(Operation.FETCH_OUTGOING_CALLER_ID), FaultTarget.STATUS_CALLBACK
EFFECTS: list[tuple[dict[str, Any], Effect, str]] = [
    ({"status": 429}, AnswerError(429), "status 429"),
    ({"status": 400, "code": 21450, "message": "No."}, AnswerError(400, 21450, "No."), "status 400"),
    ({"delay_seconds": 2.5}, Delay(2.5), "delay_seconds 2.5"),
    ({"drop": "before"}, DropConnection("before"), "drop before"),
    ({"drop": "after"}, DropConnection("after"), "drop after"),
    ({"duplicate": 2}, Duplicate(2), "duplicate 2"),
    ({"signature": "bad"}, AlterSignature(SignatureFlaw.BAD), "signature bad"),
    ({"signature": "without-port"}, AlterSignature(SignatureFlaw.WITHOUT_PORT), "signature without-port"),
    ({"signature": "secondary"}, AlterSignature(SignatureFlaw.SECONDARY), "signature secondary"),
    ({"drop": True}, Suppress(), "drop true"),
    ({"delay_seconds": 2, "when": "after"}, Delay(2, "after"), "delay_seconds 2 after"),
    ({"duplicate": 2, "at_once": True}, Duplicate(2, at_once=True), "duplicate 2 at once"),
    (
        {"status": 200, "body": "<html>", "content_type": "text/html"},
        AnswerBody(200, "<html>", "text/html"),
        "status 200 with body",
    ),
]


def a_fault(**changes: Any) -> Fault:
    values: dict[str, Any] = {
        "id": 1,
        "operation": OPERATION,
        "effect": AnswerError(503),
        "times_left": None,
        "probability": None,
        "trials": 0,
        "triggered": 0,
        "date_created": START,
    }
    return Fault(**(values | changes))


def triggers(fault: Fault, id_generator: IdGenerator, trials: int = 1_000, index: int = 0) -> list[bool]:
    """Return for each trial whether it triggered the fault."""
    triggered = []
    for _ in range(trials):
        tried = fault.after_trial(index, id_generator.random_fraction)
        triggered.append(tried.triggered > fault.triggered)
        fault = tried
    return triggered


@pytest.mark.parametrize(("data", "effect", "words"), EFFECTS)
def test_effect_is_unchanged_by_to_dict_and_from_dict(data: dict[str, Any], effect: Effect, words: str) -> None:
    assert effect_from_dict(data) == effect
    assert dict(effect.to_dict()) == data
    assert describe_effect(effect) == words


@pytest.mark.parametrize(
    "data", [{}, {"status": 500, "drop": "after"}, {"code": 20003}, {"delay_seconds": 1, "code": 5}]
)
def test_fault_has_exactly_one_effect(data: dict[str, Any]) -> None:
    with pytest.raises(InvalidFault, match=r"^effect: "):
        effect_from_dict(data)


@pytest.mark.parametrize(
    "data",
    [
        {"status": 399},
        {"status": 500, "content_type": "text/html"},
        {"status": 500, "body": "", "code": 20500},
        {"status": 204, "body": "text"},
        {"delay_seconds": 1, "body": ""},
        {"status": 500, "when": "after"},
        {"delay_seconds": 1, "at_once": True},
    ],
)
def test_option_of_another_effect_is_rejected(data: dict[str, Any]) -> None:
    with pytest.raises(InvalidFault, match=r"^effect"):
        effect_from_dict(data)


def test_fault_body_is_html_unless_a_type_is_given() -> None:
    assert effect_from_dict({"status": 502, "body": "<html>"}) == AnswerBody(502, "<html>", "text/html; charset=utf-8")


OF_OPERATIONS: list[Effect] = [
    AnswerError(500),
    AnswerBody(200, ""),
    Delay(1),
    Delay(1, "after"),
    DropConnection("before"),
    DropConnection("after"),
]


@pytest.mark.parametrize("effect", OF_OPERATIONS)
def test_operations_accept_request_effects(effect: Effect) -> None:
    for target in set(FaultTarget) - {CALLBACK}:
        assert NewFault(target, effect).effect == effect


@pytest.mark.parametrize("effect", [Delay(1), Duplicate(2), AlterSignature(SignatureFlaw.BAD), Suppress()])
def test_status_callback_accepts_callback_effects(effect: Effect) -> None:
    assert NewFault(CALLBACK, effect).effect == effect


@pytest.mark.parametrize(
    ("target", "effect", "complaint"),
    [
        (
            CALLBACK,
            AnswerError(500),
            "status 500 is not valid for status-callback, which accepts delay_seconds, duplicate",
        ),
        (CALLBACK, Delay(1, "after"), "delay_seconds 1 after is not valid for status-callback"),
        (CALLBACK, AnswerBody(200, ""), "status 200 with body is not valid for status-callback"),
        (CALLBACK, DropConnection("after"), "drop after is not valid for status-callback, which accepts .* drop true"),
        (
            OPERATION,
            Duplicate(2),
            "duplicate 2 is not valid for fetch-outgoing-caller-id, which accepts status, delay_seconds",
        ),
        (OPERATION, Suppress(), 'drop true is not valid for fetch-outgoing-caller-id, which accepts .* drop "before"'),
        (FaultTarget.EVERY_OPERATION, AlterSignature(SignatureFlaw.BAD), r"signature bad is not valid for \*"),
    ],
)
def test_effect_for_the_wrong_target_is_rejected_with_the_valid_ones(
    target: FaultTarget, effect: Effect, complaint: str
) -> None:
    with pytest.raises(InvalidFault, match=complaint):
        NewFault(target, effect)


def test_fault_has_times_or_probability_but_not_both() -> None:
    with pytest.raises(InvalidFault, match="times, probability"):
        NewFault(OPERATION, AnswerError(500), times=1, probability=0.5)


def test_wildcard_target_includes_all_operations_and_not_the_status_callback() -> None:
    everywhere = a_fault(operation=FaultTarget.EVERY_OPERATION)

    assert {target for target in FaultTarget if everywhere.applies_to(target)} == set(FaultTarget) - {CALLBACK}
    assert [target for target in FaultTarget if a_fault().applies_to(target)] == [OPERATION]


@pytest.mark.parametrize(
    ("status", "code", "message", "headers"),
    [
        (429, 20429, "Too Many Requests", {"Retry-After": "1"}),
        (503, 20503, "Service Unavailable", {"Retry-After": "1"}),
        (500, 20500, "Internal Server Error", {}),
        (404, 20404, "The requested resource /x.json was not found", {}),
        (401, 20003, "Authenticate", {"WWW-Authenticate": 'Basic realm="Twilio API"'}),
        (405, 20004, "Method not allowed", {"Allow": "OPTIONS"}),
        (400, 20400, "Bad Request", {}),
        (502, 20502, "Bad Gateway", {}),
        (599, 20599, "Error", {}),
    ],
)
def test_error_effect_has_twilios_code_and_message_by_default(
    status: int, code: int, message: str, headers: dict[str, str]
) -> None:
    error = AnswerError(status).error("/x.json")

    assert (error.status, error.code, error.message, dict(error.headers)) == (status, code, message, headers)


def test_error_effect_can_have_another_code_and_message() -> None:
    error = AnswerError(429, 14107, "Message rate exceeded").error("/x.json")

    assert (error.code, error.message, dict(error.headers)) == (14107, "Message rate exceeded", {"Retry-After": "1"})


def test_fault_with_a_count_is_triggered_until_it_is_used_up() -> None:
    fault = a_fault(times_left=2)
    first = fault.after_trial(0, IdGenerator(1).random_fraction)
    second = first.after_trial(0, IdGenerator(1).random_fraction)

    assert (first.times_left, first.triggered, first.is_used_up) == (1, 1, False)
    assert (second.times_left, second.triggered, second.is_used_up) == (0, 2, True)


@pytest.mark.parametrize("seed", [None, 7])
@pytest.mark.parametrize(("probability", "outcomes"), [(0.0, {False}), (1.0, {True}), (None, {True})])
def test_fault_with_probability_one_is_always_triggered_and_with_zero_never(
    probability: float | None, outcomes: set[bool], seed: int | None
) -> None:
    assert set(triggers(a_fault(probability=probability), IdGenerator(seed))) == outcomes


def test_trials_that_trigger_a_fault_are_repeatable_regardless_of_other_random_values() -> None:
    fault, busy = a_fault(probability=0.5), IdGenerator(7)
    expected = triggers(fault, IdGenerator(7))
    found = []
    for _ in range(1_000):
        busy.sid("CA")
        tried = fault.after_trial(0, busy.random_fraction)
        found.append(tried.triggered > fault.triggered)
        fault = tried

    assert found == expected


def test_random_fraction_does_not_affect_generated_sids() -> None:
    drawing, quiet = IdGenerator(7), IdGenerator(7)
    drawing.random_fraction(0, 1)

    assert drawing.sid("CA") == quiet.sid("CA")


def test_trials_that_trigger_a_fault_depend_on_the_seed_and_the_index() -> None:
    fault = a_fault(probability=0.5)
    sequences = [
        triggers(fault, IdGenerator(7)),
        triggers(fault, IdGenerator(8)),
        triggers(fault, IdGenerator(7), index=1),
        triggers(fault, IdGenerator()),
        triggers(fault, IdGenerator()),
    ]

    assert len({tuple(sequence) for sequence in sequences}) == len(sequences)


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_fault_is_triggered_with_its_probability(probability: float) -> None:
    triggered = triggers(a_fault(probability=probability), IdGenerator(7), trials=10_000)

    assert sum(triggered) / 10_000 == pytest.approx(probability, abs=0.02)
