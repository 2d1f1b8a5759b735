"""Faults as values: what may be asked for, where it fits, and when it strikes."""

from typing import Any

import pytest

from ringback.domain.faults import (
    AnswerError,
    BadSignature,
    Delay,
    DropConnection,
    Duplicate,
    Effect,
    Fault,
    FaultTarget,
    NewFault,
    Suppress,
    UnfitFault,
    described,
    effect_from_dict,
)
from ringback.operations.id_generator import IdGenerator
from support.clocks import START

OPERATION, CALLBACK = FaultTarget.FETCH_OUTGOING_CALLER_ID, FaultTarget.STATUS_CALLBACK
EFFECTS: list[tuple[dict[str, Any], Effect, str]] = [
    ({"status": 429}, AnswerError(429), "status 429"),
    ({"status": 400, "code": 21450, "message": "No."}, AnswerError(400, 21450, "No."), "status 400"),
    ({"delay_seconds": 2.5}, Delay(2.5), "delay_seconds 2.5"),
    ({"drop": "before"}, DropConnection("before"), "drop before"),
    ({"drop": "after"}, DropConnection("after"), "drop after"),
    ({"duplicate": 2}, Duplicate(2), "duplicate 2"),
    ({"signature": "bad"}, BadSignature(), "signature bad"),
    ({"drop": True}, Suppress(), "drop true"),
]


def a_fault(**changes: Any) -> Fault:
    values: dict[str, Any] = {
        "id": 1,
        "operation": OPERATION,
        "effect": AnswerError(503),
        "times_left": None,
        "probability": None,
        "chances": 0,
        "strikes": 0,
        "date_created": START,
    }
    return Fault(**(values | changes))


def strikes(fault: Fault, identifiers: IdGenerator, chances: int = 1_000, place: int = 0) -> list[bool]:
    """Return whether it struck, chance by chance."""
    struck = []
    for _ in range(chances):
        tried = fault.tried(place, identifiers.draw)
        struck.append(tried.strikes > fault.strikes)
        fault = tried
    return struck


@pytest.mark.parametrize(("said", "effect", "words"), EFFECTS)
def test_an_effect_is_said_and_read_back(said: dict[str, Any], effect: Effect, words: str) -> None:
    assert effect_from_dict(said) == effect
    assert dict(effect.said) == said
    assert described(effect) == words


@pytest.mark.parametrize(
    "said", [{}, {"status": 500, "drop": "after"}, {"code": 20003}, {"delay_seconds": 1, "code": 5}]
)
def test_an_effect_is_exactly_one_thing(said: dict[str, Any]) -> None:
    with pytest.raises(UnfitFault, match=r"^effect: "):
        effect_from_dict(said)


@pytest.mark.parametrize("effect", [AnswerError(500), Delay(1), DropConnection("before"), DropConnection("after")])
def test_operations_and_all_of_them_take_their_own_effects(effect: Effect) -> None:
    for target in set(FaultTarget) - {CALLBACK}:
        assert NewFault(target, effect).effect == effect


@pytest.mark.parametrize("effect", [Delay(1), Duplicate(2), BadSignature(), Suppress()])
def test_a_status_callback_takes_its_own_effects(effect: Effect) -> None:
    assert NewFault(CALLBACK, effect).effect == effect


@pytest.mark.parametrize(
    ("target", "effect", "complaint"),
    [
        (CALLBACK, AnswerError(500), "status 500 is none for status-callback, which takes delay_seconds, duplicate"),
        (CALLBACK, DropConnection("after"), "drop after is none for status-callback, which takes .* drop true"),
        (
            OPERATION,
            Duplicate(2),
            "duplicate 2 is none for fetch-outgoing-caller-id, which takes status, delay_seconds",
        ),
        (OPERATION, Suppress(), 'drop true is none for fetch-outgoing-caller-id, which takes .* drop "before"'),
        (FaultTarget.EVERY_OPERATION, BadSignature(), r"signature bad is none for \*"),
    ],
)
def test_an_effect_in_the_wrong_place_is_refused_with_those_that_fit(
    target: FaultTarget, effect: Effect, complaint: str
) -> None:
    with pytest.raises(UnfitFault, match=complaint):
        NewFault(target, effect)


def test_a_fault_is_counted_or_likely_but_not_both() -> None:
    with pytest.raises(UnfitFault, match="times, probability"):
        NewFault(OPERATION, AnswerError(500), times=1, probability=0.5)


def test_every_operation_is_all_but_the_status_callback() -> None:
    everywhere = a_fault(operation=FaultTarget.EVERY_OPERATION)

    assert {target for target in FaultTarget if everywhere.fits(target)} == set(FaultTarget) - {CALLBACK}
    assert [target for target in FaultTarget if a_fault().fits(target)] == [OPERATION]


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
def test_an_error_speaks_twilios_words(status: int, code: int, message: str, headers: dict[str, str]) -> None:
    error = AnswerError(status).error("/x.json")

    assert (error.status, error.code, error.message, dict(error.headers)) == (status, code, message, headers)


def test_an_error_speaks_a_tests_own_words_where_it_has_any() -> None:
    error = AnswerError(429, 14107, "Message rate exceeded").error("/x.json")

    assert (error.code, error.message, dict(error.headers)) == (14107, "Message rate exceeded", {"Retry-After": "1"})


def test_a_counted_fault_strikes_each_time_until_it_is_used_up() -> None:
    fault = a_fault(times_left=2)
    first = fault.tried(0, IdGenerator(1).draw)
    second = first.tried(0, IdGenerator(1).draw)

    assert (first.times_left, first.strikes, first.is_used_up) == (1, 1, False)
    assert (second.times_left, second.strikes, second.is_used_up) == (0, 2, True)


@pytest.mark.parametrize("seed", [None, 7])
@pytest.mark.parametrize(("probability", "struck"), [(0.0, {False}), (1.0, {True}), (None, {True})])
def test_what_is_certain_happens_and_what_cannot_be_does_not(
    probability: float | None, struck: set[bool], seed: int | None
) -> None:
    assert set(strikes(a_fault(probability=probability), IdGenerator(seed))) == struck


def test_the_same_seed_strikes_at_the_same_chances_whatever_else_is_drawn() -> None:
    fault, busy = a_fault(probability=0.5), IdGenerator(7)
    expected = strikes(fault, IdGenerator(7))
    found = []
    for _ in range(1_000):
        busy.sid("CA")
        tried = fault.tried(0, busy.draw)
        found.append(tried.strikes > fault.strikes)
        fault = tried

    assert found == expected


def test_a_draw_leaves_sids_and_codes_as_they_were() -> None:
    drawing, quiet = IdGenerator(7), IdGenerator(7)
    drawing.draw(0, 1)

    assert drawing.sid("CA") == quiet.sid("CA")


def test_another_seed_another_place_or_none_strikes_at_others() -> None:
    fault = a_fault(probability=0.5)
    sequences = [
        strikes(fault, IdGenerator(7)),
        strikes(fault, IdGenerator(8)),
        strikes(fault, IdGenerator(7), place=1),
        strikes(fault, IdGenerator()),
        strikes(fault, IdGenerator()),
    ]

    assert len({tuple(sequence) for sequence in sequences}) == len(sequences)


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_faults_strike_as_often_as_is_probable(probability: float) -> None:
    struck = strikes(a_fault(probability=probability), IdGenerator(7), chances=10_000)

    assert sum(struck) / 10_000 == pytest.approx(probability, abs=0.02)
