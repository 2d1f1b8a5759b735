"""Writes the journal of requests, some time after they were answered, and in batches."""

import asyncio
from contextlib import suppress

import structlog

from ringback.operations.requests import write_requests
from ringback.stepwise import yield_to_requests
from ringback.storage.database import Database, DatabaseUnavailable

PAUSE_SECONDS, SHARED_PAUSE_SECONDS = 5.0, 0.5
"""How old an answered request gets at most before it is written; before it is shown it is written at once.

The longer, the more of a flood is never written: an account keeps 1,000 requests. Where other processes may be asked to
show it, it is written sooner.
"""
LAST_WRITE_SECONDS = 0.5
"""How long the end of the process may wait for the last ones to be written."""
WRITTEN_AT_ONCE = 25
"""How many are written in one transaction, so that no request waits for long."""

log = structlog.get_logger()


class JournalWriter:
    """Writes behind, again and again, and once more at the end."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pause_seconds = SHARED_PAUSE_SECONDS if database.is_shared else PAUSE_SECONDS

    async def run(self) -> None:
        """Run until cancelled."""
        try:
            while True:
                await asyncio.sleep(self._pause_seconds)
                try:
                    await self.write()
                except DatabaseUnavailable as error:
                    log.warning("the journal of requests cannot be written; trying again", reason=str(error))
                except Exception:
                    log.exception(
                        "the journal of requests cannot be written; trying again", seconds=self._pause_seconds
                    )
        finally:
            with suppress(DatabaseUnavailable, TimeoutError):
                async with asyncio.timeout(LAST_WRITE_SECONDS):
                    await self.write()

    async def write(self) -> None:
        """Write all there is; requests come first."""
        more = True
        while more:
            more = await self._database.run(write_requests, limit=WRITTEN_AT_ONCE)
            await yield_to_requests()
