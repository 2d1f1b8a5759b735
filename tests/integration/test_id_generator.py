"""SIDs, codes and tokens: random by default, repeatable with a seed, unique in a database."""

import re
import time
import uuid

import pytest

from ringback.domain.phones import PhoneBehavior
from ringback.operations.id_generator import IdGenerator, new_request_sid
from support.domain_values import NUMBER
from support.in_process.simulation import Simulation, query


def generate_ids(id_generator: IdGenerator) -> list[str]:
    return [
        value
        for _ in range(50)
        for value in (id_generator.sid("PN"), id_generator.validation_code(), id_generator.idempotency_token())
    ]


def test_same_seed_generates_the_same_ids_in_the_same_order() -> None:
    assert generate_ids(IdGenerator(7)) == generate_ids(IdGenerator(7))


def test_different_seed_or_no_seed_generates_different_ids() -> None:
    assert not set(generate_ids(IdGenerator(7))[::3]) & set(generate_ids(IdGenerator(8))[::3])
    assert not set(generate_ids(IdGenerator())[::3]) & set(generate_ids(IdGenerator())[::3])


@pytest.mark.parametrize("seed", [None, 0, 7, -1])
def test_ids_are_well_formed(seed: int | None) -> None:
    id_generator = IdGenerator(seed)

    assert re.fullmatch("PN[0-9a-f]{32}", id_generator.sid("PN"))
    assert re.fullmatch("RQ[0-9a-f]{32}", new_request_sid())
    assert uuid.UUID(id_generator.idempotency_token()).version == 4
    assert re.fullmatch("[0-9a-f]{32}", id_generator.secret())
    assert re.fullmatch("[A-Za-z0-9]{32}", id_generator.key_secret())
    assert all(re.fullmatch("[0-9]{6}", id_generator.validation_code()) for _ in range(1000))


def test_sids_are_ordered_by_time_and_otherwise_random(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    id_generator = IdGenerator()
    before = time.time_ns()
    sids = [id_generator.sid("PN") for _ in range(1000)]
    after = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: before)  # the system clock was set back
    sids.append(id_generator.sid("PN"))

    assert sids == sorted(sids)
    assert before <= int(sids[0][2:18], 16) <= int(sids[-1][2:18], 16) <= after + len(sids)
    assert len({sid[18:] for sid in sids}) == len(sids)


def test_request_ids_are_never_seeded() -> None:
    assert new_request_sid() != new_request_sid()


def test_codes_may_start_with_a_zero_unless_they_are_integers() -> None:
    strings, integers = IdGenerator(7), IdGenerator(7, "integer")

    assert any(strings.validation_code().startswith("0") for _ in range(200))
    assert not any(integers.validation_code().startswith("0") for _ in range(200))


def test_same_requests_on_a_new_database_have_the_same_responses(simulation: Simulation) -> None:
    simulation.id_generator = IdGenerator(7)
    answer = simulation.validate()
    expected = IdGenerator(7)

    assert (answer.validation_code, answer.call_sid) == (expected.validation_code(), expected.sid("CA"))


def test_generated_sid_that_already_exists_is_replaced(simulation: Simulation) -> None:
    answers = []
    for number in (NUMBER, "+12125551234", "+442079460958"):
        simulation.id_generator = IdGenerator(7)
        answers.append(simulation.validate(number))
    simulation.run()
    simulation.id_generator = IdGenerator(7)
    simulation.id_generator.validation_code()
    again = simulation.validate("+12125551235")
    simulation.run()

    sids = {answer.call_sid for answer in [*answers, again]}
    assert len(sids) == 4
    assert all(simulation.call(sid).is_verified for sid in sids)
    assert len({made.sid for made in simulation.caller_ids()}) == 4


def test_generated_caller_id_sid_that_already_exists_is_replaced(simulation: Simulation) -> None:
    for number in (NUMBER, "+12125551234"):
        sid = simulation.validate(number).call_sid
        simulation.id_generator = IdGenerator(7)
        simulation.run()
        assert simulation.call(sid).is_verified

    assert len({made.sid for made in simulation.caller_ids()}) == 2


def test_generated_idempotency_token_that_already_exists_is_replaced(simulation: Simulation) -> None:
    simulation.set_default_phone(PhoneBehavior.BUSY)
    for number in (NUMBER, "+12125551234"):
        simulation.id_generator = IdGenerator()
        simulation.validate(number, status_callback="http://app.test/done")
        simulation.id_generator = IdGenerator(7)
        simulation.run()

    assert len(query(simulation.database, "SELECT DISTINCT idempotency_token FROM status_callbacks")) == 2
