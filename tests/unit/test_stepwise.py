"""Long operations that run in steps, so that requests are served between two steps."""

import asyncio
import threading

import pytest

from ringback.storage.stepwise import Pause, Steps, run_steps, yield_to_requests
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


async def test_request_is_served_completely_between_two_steps() -> None:
    loop, taken = asyncio.get_running_loop(), list[str]()

    def step(*names: str) -> None:
        taken.append(names[0])
        if names[1:]:
            loop.call_soon(step, *names[1:])

    loop.call_soon(step, "read", "handled", "answered")
    await yield_to_requests()

    assert taken == ["read", "handled", "answered"]


@pytest.mark.parametrize("cancellations", [1, 3])
async def test_step_in_a_thread_is_completed_when_the_work_is_cancelled(cancellations: int) -> None:
    started, goes_on = threading.Event(), threading.Event()
    done: list[str] = []

    def work() -> Steps[None]:
        try:
            yield Pause.NEXT_IN_THREAD
            started.set()
            goes_on.wait(PATIENCE_SECONDS)
            done.append(threading.current_thread().name)
            yield
        finally:
            done.append("closed")

    running = asyncio.create_task(run_steps(work()))
    await asyncio.to_thread(started.wait, PATIENCE_SECONDS)
    for _ in range(cancellations):
        running.cancel()
        await asyncio.sleep(0)
    goes_on.set()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert done[1:] == ["closed"]
    assert done[0] != threading.current_thread().name
