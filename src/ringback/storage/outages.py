"""Database outages: their state, their log lines with backoff, and the loop that retries a task during an outage."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from ringback.storage.errors import DatabaseDamaged, DatabaseUnavailable
from ringback.supervision import PauseSeconds, Work, run_forever

RETRY_SECONDS = 1.0
"""Pause before retrying work for which the database was unavailable."""
FIRST_LOG_PAUSE_SECONDS, LONGEST_LOG_PAUSE_SECONDS = 1.0, 60.0
"""Backoff between the log lines about one outage: the pause doubles with each line."""

log = structlog.get_logger()


@dataclass(slots=True)
class Outage:
    """The current outage of a database: `reason` is None while the database can be used.

    A permanent outage lasts until the process ends, because the stored data is damaged.
    """

    reason: str | None = None
    is_permanent: bool = False

    def report(self, error: DatabaseUnavailable) -> None:
        """Store the reason for an outage."""
        if not self.is_permanent:
            self.reason, self.is_permanent = str(error), isinstance(error, DatabaseDamaged)

    def end(self) -> None:
        """Clear the reason, because the database can be used again."""
        if not self.is_permanent:
            self.reason = None


class OutageLog:
    """Logs the outages that background tasks encounter: at once, then with backoff, and once at the end.

    A new reason is logged immediately; there are few different reasons.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._tasks: set[str] = set()
        self._reset()

    def _reset(self) -> None:
        self._reasons: set[str] = set()
        self._pause_seconds, self._next_line_at = FIRST_LOG_PAUSE_SECONDS, 0.0

    @property
    def is_out(self) -> bool:
        """Whether any task has encountered an outage and has not recovered yet."""
        return bool(self._tasks)

    def outage(self, name: str, error: Exception) -> None:
        """Record that the task `name` cannot work, and log this unless it was logged recently."""
        self._tasks.add(name)
        now, reason = self._monotonic(), str(error).partition("\n")[0]
        if reason in self._reasons and now < self._next_line_at:
            return
        self._reasons.add(reason)
        log.warning("database unavailable, retrying", tasks=sorted(self._tasks), reason=reason)
        self._next_line_at = now + self._pause_seconds
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_LOG_PAUSE_SECONDS)

    def recovered(self, name: str) -> None:
        """Record that the task `name` works again. The last task to recover ends the outage."""
        if name not in self._tasks:
            return
        self._tasks.discard(name)
        if not self._tasks:
            log.info("database available again")
            self._reset()


async def run_on_database(
    task: str,
    work: Work,
    pause: PauseSeconds,
    outage_log: OutageLog,
    retry_seconds: float = RETRY_SECONDS,
    *,
    wake_event: asyncio.Event | None = None,
) -> None:
    """Repeat a background task's work until cancelled. DatabaseUnavailable is retried; other errors end the loop."""
    await run_forever(
        task,
        work,
        pause,
        outage=DatabaseUnavailable,
        retry_seconds=retry_seconds,
        reports=outage_log,
        wake_event=wake_event,
    )
