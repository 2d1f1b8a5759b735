"""Background maintenance of the database: checkpoints, pruning, and the delayed writes of the request journal."""

import asyncio
from collections.abc import Callable

import structlog

from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.operations.clocks import accounts_with_set_clocks, recompute_account_due_times
from ringback.operations.requests import WRITE_BATCH_REQUESTS, RequestsDropped, write_requests
from ringback.operations.retention import newest_event_to_prune, prune
from ringback.storage.change_notifier import ChangeNotifier
from ringback.storage.database import Database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.outages import RETRY_SECONDS, run_on_database
from ringback.storage.stepwise import yield_to_requests

CHECKPOINT, PRUNING, REQUEST_JOURNAL = "checkpoint", "pruning", "request_journal"
CHECKPOINT_SECONDS = 0.05
"""Interval between checkpoints, so short that each one is small and does not delay requests (ADR 15)."""
PRUNE_SECONDS = 10.0
"""Interval between rounds of pruning."""
WRITE_SECONDS, SHARED_WRITE_SECONDS = 5.0, 0.5
"""Interval between journal writes. An operation that reads the journal writes the pending requests first.

With a long interval, most requests of a burst are never written, because an account keeps only 1,000 of them. In a
shared database the interval is shorter, because other processes read the journal too."""
FINAL_WRITE_SECONDS = 0.5
"""Timeout of the last journal write at shutdown."""

log = structlog.get_logger()


class Housekeeper:
    """Background tasks that checkpoint the database and prune accounts."""

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
        """Checkpoint the write-ahead log until cancelled. This task is separate from pruning, which is slow."""
        await run_on_database(
            CHECKPOINT,
            self._database.checkpoint,
            self._checkpoint_seconds,
            self._database.outage_log,
            self._retry_seconds,
        )

    async def run_pruning(self) -> None:
        """Prune accounts and recompute outdated due times until cancelled."""
        await run_on_database(
            PRUNING, self.maintain_accounts, self._prune_seconds, self._database.outage_log, self._retry_seconds
        )

    async def maintain_accounts(self) -> None:
        """Prune accounts, and recompute due times that are outdated because a clock change was interrupted."""
        await self.prune()
        await self._recompute_due_times()

    async def _recompute_due_times(self) -> None:
        last = ""
        while sids := await self._database.run(accounts_with_set_clocks, last):
            await yield_to_requests()
            for sid in sids:
                await self._database.run_in_steps(recompute_account_due_times.steps, sid, system_now=self._now())
                await yield_to_requests()
            last = sids[-1]

    async def prune(self) -> None:
        """Prune the accounts that have changed, in small transactions between which requests are served.

        If pruning an account fails, it is retried in the next round, and does not delay other accounts. An outage of
        the database delays all accounts. Raises DatabaseUnavailable.
        """
        notifier = self._change_notifier
        remaining = notifier.take_changed()
        while remaining:
            account_sid = remaining.pop()
            try:
                await self._prune_account(account_sid)
            except DatabaseUnavailable:
                for unpruned in (account_sid, *remaining):
                    notifier.mark_changed(unpruned)
                raise
            except Exception:
                notifier.mark_changed(account_sid)
                log.exception("account not pruned, retrying", account_sid=account_sid)

    async def _prune_account(self, account_sid: AccountSid) -> None:
        notifier = self._change_notifier
        invalidations = notifier.invalidations(account_sid)
        newest_to_prune = await self._database.run(newest_event_to_prune, account_sid)

        def last_event_id() -> int | None:
            """Return the id of the newest event to prune, or None if a restored snapshot may have reused this id."""
            is_valid = not self._database.is_shared and notifier.invalidations(account_sid) == invalidations
            return newest_to_prune if is_valid else None

        has_more = True
        while has_more:
            has_more = await self._database.run(prune, account_sid, last_event_id=last_event_id)
            await yield_to_requests()


class JournalWriter:
    """Writes answered requests to the journal in batches, some time after the responses."""

    def __init__(
        self,
        database: Database,
        *,
        write_seconds: float | None = None,
        final_write_seconds: float = FINAL_WRITE_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._database = database
        self._write_seconds = write_seconds or (SHARED_WRITE_SECONDS if database.is_shared else WRITE_SECONDS)
        self._final_write_seconds = final_write_seconds
        self._retry_seconds = retry_seconds

    async def run(self) -> None:
        """Write the journal until cancelled."""
        await run_on_database(
            REQUEST_JOURNAL, self.write, self._write_seconds, self._database.outage_log, self._retry_seconds
        )

    async def close(self) -> None:
        """Write the remaining requests within `final_write_seconds`. If this fails, drop them."""
        try:
            async with asyncio.timeout(self._final_write_seconds):
                await self.write()
        except (DatabaseUnavailable, TimeoutError) as error:
            reason = str(error) or f"the database did not answer within {self._final_write_seconds:g} seconds"
            log.warning("last requests not written to the journal", reason=reason)

    async def write(self) -> None:
        """Write all pending requests in small batches. Drop requests that can never be stored, and log this."""
        has_more = True
        while has_more:
            try:
                has_more = await self._database.run(write_requests, limit=WRITE_BATCH_REQUESTS)
            except RequestsDropped as error:
                log.warning("requests dropped from the journal", reason=str(error))
            await yield_to_requests()
