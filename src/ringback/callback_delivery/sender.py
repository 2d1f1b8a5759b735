"""The sender of StatusCallbacks: it claims due callbacks, starts their deliveries, and renews their leases."""

import asyncio
from collections import Counter
from contextlib import suppress
from functools import partial

import structlog

from ringback.callback_delivery.delivery import CallbackDelivery
from ringback.clock import Clock
from ringback.domain.callbacks import DeliveryPartition
from ringback.domain.fault_effects import describe_effect
from ringback.domain.faults import RandomFraction
from ringback.domain.timestamps import Timestamp, seconds_between
from ringback.operations.callbacks import (
    LEASE_SECONDS,
    claim_due_callbacks,
    release_leases,
    renew_leases,
)
from ringback.operations.delivery_slots import MAX_DELIVERIES
from ringback.storage.database import Database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.outages import RETRY_SECONDS, run_on_database

CALLBACK_SENDER, CALLBACK_LEASES = "callback_sender", "callback_leases"
MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.001, 30.0
"""Shortest and longest time between polls of the outbox."""
SHUTDOWN_RELEASE_SECONDS = 0.5
"""Timeout for releasing leases at shutdown."""
RENEW_SECONDS = LEASE_SECONDS / 3
"""Interval between renewals of leases: two renewals may fail before the leases expire."""

log = structlog.get_logger()


class CallbackSender:
    """Sends due callbacks concurrently, at most `max_deliveries` at a time.

    `random_fraction` decides whether faults are triggered.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        delivery: CallbackDelivery,
        random_fraction: RandomFraction,
        *,
        max_deliveries: int = MAX_DELIVERIES,
        renew_seconds: float = RENEW_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._delivery = delivery
        self._random_fraction = random_fraction
        self._max_deliveries = max_deliveries
        self._renew_seconds = renew_seconds
        self._retry_seconds = retry_seconds
        self._next_due: Timestamp | None = None
        self._call_sids: set[str] = set()
        self._deliveries: set[asyncio.Task[None]] = set()
        self._in_progress: Counter[DeliveryPartition] = Counter()
        self._wake_event = asyncio.Event()

    def wake(self) -> None:
        """Poll the outbox soon."""
        self._wake_event.set()

    async def run(self) -> None:
        """Send due callbacks until cancelled."""
        await run_on_database(
            CALLBACK_SENDER,
            self._poll,
            self._pause_seconds,
            self._database.outage_log,
            self._retry_seconds,
            wake_event=self._wake_event,
        )

    async def renew_leases(self) -> None:
        """Renew the leases of deliveries in progress until cancelled. The leases of a dead process expire."""
        await run_on_database(
            CALLBACK_LEASES, self._renew_leases, self._renew_seconds, self._database.outage_log, self._retry_seconds
        )

    async def _renew_leases(self) -> None:
        if self._call_sids:
            await self._database.run(renew_leases, list(self._call_sids), now=self._clock.latest())

    async def close(self, grace_seconds: float, release_seconds: float = SHUTDOWN_RELEASE_SECONDS) -> None:
        """Wait for deliveries in progress, cancel the remaining ones, and release their leases."""
        if self._deliveries:
            await asyncio.wait(self._deliveries, timeout=grace_seconds)
        for delivery in self._deliveries:
            delivery.cancel()
        cancelled_call_sids = list(self._call_sids)
        await asyncio.gather(*self._deliveries, return_exceptions=True)
        if cancelled_call_sids:
            with suppress(DatabaseUnavailable, TimeoutError):
                async with asyncio.timeout(release_seconds):
                    await self._database.run(release_leases, cancelled_call_sids, now=self._clock.now())
        await self._delivery.close()

    async def _poll(self) -> None:
        """Claim due callbacks, up to the number of free slots, and start their deliveries."""
        claim = await self._database.run(
            claim_due_callbacks,
            now=self._clock.now(),
            in_progress=dict(self._in_progress),
            random_fraction=self._random_fraction,
            slots=self._max_deliveries,
        )
        self._next_due = claim.next_due
        for callback in claim.triggered:
            if callback.fault:
                log.info("callback fault", call_sid=callback.call_sid, fault=describe_effect(callback.fault))
        for callback, reason in claim.failed:
            log.error("callback", call_sid=callback.call_sid, outcome="failed", error=f"unreadable row: {reason}")
        for callback, partition in claim.callbacks:
            if callback.call_sid in self._call_sids:
                continue  # the callback's lease had expired; the claim has renewed it
            self._call_sids.add(callback.call_sid)
            self._in_progress[partition] += 1
            delivery = asyncio.create_task(self._delivery.deliver(callback))
            self._deliveries.add(delivery)
            delivery.add_done_callback(partial(self._ended, callback.call_sid, partition))

    async def _pause_seconds(self) -> float:
        """Return the seconds until the next due time among the callbacks whose deliveries may start."""
        if self._next_due is None:
            return MAX_PAUSE_SECONDS
        seconds = seconds_between(self._clock.now(), self._next_due)
        return min(max(seconds, MIN_PAUSE_SECONDS), MAX_PAUSE_SECONDS)

    def _ended(self, call_sid: str, partition: DeliveryPartition, delivery: asyncio.Task[None]) -> None:
        """Free the slot of a completed delivery. If it failed, it is repeated when the lease expires."""
        self._deliveries.discard(delivery)
        self._call_sids.discard(call_sid)
        self._in_progress[partition] -= 1
        if not self._in_progress[partition]:
            del self._in_progress[partition]
        if not delivery.cancelled() and (failure := delivery.exception()):
            log.error("callback delivery failed", call_sid=call_sid, exc_info=failure)
        self.wake()
