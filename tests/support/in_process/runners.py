"""Call runners and housekeepers of a simulation."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from ringback.simulator.background import Housekeeper
from ringback.simulator.call_runner import CallRunner, Timing
from support.in_process.simulation import Simulation


def a_runner(simulation: Simulation, on_call_ended: Callable[[], None] = lambda: None, **seconds: float) -> CallRunner:
    """Return a runner of the simulation's calls. `seconds` are fields of its `Timing`."""
    return CallRunner(
        simulation.database,
        simulation.clock,
        simulation.policy,
        simulation.id_generator,
        on_call_ended,
        metrics=simulation.database.process_state.metrics,
        timing=Timing(**seconds),
    )


def a_housekeeper(simulation: Simulation, **seconds: float) -> Housekeeper:
    """Return a housekeeper of the simulation's database. `seconds` are its intervals."""
    notifier = simulation.database.process_state.change_notifier
    return Housekeeper(simulation.database, simulation.clock.now, notifier, **seconds)


@asynccontextmanager
async def running(runner: CallRunner) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(runner.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
