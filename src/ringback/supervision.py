"""Background tasks: a loop that retries after outages, and a supervisor that restarts failed tasks.

This module does not import other modules of ringback. It reports through callables.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

FIRST_RESTART_SECONDS, LONGEST_RESTART_SECONDS = 0.5, 8.0
"""Backoff before a task is restarted: the delay doubles with each failure within the window."""
MAX_FAILURES, WINDOW_SECONDS = 5, 60.0
"""The supervisor gives up on a task after this many failures within this time."""
STOP_SECONDS = 3.0
"""Longest wait for the tasks to end when the supervisor stops."""

Work = Callable[[], Awaitable[object]]
"""One round of a loop's work; its result is not used."""
PauseSeconds = float | Callable[[], Awaitable[float]]
"""Seconds between two rounds of work: a number, or a coroutine function that returns one."""
Schedule = Callable[[float, Callable[[], None]], asyncio.TimerHandle]


class OutageReports(Protocol):
    """Receives the outages of a loop."""

    def outage(self, name: str, error: Exception) -> None:
        """Note that the work failed and will be retried."""

    def recovered(self, name: str) -> None:
        """Note that the work succeeded."""


async def run_forever(
    name: str,
    work: Work,
    pause: PauseSeconds,
    *,
    outage: type[Exception] | tuple[type[Exception], ...],
    retry_seconds: float,
    reports: OutageReports,
    wake_event: asyncio.Event | None = None,
) -> None:
    """Repeat the work of the task `name`, with a `pause` after each round, until cancelled.

    `wake_event` ends a pause early; it is cleared before each round. If the work or the pause raises `outage`, this is
    reported, and the work is retried after `retry_seconds`. Every other exception ends the loop: the supervisor
    restarts it.
    """
    while True:
        try:
            if wake_event:
                wake_event.clear()
            await work()
            reports.recovered(name)
            await _sleep(pause if isinstance(pause, float | int) else await pause(), wake_event)
        except outage as error:
            reports.outage(name, error)
            await asyncio.sleep(retry_seconds)


async def _sleep(seconds: float, wake_event: asyncio.Event | None) -> None:
    if wake_event is None:
        await asyncio.sleep(seconds)
    elif seconds > 0:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await wake_event.wait()


def _no_trouble() -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class BackgroundTask:
    """Work for a supervisor. It runs until cancelled; only a `finite` task may return.

    `trouble` returns why the running task cannot do its work, or None.
    """

    name: str
    work: Callable[[], Awaitable[None]]
    finite: bool = False
    trouble: Callable[[], str | None] = _no_trouble


class TaskReports(Protocol):
    """Receives the starts and failures of tasks."""

    def started(self, name: str) -> None:
        """Note that the task was started or restarted."""

    def failed(self, name: str, failure: BaseException, restart_seconds: float | None) -> None:
        """Note that the task failed. It is restarted after `restart_seconds`, or not at all if None."""


class TaskEnded(Exception):
    """A task returned although it must run until cancelled."""


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
    """Restarts background tasks that fail.

    When a task ends, its done callback schedules the restart: a monitoring task could itself fail. The
    supervisor gives up on a task that fails `max_failures` times within `window_seconds`. The first time, it calls
    `on_give_up`, which must end the process.
    """

    def __init__(
        self,
        tasks: Iterable[BackgroundTask],
        reports: TaskReports,
        *,
        first_restart_seconds: float = FIRST_RESTART_SECONDS,
        longest_restart_seconds: float = LONGEST_RESTART_SECONDS,
        max_failures: int = MAX_FAILURES,
        window_seconds: float = WINDOW_SECONDS,
    ) -> None:
        self._entries = {task.name: _Supervised(task) for task in tasks}
        self._reports = reports
        self._first_restart_seconds = first_restart_seconds
        self._longest_restart_seconds = longest_restart_seconds
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
        """Add a task. Must be called before `start`."""
        self._entries[task.name] = _Supervised(task)

    def running(self, name: str) -> asyncio.Task[None] | None:
        """Return the asyncio task that runs a background task, or None while it is down."""
        return self._entries[name].running

    def start(self) -> None:
        """Start all tasks on the running event loop."""
        self._is_started = True
        for entry in self._entries.values():
            self._start(entry)

    async def stop(self) -> None:
        """Cancel all tasks and wait for them, at most STOP_SECONDS."""
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
        """Return a sentence that names a task that does not work and says why, or None if all tasks work."""
        if not self._is_started:
            return "the background tasks have not started"
        for name, entry in self._entries.items():
            if entry.running is None and not entry.is_done:
                outcome = "failed too often" if name == self.given_up else "failed and will be restarted"
                return f"the background task {name} {outcome}; the log says why"
            if reason := entry.task.trouble():
                return f"the background task {name} is running but cannot do its work: {reason}"
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
        self._failed(entry, failure or TaskEnded("returned, although it must run until cancelled"))

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
        seconds = min(self._first_restart_seconds * 2 ** (count - 1), self._longest_restart_seconds)
        entry.restart = self.schedule(seconds, partial(self._start, entry))
        self._reports.failed(name, failure, seconds)


def _call_later(seconds: float, restart: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(seconds, restart)


async def _call(work: Callable[[], Awaitable[None]]) -> None:
    await work()
