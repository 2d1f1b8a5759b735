"""Waiting for conditions on the event loop, with a time limit."""

import asyncio
from collections.abc import Awaitable, Callable

from support.waiting import PATIENCE_SECONDS

LOOK_EVERY_SECONDS = 0.005


async def until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until `condition` returns a true value; fail after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - a database row or another thread has no asyncio event
            await asyncio.sleep(LOOK_EVERY_SECONDS)


async def until_awaited(condition: Callable[[], Awaitable[object]], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until the coroutine `condition` returns a true value; fail after `seconds`."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - each check queries the database
            await asyncio.sleep(LOOK_EVERY_SECONDS)
