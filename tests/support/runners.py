"""Runners of a simulation's calls."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from ringback.simulator.runner import Runner
from support.simulation import Simulation


def a_runner(simulation: Simulation, on_call_ended: Callable[[], None] = lambda: None) -> Runner:
    return Runner(simulation.database, simulation.clock, simulation.policy, simulation.identifiers, on_call_ended)


@asynccontextmanager
async def running(runner: Runner) -> AsyncIterator[None]:
    task = asyncio.create_task(runner.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
