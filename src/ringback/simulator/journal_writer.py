"""Writes the journal of requests, some time after they were answered, and in batches."""

import asyncio

import structlog

from ringback.operations.requests import WRITTEN_AT_ONCE, RequestsDropped, write_requests
from ringback.storage.database import Database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.outages import RETRY_SECONDS, run_on_database
from ringback.storage.stepwise import yield_to_requests

REQUEST_JOURNAL = "request_journal"
PAUSE_SECONDS, SHARED_PAUSE_SECONDS = 5.0, 0.5
"""How old an answered request gets at most before it is written; before it is shown it is written at once.

The longer, the more of a flood is never written: an account keeps 1,000 requests. Where other processes may be asked to
show it, it is written sooner.
"""
LAST_WRITE_SECONDS = 0.5
"""How long the end of the process may wait for the last ones to be written."""

log = structlog.get_logger()


class JournalWriter:
    """Writes behind, and once more at the end."""

    def __init__(
        self, database: Database, *, pause_seconds: float | None = None, retry_seconds: float = RETRY_SECONDS
    ) -> None:
        self._database = database
        self._pause_seconds = pause_seconds or (SHARED_PAUSE_SECONDS if database.is_shared else PAUSE_SECONDS)
        self._retry_seconds = retry_seconds

    async def run(self) -> None:
        """Run until cancelled; raise what is not a matter of the database."""
        await run_on_database(
            REQUEST_JOURNAL, self.write, self._pause_seconds, self._database.outage_log, self._retry_seconds
        )

    async def close(self) -> None:
        """Write the remaining requests, as far as that is possible within LAST_WRITE_SECONDS."""
        try:
            async with asyncio.timeout(LAST_WRITE_SECONDS):
                await self.write()
        except (DatabaseUnavailable, TimeoutError) as error:
            log.warning("the last requests could not be written to the journal", reason=str(error))

    async def write(self) -> None:
        """Write all there is, in small batches. Requests that no database can store are dropped and logged."""
        more = True
        while more:
            try:
                more = await self._database.run(write_requests, limit=WRITTEN_AT_ONCE)
            except RequestsDropped as error:
                log.warning("requests dropped from the journal", reason=str(error))
            await yield_to_requests()
