"""The loop of the call runner: it sleeps until a call is due or it is woken, and continues after outages."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

import pytest

from ringback.clock import SystemClock
from ringback.domain.calls import CallState, ValidationCall
from ringback.domain.phones import PhoneBehavior
from ringback.domain.policies import CallPolicy
from ringback.operations import calls as operations
from ringback.simulator import call_runner as runner_module
from ringback.simulator.call_runner import MIN_PAUSE_SECONDS, CallRunner
from support.in_process.runners import a_runner, running
from support.in_process.simulation import Simulation, database_error
from support.polling import until
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


async def test_runner_advances_a_new_call_when_it_is_woken(simulation: Simulation) -> None:
    runner = a_runner(simulation)

    async with running(runner):
        await asyncio.sleep(0)
        sid = simulation.validate().call_sid
        runner.wake()
        await until(lambda: simulation.call(sid).state == CallState.RINGING)

    assert simulation.timeline(sid) == [(0, "queued"), (0, "dial")]


async def test_runner_sleeps_until_the_next_event_is_due(simulation: Simulation) -> None:
    simulation.policy = CallPolicy(60, 10, 3, simulation.policy.default_phone)
    simulation.set_default_phone(PhoneBehavior.ENTER_CODE, ring_seconds=0.03, key_seconds=0.03)
    simulation.clock.advance((SystemClock().now() - simulation.clock.now()) / 1_000_000)
    sid = simulation.validate().call_sid
    runner = CallRunner(
        simulation.database,
        SystemClock(),
        simulation.policy,
        simulation.id_generator,
        lambda: None,
        metrics=simulation.database.process_state.metrics,
    )

    async with running(runner):
        await until(lambda: simulation.call(sid).is_ended)

    call = simulation.call(sid)
    assert call.is_verified
    assert [entry.at for entry in call.timeline] == sorted(entry.at for entry in call.timeline)


async def test_repeated_wake_ups_of_the_runner_do_not_each_cause_a_poll(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation.validate(call_delay_seconds=60)
    looks: list[bool] = []
    step = CallRunner.step

    def counting(runner: CallRunner) -> Awaitable[int]:
        looks.append(True)
        return step(runner)

    monkeypatch.setattr(CallRunner, "step", counting)
    runner = a_runner(simulation)

    began = time.monotonic()
    async with running(runner):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(looks) < 4:
                runner.wake()
                await asyncio.sleep(0)

    assert time.monotonic() - began >= 3 * MIN_PAUSE_SECONDS


async def test_runner_continues_after_an_outage(simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    sid = simulation.validate().call_sid
    refusals = iter([True] * 5)

    def sometimes_unusable(unit_of_work: Any, **rest: Any) -> list[ValidationCall]:
        if next(refusals, False):
            raise database_error(simulation.database)
        return operations.advance_due_calls(unit_of_work, **rest)

    monkeypatch.setattr(runner_module, "advance_due_calls", sometimes_unusable)
    runner = a_runner(simulation, retry_seconds=0.01)

    async with running(runner) as task:
        await until(lambda: simulation.call(sid).state == CallState.RINGING)
        assert not task.done()

    assert next(refusals, None) is None
