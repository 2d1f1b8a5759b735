"""Takes up the StatusCallbacks that are owed: many side by side, few to one receiver, each leased meanwhile."""

import asyncio
from collections import Counter
from contextlib import suppress
from functools import partial

import structlog

from ringback.callback_delivery.delivery import CallbackDelivery
from ringback.clock import Clock
from ringback.domain.callbacks import DeliveryPartition
from ringback.domain.faults import RandomFraction, describe_effect
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
SHORTEST_PAUSE_SECONDS = 0.001
LONGEST_PAUSE_SECONDS = 30.0
SHUTDOWN_MESSAGE_SECONDS = 0.5
"""How long the end of the process may wait for its leases to be given up."""
RENEW_SECONDS = LEASE_SECONDS / 3
"""Interval between two renewals of leases: two may fail before the leases expire."""

log = structlog.get_logger()


class CallbackSender:
    """Sends what the outbox holds; `random_fraction` decides about faults."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        delivery: CallbackDelivery,
        random_fraction: RandomFraction,
        *,
        renew_seconds: float = RENEW_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._delivery = delivery
        self._random_fraction = random_fraction
        self._renew_seconds = renew_seconds
        self._retry_seconds = retry_seconds
        self._next_due: Timestamp | None = None
        self._under_way_calls: set[str] = set()
        self._deliveries: set[asyncio.Task[None]] = set()
        self._under_way: Counter[DeliveryPartition] = Counter()
        self._wake_event = asyncio.Event()

    def wake(self) -> None:
        """Look at the outbox soon."""
        self._wake_event.set()

    async def run(self) -> None:
        """Run until cancelled; raise what is not a matter of the database."""
        await run_on_database(
            CALLBACK_SENDER,
            self._poll,
            self._pause_seconds,
            self._database.outage_log,
            self._retry_seconds,
            wake_event=self._wake_event,
        )

    async def renew_leases(self) -> None:
        """Renew the leases of deliveries in progress until cancelled; the leases of a dead process expire."""
        await run_on_database(
            CALLBACK_LEASES, self._renew_leases, self._renew_seconds, self._database.outage_log, self._retry_seconds
        )

    async def _poll(self) -> None:
        self._next_due = await self._start_due()

    async def _renew_leases(self) -> None:
        if self._under_way_calls:
            await self._database.run(renew_leases, list(self._under_way_calls), now=self._clock.latest())

    async def close(self, grace_seconds: float) -> None:
        """Give deliveries under way some time to end; what is cut off stays owed."""
        if self._deliveries:
            await asyncio.wait(self._deliveries, timeout=grace_seconds)
        for delivery in self._deliveries:
            delivery.cancel()
        cut_off = list(self._under_way_calls)
        await asyncio.gather(*self._deliveries, return_exceptions=True)
        if cut_off:
            with suppress(DatabaseUnavailable, TimeoutError):
                async with asyncio.timeout(SHUTDOWN_MESSAGE_SECONDS):
                    await self._database.run(release_leases, cut_off, now=self._clock.now())
        await self._delivery.close()

    async def _start_due(self) -> Timestamp | None:
        """Begin with callbacks that are due, as many as there is room for, and return when to look again."""
        claim = await self._database.run(
            claim_due_callbacks,
            now=self._clock.now(),
            under_way=dict(self._under_way),
            random_fraction=self._random_fraction,
            slots=MAX_DELIVERIES,
        )
        for callback in claim.struck:
            if callback.fault:
                log.info("callback fault", call_sid=callback.call_sid, fault=describe_effect(callback.fault))
        for callback, reason in claim.failed:
            log.error("callback", call_sid=callback.call_sid, outcome="failed", error=f"unreadable row: {reason}")
        for callback, lane in claim.callbacks:
            if callback.call_sid in self._under_way_calls:
                continue  # its lease had run out, and is prolonged by that
            self._under_way_calls.add(callback.call_sid)
            self._under_way[lane] += 1
            task = asyncio.create_task(self._delivery.deliver(callback))
            self._deliveries.add(task)
            task.add_done_callback(partial(self._ended, callback.call_sid, lane))
        return claim.next_due

    async def _pause_seconds(self) -> float:
        """Return the seconds until the next callback is due that there is room for."""
        if self._next_due is None:
            return LONGEST_PAUSE_SECONDS
        seconds = seconds_between(self._clock.now(), self._next_due)
        return min(max(seconds, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)

    def _ended(self, call_sid: str, lane: DeliveryPartition, delivery: asyncio.Task[None]) -> None:
        """Note that a delivery is over. One that failed is sent again when its lease expires."""
        self._deliveries.discard(delivery)
        self._under_way_calls.discard(call_sid)
        self._under_way[lane] -= 1
        if not self._under_way[lane]:
            del self._under_way[lane]
        if not delivery.cancelled() and (failure := delivery.exception()):
            log.error("callback delivery failed", call_sid=call_sid, exc_info=failure)
        self.wake()
