"""Loops of background tasks that use the database: they retry while it is unavailable, and log that with back-off."""

import time

import structlog

from ringback.storage.database import DatabaseUnavailable
from ringback.supervision import Work, run_forever

RETRY_SECONDS = 1.0
"""How long to leave a database alone that cannot be used."""
FIRST_LOG_PAUSE_SECONDS, LONGEST_LOG_PAUSE_SECONDS = 1.0, 60.0
"""Back-off of the log lines about one outage: it doubles with each line."""

log = structlog.get_logger()


class OutageLog:
    """Logs the outages of one task: the first at once, then with back-off, and the end."""

    def __init__(self, retry_seconds: float) -> None:
        self._retry_seconds = retry_seconds
        self._pause_seconds = FIRST_LOG_PAUSE_SECONDS
        self._next_line_at = 0.0
        self.is_out = False

    def outage(self, name: str, error: Exception) -> None:
        self.is_out = True
        now = time.monotonic()
        if now >= self._next_line_at:
            seconds, reason = self._retry_seconds, str(error).partition("\n")[0]
            log.warning("database unavailable, retrying", task=name, seconds=seconds, reason=reason)
            self._next_line_at = now + self._pause_seconds
            self._pause_seconds = min(2 * self._pause_seconds, LONGEST_LOG_PAUSE_SECONDS)

    def recovered(self, name: str) -> None:
        if self.is_out:
            log.info("database available again", task=name)
        self.is_out = False
        self._pause_seconds, self._next_line_at = FIRST_LOG_PAUSE_SECONDS, 0.0


async def run_on_database(task: str, work: Work, pause: Work | float, retry_seconds: float = RETRY_SECONDS) -> None:
    """Repeat a background task's work until cancelled. DatabaseUnavailable is retried; other errors end it."""
    reports = OutageLog(retry_seconds)
    await run_forever(task, work, pause, outage=DatabaseUnavailable, retry_seconds=retry_seconds, reports=reports)
