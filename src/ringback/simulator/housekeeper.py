"""Keeps the database small and quick, beside the requests: writes the write-ahead log back."""

import asyncio

import structlog

from ringback.storage.database import Database

PAUSE_SECONDS = 0.5

log = structlog.get_logger()


class Housekeeper:
    """Looks after the database, again and again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                await self.tidy()
            except Exception:
                log.exception("the database could not be tidied; trying again", seconds=PAUSE_SECONDS)

    async def tidy(self) -> None:
        """Do what is to be done just now."""
        if self._database.wants_checkpoint():
            await asyncio.to_thread(self._database.checkpoint)
