"""Loops of background tasks that use the database: they retry while it is unavailable, and log that with back-off."""

from ringback.storage.database import DatabaseUnavailable
from ringback.storage.outage_log import OutageLog
from ringback.supervision import Work, run_forever

RETRY_SECONDS = 1.0
"""How long to leave a database alone that cannot be used."""


async def run_on_database(
    task: str, work: Work, pause: Work | float, outage_log: OutageLog, retry_seconds: float = RETRY_SECONDS
) -> None:
    """Repeat a background task's work until cancelled. DatabaseUnavailable is retried; other errors end it."""
    await run_forever(task, work, pause, outage=DatabaseUnavailable, retry_seconds=retry_seconds, reports=outage_log)
