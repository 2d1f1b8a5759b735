"""Background tasks: restarts with backoff, reports, and stopping after repeated failures."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from ringback.supervision import BackgroundTask, Supervisor, TaskCancelled, TaskEnded, run_forever
from support.in_process.supervision import TaskLog
from support.polling import until

pytestmark = pytest.mark.anyio
TASK = "a task"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Outage(Exception):
    """A temporary error."""


@dataclass
class Outages:
    """A log of a loop's reports."""

    reported: list[str] = field(default_factory=list)

    def outage(self, name: str, error: Exception) -> None:
        self.reported.append(f"{name}: {error}")

    def recovered(self, name: str) -> None:
        self.reported.append(name)


async def hang() -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def supervised(
    *tasks: BackgroundTask, first_restart_seconds: float = 0.001, **options: Any
) -> AsyncIterator[tuple[Supervisor, TaskLog]]:
    log = TaskLog()
    supervisor = Supervisor(tasks, log, first_restart_seconds=first_restart_seconds, **options)
    supervisor.start()
    try:
        yield supervisor, log
    finally:
        await supervisor.stop()


def failing(times: int, failure: Callable[[], BaseException] = ZeroDivisionError) -> BackgroundTask:
    """Return a task that fails `times` times, and then runs."""
    failures = iter(range(times))

    async def work() -> None:
        if next(failures, None) is not None:
            raise failure()
        await hang()

    return BackgroundTask(TASK, work)


class _Unusual(BaseException):
    """A BaseException that is not an Exception, like a cancellation."""


@pytest.mark.parametrize(
    ("failure", "reported"),
    [(ZeroDivisionError, ZeroDivisionError), (asyncio.CancelledError, TaskCancelled), (_Unusual, _Unusual)],
)
async def test_task_that_raises_is_restarted_and_reported(
    failure: type[BaseException], reported: type[BaseException]
) -> None:
    async with supervised(failing(2, failure)) as (supervisor, log):
        before = len(log.starts)
        await until(lambda: len(log.starts) == 3, 30)
        trouble = supervisor.trouble()

    assert before == 1
    assert log.failures == [(TASK, reported, 0.001), (TASK, reported, 0.002)]
    assert trouble is None


async def test_task_that_is_cancelled_from_outside_is_restarted() -> None:
    async with supervised(BackgroundTask(TASK, hang)) as (supervisor, log):
        first = supervisor.running(TASK)
        assert first is not None
        first.cancel()
        await until(lambda: len(log.starts) == 2, 30)
        again = supervisor.running(TASK)

    assert again not in (None, first)
    assert log.failures == [(TASK, TaskCancelled, 0.001)]


async def test_task_that_returns_is_restarted_unless_it_is_finite() -> None:
    async def work() -> None:
        pass

    async with supervised(BackgroundTask("endless", work), BackgroundTask("finite", work, finite=True)) as (_, log):
        await until(lambda: log.starts.count("endless") > 1, 30)
        finite_starts = log.starts.count("finite")

    assert log.failures[0][:2] == ("endless", TaskEnded)
    assert finite_starts == 1
    assert {name for name, *_ in log.failures} == {"endless"}


async def test_supervisor_names_a_task_that_is_down() -> None:
    supervisor = Supervisor([failing(1)], TaskLog(), first_restart_seconds=3_600.0)
    before = supervisor.trouble()
    supervisor.start()
    await until(lambda: supervisor.running(TASK) is None, 30)
    trouble = supervisor.trouble()
    await supervisor.stop()

    assert before == "the background tasks have not started"
    assert trouble == "the background task a task failed and will be restarted; the log says why"


async def test_running_task_can_report_an_outage() -> None:
    async with supervised(BackgroundTask(TASK, hang, trouble=lambda: "no connection")) as (supervisor, _):
        trouble = supervisor.trouble()

    assert trouble == "the background task a task is running but cannot do its work: no connection"


async def test_task_that_fails_too_often_is_stopped_and_others_continue() -> None:
    calls: list[str] = []
    async with supervised(failing(9), BackgroundTask("another", hang)) as (supervisor, log):
        supervisor.on_give_up = lambda: calls.append("given up")
        await until(lambda: calls, 30)
        trouble, other = supervisor.trouble(), supervisor.running("another")
        assert other is not None
        is_other_running = not other.done()

    assert [pause for _, _, pause in log.failures] == [0.001, 0.002, 0.004, 0.008, None]
    assert log.starts.count(TASK) == 5
    assert (calls, supervisor.given_up, is_other_running) == (["given up"], TASK, True)
    assert trouble == "the background task a task failed too often; the log says why"


async def test_old_task_failures_do_not_count() -> None:
    async with supervised(failing(9), window_seconds=0.0) as (supervisor, log):
        await until(lambda: len(log.starts) == 10, 30)

    assert supervisor.given_up is None
    assert {pause for _, _, pause in log.failures} == {0.001}


async def test_pause_before_a_restart_is_limited() -> None:
    async with supervised(failing(4), longest_restart_seconds=0.002) as (_, log):
        await until(lambda: len(log.starts) == 5, 30)

    assert [pause for _, _, pause in log.failures] == [0.001, 0.002, 0.002, 0.002]


async def test_supervisor_stop_is_not_a_failure_and_prevents_restarts() -> None:
    async with supervised(BackgroundTask("running", hang), failing(1), first_restart_seconds=0.2) as (supervisor, log):
        await until(lambda: log.failures, 30)
        running = supervisor.running("running")
    later = asyncio.Event()
    asyncio.get_running_loop().call_later(0.3, later.set)
    await later.wait()

    assert running is not None
    assert running.cancelled()
    assert len(log.failures) == 1
    assert log.starts == ["running", TASK]


async def test_work_is_repeated_and_is_retried_after_an_outage() -> None:
    steps = iter(["work", Outage("of work"), "work", "pause", "work", Outage("of pause"), "work", ZeroDivisionError()])
    reports = Outages()

    async def step() -> float:
        if isinstance(outcome := next(steps), Exception):
            raise outcome
        return 0.0

    with pytest.raises(ZeroDivisionError):
        await run_forever(TASK, step, step, outage=Outage, retry_seconds=0.0, reports=reports)

    assert reports.reported == [TASK, "a task: of work", TASK, TASK, "a task: of pause", TASK]


async def test_pause_may_be_a_number_of_seconds() -> None:
    rounds = iter(range(3))

    async def work() -> None:
        if next(rounds, None) is None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run_forever(TASK, work, 0.0, outage=Outage, retry_seconds=0.0, reports=Outages())


async def test_pause_lasts_as_long_as_its_function_returns() -> None:
    started: list[float] = []

    async def work() -> None:
        started.append(time.monotonic())

    async def pause() -> float:
        return 0.05 if len(started) == 1 else 3_600.0

    loop = asyncio.create_task(
        run_forever(TASK, work, pause, outage=Outage, retry_seconds=0.0, reports=Outages(), wake_event=asyncio.Event())
    )
    await until(lambda: len(started) == 2, 30)
    loop.cancel()

    assert started[1] - started[0] >= 0.04


async def test_wake_event_ends_a_pause_and_starts_the_next_round() -> None:
    wake_event = asyncio.Event()
    rounds: list[bool] = []

    async def work() -> None:
        rounds.append(wake_event.is_set())

    loop = asyncio.create_task(
        run_forever(TASK, work, 3_600.0, outage=Outage, retry_seconds=0.0, reports=Outages(), wake_event=wake_event)
    )
    for count in (1, 2, 3):
        await until(lambda: len(rounds) == count, 30)  # noqa: B023 - awaited in the same iteration
        wake_event.set()
    await until(lambda: len(rounds) == 4, 30)
    loop.cancel()

    assert rounds == [False] * 4


async def test_event_set_during_the_work_skips_the_pause() -> None:
    wake_event = asyncio.Event()
    rounds: list[bool] = []

    async def work() -> None:
        rounds.append(True)
        if len(rounds) == 1:
            wake_event.set()

    loop = asyncio.create_task(
        run_forever(TASK, work, 3_600.0, outage=Outage, retry_seconds=0.0, reports=Outages(), wake_event=wake_event)
    )
    await until(lambda: len(rounds) == 2, 30)
    is_running = not loop.done()
    loop.cancel()

    assert is_running
