"""Long work cut into short steps, between which the event loop serves requests.

The event loop is cooperative: nothing else runs until a callback returns. So a long operation is a generator that
yields after each short piece of its work.
"""

import asyncio
import time
from collections.abc import Callable, Generator
from enum import Enum
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

STEP_SECONDS = 0.002
"""Time after which work yields. A request that arrives in that time waits for it."""
TURNS_OF_A_REQUEST = 3
"""Turns of the event loop that a request takes: to be read, handled and answered."""


class Pause(Enum):
    """A value that a generator may yield instead of nothing."""

    NEXT_IN_THREAD = "the next step takes long, and is safe in a thread"


Steps = Generator[Any, None, T]
"""Work that may be paused at each yield, of None or a `Pause`; it returns its result."""


class SteppedOperation(Generic[P, T]):
    """A long operation. A call runs it to its end; `steps` returns the generator that runs it in steps."""

    def __init__(self, steps: Callable[P, Steps[T]]) -> None:
        update_wrapper(self, steps)
        self.steps = steps

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        return finish(self.steps(*args, **kwargs))


def in_steps(steps: Callable[P, Steps[T]]) -> SteppedOperation[P, T]:
    """Make a generator function a long operation."""
    return SteppedOperation(steps)


def finish(steps: Steps[T], pause: Callable[[], object] = lambda: None) -> T:
    """Run work to its end at startup or in a thread, which may `pause` between steps, and return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        pause()


async def run_steps(steps: Steps[T]) -> T:
    """Run work to its end, yielding to requests every STEP_SECONDS, and return its result.

    Cancellation closes the generator, which raises GeneratorExit at its pause.
    """
    try:
        while True:
            deadline = time.monotonic() + STEP_SECONDS
            while time.monotonic() < deadline:
                if next(steps) is Pause.NEXT_IN_THREAD:
                    await _in_thread(steps)
            await yield_to_requests()
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        steps.close()


async def _in_thread(steps: Steps[T]) -> None:
    """Run one step in a thread, to its end even if this is cancelled: a generator cannot be closed while it runs."""
    step = asyncio.ensure_future(asyncio.to_thread(next, steps))
    cancellation: asyncio.CancelledError | None = None
    while not step.done():
        try:
            await asyncio.wait([step])
        except asyncio.CancelledError as error:
            cancellation = error
    if failure := cancellation or step.exception():
        raise failure


async def yield_to_requests() -> None:
    """Let the requests that have arrived be answered.

    In a single turn of the event loop they would only be read, and then wait for the next step of the work.
    """
    for _ in range(TURNS_OF_A_REQUEST):
        await asyncio.sleep(0)


def is_over(seconds: float) -> Callable[[], bool]:
    """Return a function that tells whether this time has passed since now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end
