"""Long operations split into short steps, between which the event loop serves requests.

The event loop is cooperative: nothing else runs until a callback returns. Therefore, a long operation is a generator
that yields after each short piece of work.
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
"""Time after which a long operation lets the event loop serve requests. A request that arrives earlier waits."""
TURNS_OF_A_REQUEST = 3
"""Number of iterations of the event loop that a request takes: one to read it, one to handle it, one to respond."""


class Pause(Enum):
    """A value that a long operation may yield instead of None."""

    NEXT_IN_THREAD = "the next step is slow, and safe to run in a thread"


Steps = Generator[Any, None, T]
"""A long operation as a generator. It can be paused whenever it yields None or a `Pause`, and returns its result."""


class SteppedOperation(Generic[P, T]):
    """A long operation. Calling it runs it to completion; `steps` returns the generator that runs it in steps."""

    def __init__(self, steps: Callable[P, Steps[T]]) -> None:
        update_wrapper(self, steps)
        self.steps = steps

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        return finish(self.steps(*args, **kwargs))


def in_steps(steps: Callable[P, Steps[T]]) -> SteppedOperation[P, T]:
    """Convert a generator function to a long operation."""
    return SteppedOperation(steps)


def finish(steps: Steps[T], pause: Callable[[], object] = lambda: None) -> T:
    """Run a long operation at startup or in a thread, and return its result. Call `pause` between steps."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        pause()


async def run_steps(steps: Steps[T]) -> T:
    """Run a long operation and return its result. Let the event loop serve requests every STEP_SECONDS.

    Cancellation closes the generator, which raises GeneratorExit at its current yield.
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
    """Run one step in a thread. Wait for its end even if cancelled, because a running generator cannot be closed."""
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
    """Let the event loop serve the requests that have arrived.

    This takes several iterations of the loop, because the first one only reads the requests.
    """
    for _ in range(TURNS_OF_A_REQUEST):
        await asyncio.sleep(0)


def is_over(seconds: float) -> Callable[[], bool]:
    """Return a function that tells whether `seconds` have passed since this call."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end
