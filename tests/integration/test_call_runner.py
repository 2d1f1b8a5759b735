"""Steps of the call runner: all due calls advance, and no call delays another."""

from collections.abc import Callable, Iterator, MutableMapping
from math import ceil
from typing import Any

import pytest
from structlog.testing import capture_logs

from ringback.domain.calls import CallEvent, CallState, CallStatus, ValidationCall
from ringback.domain.phones import PhoneBehavior
from ringback.domain.timestamps import after
from ringback.operations import calls as operations
from ringback.simulator import call_runner as runner_module
from ringback.simulator.call_runner import POSTPONE_SECONDS
from ringback.storage.errors import DatabaseUnavailable
from support.domain_values import T0
from support.in_process.runners import a_runner
from support.in_process.simulation import Simulation, database_error, execute, query

pytestmark = pytest.mark.anyio

OTHER_NUMBER = "+12125551234"
Fail = Callable[[str, CallEvent], None]
Lines = list[MutableMapping[str, Any]]


@pytest.fixture(autouse=True)
def lines() -> Iterator[Lines]:
    """Capture log lines."""
    with capture_logs() as captured:
        yield captured


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Fail:
    """Return a function that makes a given event fail for one call."""
    doomed: set[tuple[str, CallEvent]] = set()
    advance_call = operations.advance_call

    def failing(unit_of_work: Any, call: ValidationCall, event: CallEvent, **rest: Any) -> ValidationCall:
        if (call.sid, event) in doomed:
            raise ZeroDivisionError
        return advance_call(unit_of_work, call, event, **rest)

    monkeypatch.setattr(operations, "advance_call", failing)
    return lambda sid, event: doomed.add((sid, event))


async def test_runner_step_advances_all_due_calls_and_reports_ended_ones(simulation: Simulation) -> None:
    simulation.set_default_phone(PhoneBehavior.BUSY)
    sids = [simulation.validate(f"+1415867{number:04d}").call_sid for number in range(450)]
    ended: list[bool] = []

    moves = await a_runner(simulation, lambda: ended.append(True), batch_seconds=60).step()

    assert moves == 450
    assert all(simulation.call(sid).call_status == CallStatus.BUSY for sid in sids)
    assert len(ended) == ceil(450 / operations.DUE_CALLS_AT_ONCE)


async def test_runner_batch_on_an_embedded_database_has_a_time_limit(simulation: Simulation) -> None:
    simulation.set_default_phone(PhoneBehavior.BUSY)
    for number in range(5):
        simulation.validate(f"+1415867{number:04d}")
    ended: list[bool] = []

    assert await a_runner(simulation, lambda: ended.append(True), batch_seconds=0).step() == 5

    assert len(ended) == (1 if simulation.database.is_shared else 5)


async def test_later_calls_of_a_long_runner_step_have_later_times(simulation: Simulation) -> None:
    simulation.set_default_phone(PhoneBehavior.BUSY)
    calls = 2 * operations.DUE_CALLS_AT_ONCE
    sids = [simulation.validate(f"+1415867{number:04d}").call_sid for number in range(calls)]

    moves = await a_runner(simulation, lambda: simulation.clock.advance(1), batch_seconds=0).step()

    assert moves == calls
    ends = {simulation.call(sid).ended_at for sid in sids}
    assert len(ends) == (2 if simulation.database.is_shared else calls)


async def test_runner_step_advances_only_due_calls(simulation: Simulation) -> None:
    simulation.validate(call_delay_seconds=1)

    assert await a_runner(simulation).step() == 0


async def test_calls_that_continue_are_not_reported_as_ended(simulation: Simulation) -> None:
    simulation.validate()
    ended: list[bool] = []

    moves = await a_runner(simulation, lambda: ended.append(True)).step()

    assert (moves, ended) == (1, [])


async def test_events_of_a_call_are_logged(simulation: Simulation, lines: Lines) -> None:
    simulation.set_default_phone(PhoneBehavior.BUSY)
    sid = simulation.validate().call_sid

    await a_runner(simulation).step()

    assert lines == [{"event": "call", "log_level": "info", "call_sid": sid, "status": "busy", "moved_by": "dial"}]


async def test_call_with_an_error_is_postponed_and_does_not_delay_others(
    simulation: Simulation, fail: Fail, lines: Lines
) -> None:
    doomed = simulation.validate().call_sid
    other = simulation.validate(OTHER_NUMBER).call_sid
    fail(doomed, CallEvent.DIAL)

    moves = await a_runner(simulation).step()

    due = query(simulation.database, f"SELECT real_due_at FROM validation_calls WHERE sid = '{doomed}'")  # noqa: S608
    failures = [line for line in lines if line["log_level"] == "error" and "call_sid" in line]
    assert moves == 1
    assert simulation.call(doomed).state == CallState.QUEUED
    assert simulation.call(other).state == CallState.RINGING
    assert due == [(after(T0, POSTPONE_SECONDS),)]
    assert [line["call_sid"] for line in failures] == [doomed]


async def test_only_the_failing_call_is_postponed(simulation: Simulation, fail: Fail) -> None:
    simulation.set_default_phone(PhoneBehavior.ENTER_CODE, ring_seconds=0.0, key_seconds=0.0)
    doomed = simulation.validate().call_sid
    others = [simulation.validate(f"+1415555{number:04d}").call_sid for number in range(1000, 1010)]
    fail(doomed, CallEvent.ANSWER)

    await a_runner(simulation).step()

    assert simulation.call(doomed).state == CallState.RINGING
    assert all(simulation.call(sid).is_verified for sid in others)


async def test_postponed_call_advances_after_the_error_is_fixed(simulation: Simulation) -> None:
    sid = simulation.validate().call_sid
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "next_event", lambda *_: 1 / 0)
        await a_runner(simulation).step()

    simulation.clock.advance(POSTPONE_SECONDS)
    await a_runner(simulation).step()

    assert simulation.call(sid).state == CallState.RINGING


async def test_unreadable_call_does_not_delay_others(simulation: Simulation) -> None:
    broken = simulation.validate().call_sid
    other = simulation.validate(OTHER_NUMBER).call_sid
    execute(simulation.database, "UPDATE validation_calls SET timeline = '{' WHERE sid = :sid", sid=broken)

    moves = await a_runner(simulation).step()

    assert moves == 1
    assert simulation.call(other).state == CallState.RINGING


async def test_unavailable_database_postpones_no_call(simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    simulation.validate()

    def unusable(*_: Any, **__: Any) -> list[ValidationCall]:
        raise database_error(simulation.database)

    monkeypatch.setattr(runner_module, "advance_due_calls", unusable)

    with pytest.raises(DatabaseUnavailable):
        await a_runner(simulation).step()

    assert query(simulation.database, "SELECT due_at FROM validation_calls") == [(T0,)]
