"""Keeps the database small and quick, beside the requests."""

from collections.abc import Callable

import structlog

from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.operations.clocks import accounts_to_follow, follow_clock
from ringback.operations.retention import newest_event_to_go, prune
from ringback.storage.change_notifier import ChangeNotifier
from ringback.storage.database import Database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.outages import RETRY_SECONDS, run_on_database
from ringback.storage.stepwise import yield_to_requests

CHECKPOINT, PRUNING = "checkpoint", "pruning"
CHECKPOINT_SECONDS = 0.05
"""Between two checkpoints: each is then so small that it does not hold up requests (ADR 15)."""
PRUNE_SECONDS = 10.0

log = structlog.get_logger()


class Housekeeper:
    """Keeps the database small and quick; the seconds are those between two rounds."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], Timestamp],
        change_notifier: ChangeNotifier,
        *,
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
        prune_seconds: float = PRUNE_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._database = database
        self._now = now
        self._change_notifier = change_notifier
        self._checkpoint_seconds = checkpoint_seconds
        self._prune_seconds = prune_seconds
        self._retry_seconds = retry_seconds

    async def run_checkpoints(self) -> None:
        """Write the write-ahead log back until cancelled. It does not wait for the pruning, which takes long."""
        await run_on_database(
            CHECKPOINT,
            self._database.checkpoint,
            self._checkpoint_seconds,
            self._database.outage_log,
            self._retry_seconds,
        )

    async def run_pruning(self) -> None:
        """Look after the accounts until cancelled."""
        await run_on_database(
            PRUNING, self.look_after_accounts, self._prune_seconds, self._database.outage_log, self._retry_seconds
        )

    async def look_after_accounts(self) -> None:
        """Forget what is old, and mend what cut-off advances left."""
        await self.prune()
        await self._follow_clocks()

    async def _follow_clocks(self) -> None:
        last = ""
        while sids := await self._database.run(accounts_to_follow, last):
            await yield_to_requests()
            for sid in sids:
                await self._database.run_in_steps(follow_clock.steps, sid, system_now=self._now())
                await yield_to_requests()
            last = sids[-1]

    async def prune(self) -> None:
        """Forget what is old in the accounts in which something has happened; requests come first.

        An account where that fails has its turn again, and keeps no other from having its own.
        """
        notifier = self._change_notifier
        for account_sid in notifier.take_changed():
            try:
                await self._prune_account(account_sid)
            except DatabaseUnavailable as error:
                notifier.mark_changed(account_sid)
                log.warning("what is old could not be forgotten; trying again", reason=str(error))
            except Exception:
                notifier.mark_changed(account_sid)
                log.exception("what is old could not be forgotten; trying again", account_sid=account_sid)

    async def _prune_account(self, account_sid: AccountSid) -> None:
        notifier = self._change_notifier
        invalidations = notifier.invalidations(account_sid)
        counted = await self._database.run(newest_event_to_go, account_sid)

        def last_event_id() -> int | None:
            """Return what was counted, unless a snapshot may have brought back events of those numbers since."""
            is_known = not self._database.is_shared and notifier.invalidations(account_sid) == invalidations
            return counted if is_known else None

        more = True
        while more:
            more = await self._database.run(prune, account_sid, last_event_id=last_event_id)
            await yield_to_requests()
