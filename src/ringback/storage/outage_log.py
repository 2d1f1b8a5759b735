"""The log of a database's outages: one line for all that meets the same outage, repeated with back-off."""

import time
from collections.abc import Callable

import structlog

FIRST_LOG_PAUSE_SECONDS, LONGEST_LOG_PAUSE_SECONDS = 1.0, 60.0
"""Back-off of the log lines about one outage: it doubles with each line."""

log = structlog.get_logger()


class OutageLog:
    """Logs the outages of the tasks that share it: the first at once, then with back-off, and the end once.

    A new reason gets its line at once; there are few of them.
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
        """Whether a task has met an outage and has not recovered."""
        return bool(self._tasks)

    def outage(self, name: str, error: Exception) -> None:
        """Note that the task `name` cannot work, and log that unless it was logged a short time ago."""
        self._tasks.add(name)
        now, reason = self._monotonic(), str(error).partition("\n")[0]
        if reason in self._reasons and now < self._next_line_at:
            return
        self._reasons.add(reason)
        log.warning("database unavailable, retrying", tasks=sorted(self._tasks), reason=reason)
        self._next_line_at = now + self._pause_seconds
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_LOG_PAUSE_SECONDS)

    def recovered(self, name: str) -> None:
        """Note that the task `name` works again; the last one to recover ends the outage."""
        if name not in self._tasks:
            return
        self._tasks.discard(name)
        if not self._tasks:
            log.info("database available again")
            self._reset()
