"""Takes up the StatusCallbacks that are owed: many side by side, few to one receiver, each leased meanwhile."""

import asyncio
from collections import Counter
from contextlib import suppress

import structlog

from ringback.domain.callbacks import Lane, StatusCallback
from ringback.domain.faults import Draw, described
from ringback.domain.instants import Instant, seconds_between
from ringback.operations.callbacks import (
    LEASE_SECONDS,
    MAX_DELIVERIES,
    claim_due_callbacks,
    give_up_leases,
    keep_leases,
)
from ringback.simulator.clock import Clock
from ringback.simulator.deliverer import Deliverer
from ringback.storage.database import Database, DatabaseUnavailable

SHORTEST_PAUSE_SECONDS = 0.001
LONGEST_PAUSE_SECONDS = 30.0
RECOVERY_SECONDS = 1.0
"""How long to leave a database alone that cannot be worked with."""
LAST_WORD_SECONDS = 0.5
"""How long the end of the process may wait for its leases to be given up."""
KEEP_LEASES_SECONDS = LEASE_SECONDS / 3
"""How often the leases of what is under way are prolonged: at the third time they would have run out."""

log = structlog.get_logger()


class CallbackSender:
    """Sends what the outbox holds; `draw` decides about faults."""

    def __init__(self, database: Database, clock: Clock, deliverer: Deliverer, draw: Draw) -> None:
        self._database = database
        self._clock = clock
        self._deliverer = deliverer
        self._draw = draw
        self._under_way_calls: set[str] = set()
        self._deliveries: set[asyncio.Task[None]] = set()
        self._under_way: Counter[Lane] = Counter()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at the outbox soon."""
        self._woken.set()

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            self._woken.clear()
            try:
                next_due = await self._start_due()
            except DatabaseUnavailable as error:
                log.warning("StatusCallbacks cannot be sent; trying again", seconds=RECOVERY_SECONDS, reason=str(error))
                await asyncio.sleep(RECOVERY_SECONDS)
            except Exception:
                log.exception("StatusCallbacks cannot be sent; trying again", seconds=RECOVERY_SECONDS)
                await asyncio.sleep(RECOVERY_SECONDS)
            else:
                await self._pause(next_due)

    async def keep_leases(self) -> None:
        """Prolong the leases of what is under way, until cancelled: only those of the dead run out."""
        while True:
            await asyncio.sleep(KEEP_LEASES_SECONDS)
            try:
                if self._under_way_calls:
                    await self._database.run(keep_leases, list(self._under_way_calls), now=self._clock.now())
            except DatabaseUnavailable as error:
                log.warning("what is being sent cannot be kept from being sent again", reason=str(error))
            except Exception:
                log.exception("what is being sent cannot be kept from being sent again")

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
                async with asyncio.timeout(LAST_WORD_SECONDS):
                    await self._database.run(give_up_leases, cut_off, now=self._clock.now())
        await self._deliverer.close()

    async def _start_due(self) -> Instant | None:
        """Begin with callbacks that are due, as many as there is room for, and return when to look again."""
        claim = await self._database.run(
            claim_due_callbacks,
            now=self._clock.now(),
            under_way=dict(self._under_way),
            draw=self._draw,
            slots=MAX_DELIVERIES,
        )
        for callback in claim.struck:
            if callback.fault:
                log.info("callback fault", call_sid=callback.call_sid, fault=described(callback.fault))
        for callback, lane in claim.callbacks:
            if callback.call_sid in self._under_way_calls:
                continue  # its lease had run out, and is prolonged by that
            self._under_way_calls.add(callback.call_sid)
            self._under_way[lane] += 1
            delivery = asyncio.create_task(self._deliver(callback, lane))
            self._deliveries.add(delivery)
            delivery.add_done_callback(self._ended)
        return claim.next_due

    async def _pause(self, next_due: Instant | None) -> None:
        """Sleep until the next callback is due that there is room for, or until woken."""
        pause = seconds_between(self._clock.now(), next_due) if next_due is not None else LONGEST_PAUSE_SECONDS
        try:
            async with asyncio.timeout(min(max(pause, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _deliver(self, callback: StatusCallback, lane: Lane) -> None:
        try:
            await self._deliverer.deliver(callback)
        finally:
            self._under_way_calls.discard(callback.call_sid)
            self._under_way[lane] -= 1
            if not self._under_way[lane]:
                del self._under_way[lane]

    def _ended(self, delivery: asyncio.Task[None]) -> None:
        self._deliveries.discard(delivery)
        self.wake()
