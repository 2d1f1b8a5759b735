"""A delivery's work on the database, which outlasts a database that cannot be worked with for a while."""

import asyncio
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import structlog

from ringback.storage.database import Database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.unit_of_work import UnitOfWork

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE_SECONDS = 40.0
"""How long to try. This process sends nothing again meanwhile, and without the database no other does."""
PAUSE_SECONDS = 1.0
"""How long to leave a database alone that cannot be worked with."""

log = structlog.get_logger()


async def retry_until_available(
    database: Database,
    call_sid: str,
    operation: Callable[Concatenate[UnitOfWork, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Run an operation for the delivery of a call's StatusCallback, again and again.

    Given up at once, a callback that has arrived would be sent a second time, when its lease has run out. Raises
    DatabaseUnavailable in the end.
    """
    deadline = None
    while True:
        try:
            return await database.run(operation, *args, **kwargs)
        except DatabaseUnavailable as error:
            now = time.monotonic()
            if deadline is None:
                deadline = now + PATIENCE_SECONDS
                log.warning("a delivery waits for the database", call_sid=call_sid, reason=str(error))
            if now >= deadline:
                raise
        await asyncio.sleep(PAUSE_SECONDS)
