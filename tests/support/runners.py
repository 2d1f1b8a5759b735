"""Runners of a simulation's calls."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from ringback.simulator.call_runner import CallRunner
from support.simulation import Simulation


def a_runner(
    simulation: Simulation, on_call_ended: Callable[[], None] = lambda: None, *, retry_seconds: float = 1.0
) -> CallRunner:
    return CallRunner(
        simulation.database,
        simulation.clock,
        simulation.policy,
        simulation.identifiers,
        on_call_ended,
        retry_seconds=retry_seconds,
    )


@asynccontextmanager
async def running(runner: CallRunner) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(runner.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
