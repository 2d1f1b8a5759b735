"""Supervision of background tasks: loops that outlast outages, and a supervisor that restarts tasks that fail.

It imports nothing of ringback and reports through callables.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

FIRST_RESTART_SECONDS, LONGEST_RESTART_SECONDS = 0.5, 8.0
"""Back-off before a task is restarted: it doubles with each failure within the window."""
MAX_FAILURES, WINDOW_SECONDS = 5, 60.0
"""Failures of one task, and the time within which they happen, after which the process must end."""
STOP_SECONDS = 3.0
"""Longest wait for the tasks to end when the supervisor stops."""

Work = Callable[[], Awaitable[None]]
Schedule = Callable[[float, Callable[[], None]], asyncio.TimerHandle]


class OutageReports(Protocol):
    """Receives what happens to the work of a loop."""

    def outage(self, name: str, error: Exception) -> None:
        """The work failed for a reason that is expected to pass; it is retried."""

    def recovered(self, name: str) -> None:
        """The work succeeded."""


async def run_forever(
    name: str,
    work: Work,
    pause: Work | float,
    *,
    outage: type[Exception] | tuple[type[Exception], ...],
    retry_seconds: float,
    reports: OutageReports,
) -> None:
    """Repeat the work of the task `name`, with a `pause` after each time, until cancelled.

    `pause` is a number of seconds or a coroutine function. An `outage` of either is reported and retried; every other
    exception ends the loop, and is the supervisor's business.
    """
    while True:
        try:
            await work()
            reports.recovered(name)
            await (asyncio.sleep(pause) if isinstance(pause, float | int) else pause())
        except outage as error:
            reports.outage(name, error)
            await asyncio.sleep(retry_seconds)


def _no_trouble() -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class BackgroundTask:
    """Work for a supervisor: it runs until cancelled, unless it is `finite`, and may end.

    `trouble` says why the task cannot do its work although it runs, or None.
    """

    name: str
    work: Work
    finite: bool = False
    trouble: Callable[[], str | None] = _no_trouble


class TaskReports(Protocol):
    """Receives what happens to tasks."""

    def started(self, name: str) -> None:
        """The task runs, for the first time or again."""

    def failed(self, name: str, failure: BaseException, restart_seconds: float | None) -> None:
        """The task failed; it is restarted after so long, or never where the process must end."""


class TaskEnded(Exception):
    """A task that runs until cancelled returned."""


class TaskCancelled(Exception):
    """A task was cancelled by something other than its supervisor."""


@dataclass(slots=True)
class _Supervised:
    task: BackgroundTask
    running: asyncio.Task[None] | None = None
    restart: asyncio.TimerHandle | None = None
    is_done: bool = False
    failures: deque[float] = field(default_factory=deque)


class Supervisor:
    """Keeps background tasks running. There is no guard task that could fail itself: each task's end restarts it.

    A task that fails `max_failures` times within `window_seconds` is given up, and `on_give_up` is called, once, which
    must end the process.
    """

    def __init__(
        self,
        tasks: Iterable[BackgroundTask],
        reports: TaskReports,
        *,
        first_restart_seconds: float = FIRST_RESTART_SECONDS,
        max_failures: int = MAX_FAILURES,
        window_seconds: float = WINDOW_SECONDS,
    ) -> None:
        self._entries = {task.name: _Supervised(task) for task in tasks}
        self._reports = reports
        self._first_restart_seconds = first_restart_seconds
        self._max_failures = max_failures
        self._window_seconds = window_seconds
        self._is_started = self._is_stopping = False
        self.given_up: str | None = None
        self.on_give_up: Callable[[], None] = lambda: None
        self.schedule: Schedule = _call_later

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._entries)

    def add(self, task: BackgroundTask) -> None:
        """Supervise one more task. Must be called before `start`."""
        self._entries[task.name] = _Supervised(task)

    def running(self, name: str) -> asyncio.Task[None] | None:
        """Return the asyncio task of a background task, or None while it is down."""
        return self._entries[name].running

    def start(self) -> None:
        """Start all tasks on the running event loop."""
        self._is_started = True
        for entry in self._entries.values():
            self._start(entry)

    async def stop(self) -> None:
        """Cancel all tasks and wait for their end, at most STOP_SECONDS."""
        self._is_stopping = True
        running = {entry.running for entry in self._entries.values() if entry.running}
        for entry in self._entries.values():
            if entry.restart:
                entry.restart.cancel()
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=STOP_SECONDS)

    def trouble(self) -> str | None:
        """Return why not all tasks do their work, in one sentence, or None."""
        if not self._is_started:
            return "the background tasks have not started"
        for name, entry in self._entries.items():
            if entry.running is None and not entry.is_done:
                outcome = "failed too often" if name == self.given_up else "failed and will be restarted"
                return f"the background task {name} {outcome}; the log says why"
            if reason := entry.task.trouble():
                return f"the background task {name} runs but cannot work: {reason}"
        return None

    def _start(self, entry: _Supervised) -> None:
        entry.restart = None
        entry.running = asyncio.get_running_loop().create_task(_call(entry.task.work), name=entry.task.name)
        entry.running.add_done_callback(partial(self._ended, entry))
        self._reports.started(entry.task.name)

    def _ended(self, entry: _Supervised, ended: asyncio.Task[None]) -> None:
        failure: BaseException | None = (
            TaskCancelled("cancelled, but not by its supervisor") if ended.cancelled() else ended.exception()
        )
        if self._is_stopping:
            return
        entry.running = None
        if failure is None and entry.task.finite:
            entry.is_done = True
            return
        self._failed(entry, failure or TaskEnded("returned, although it runs until cancelled"))

    def _failed(self, entry: _Supervised, failure: BaseException) -> None:
        name, now = entry.task.name, time.monotonic()
        entry.failures.append(now)
        while entry.failures[0] < now - self._window_seconds:
            entry.failures.popleft()
        count = len(entry.failures)
        if count >= self._max_failures:
            is_first = self.given_up is None
            self.given_up = self.given_up or name
            self._reports.failed(name, failure, None)
            if is_first:
                self.on_give_up()
            return
        seconds = min(self._first_restart_seconds * 2 ** (count - 1), LONGEST_RESTART_SECONDS)
        entry.restart = self.schedule(seconds, partial(self._start, entry))
        self._reports.failed(name, failure, seconds)


def _call_later(seconds: float, restart: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(seconds, restart)


async def _call(work: Work) -> None:
    await work()
