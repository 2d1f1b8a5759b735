"""The loop of background tasks that use the database: it retries while the database is unavailable."""

import asyncio

from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.outage_log import OutageLog
from ringback.supervision import Pause, Work, run_forever

RETRY_SECONDS = 1.0
"""Pause before work is retried that found the database unavailable."""


async def run_on_database(
    task: str,
    work: Work,
    pause: Pause,
    outage_log: OutageLog,
    retry_seconds: float = RETRY_SECONDS,
    *,
    wake_event: asyncio.Event | None = None,
) -> None:
    """Repeat a background task's work until cancelled. DatabaseUnavailable is retried; other errors end it."""
    await run_forever(
        task,
        work,
        pause,
        outage=DatabaseUnavailable,
        retry_seconds=retry_seconds,
        reports=outage_log,
        wake_event=wake_event,
    )
