"""Keeps the database small and quick, beside the requests."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from ringback.domain.instants import Instant
from ringback.domain.sids import AccountSid
from ringback.operations.clocks import accounts_to_follow, follow_clock
from ringback.operations.housekeeping import forget_oldest, newest_event_to_go
from ringback.stepwise import yield_to_requests
from ringback.storage.database import Database, DatabaseUnavailable

PAUSE_SECONDS = 0.05
"""Between two looks at the database: what is written back of its log at once is then so little that it holds up nobody
(ADR 15)."""
PRUNE_EVERY_SECONDS = 10.0
RECOVERY_SECONDS = 1.0
"""How long to leave a database alone that could not be tidied."""

log = structlog.get_logger()


class Housekeeper:
    """Looks after the database, again and again."""

    def __init__(self, database: Database, now: Callable[[], Instant]) -> None:
        self._database = database
        self._now = now

    async def run(self) -> None:
        """Run until cancelled. The database's own housework does not wait for what is forgotten bit by bit."""
        async with asyncio.TaskGroup() as both:
            both.create_task(_again_and_again(self._database.tidy, PAUSE_SECONDS))
            both.create_task(_again_and_again(self.look_after_accounts, PRUNE_EVERY_SECONDS))

    async def look_after_accounts(self) -> None:
        """Forget what is old, and mend what cut-off advances left."""
        await self.prune()
        await self._follow_clocks()

    async def _follow_clocks(self) -> None:
        last = ""
        while sids := await self._database.run(accounts_to_follow, last):
            await yield_to_requests()
            for sid in sids:
                await self._database.run_in_steps(follow_clock.steps, sid, real=self._now())
                await yield_to_requests()
            last = sids[-1]

    async def prune(self) -> None:
        """Forget what is old in the accounts in which something has happened; requests come first.

        An account where that fails has its turn again, and keeps no other from having its own.
        """
        notifications = self._database.notifications
        for account_sid in notifications.take_touched():
            try:
                await self._prune_account(account_sid)
            except DatabaseUnavailable as error:
                notifications.touch(account_sid)
                log.warning("what is old could not be forgotten; trying again", reason=str(error))
            except Exception:
                notifications.touch(account_sid)
                log.exception("what is old could not be forgotten; trying again", account_sid=account_sid)

    async def _prune_account(self, account_sid: AccountSid) -> None:
        notifications = self._database.notifications
        upheavals = notifications.upheavals(account_sid)
        counted = await self._database.run(newest_event_to_go, account_sid)

        def last_event_id() -> int | None:
            """Return what was counted, unless a snapshot may have brought back events of those numbers since."""
            is_known = not self._database.is_shared and notifications.upheavals(account_sid) == upheavals
            return counted if is_known else None

        more = True
        while more:
            more = await self._database.run(forget_oldest, account_sid, last_event_id=last_event_id)
            await yield_to_requests()


async def _again_and_again(work: Callable[[], Awaitable[None]], pause_seconds: float) -> None:
    while True:
        await asyncio.sleep(pause_seconds)
        try:
            await work()
        except DatabaseUnavailable as error:
            log.warning("the database could not be tidied; trying again", reason=str(error))
            await asyncio.sleep(RECOVERY_SECONDS)
        except Exception:
            log.exception("the database could not be tidied; trying again", seconds=RECOVERY_SECONDS)
            await asyncio.sleep(RECOVERY_SECONDS)
