"""Delivers the StatusCallbacks that are owed: many side by side, few to one receiver, each try recorded."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from ringback.domain.callbacks import CallbackAttempt, CallbackStatus, Lane, Parameters, StatusCallback, with_places
from ringback.domain.delivery import DeliveryPolicy, delivery_policy
from ringback.domain.faults import Draw, described
from ringback.domain.instants import Instant, seconds_between
from ringback.domain.urls import parse_url, without_secrets
from ringback.operations.callbacks import MAX_DELIVERIES, claim_due_callbacks, is_owed, record_attempt
from ringback.simulator.callback_faults import DROPPED, sending
from ringback.simulator.clock import Clock
from ringback.simulator.egress import EgressPolicy
from ringback.simulator.patience import run_patiently
from ringback.storage.database import Database, DatabaseUnavailable

SHORTEST_PAUSE_SECONDS = 0.001
LONGEST_PAUSE_SECONDS = 30.0
RECOVERY_SECONDS = 1.0
"""How long to leave a database alone that cannot be worked with."""
AREA_CHARACTERS = len("+1415")
"""How much of a number tells which files know its home."""
MOST_KNOWN_AREAS = 1_000
MASKED = "***"

if TYPE_CHECKING:
    import httpx

    from ringback.simulator.callback_client import CallbackClient, Outcome

log = structlog.get_logger()


class CallbackSender:
    """Sends what the outbox holds. `draw` decides about faults; `transport` replaces the network in tests."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        default_policy: DeliveryPolicy,
        egress: EgressPolicy,
        draw: Draw,
        transport: "httpx.AsyncBaseTransport | None" = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._default_policy = default_policy
        self._egress = egress
        self._draw = draw
        self._transport = transport
        self._idle_clients: list[CallbackClient] = []
        self._deliveries: set[asyncio.Task[None]] = set()
        self._under_way: Counter[Lane] = Counter()
        self._known_areas: set[str] = set()
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
            except Exception:
                log.exception("StatusCallbacks cannot be sent; trying again", seconds=RECOVERY_SECONDS)
                await asyncio.sleep(RECOVERY_SECONDS)
            else:
                await self._pause(next_due)

    async def close(self, grace_seconds: float) -> None:
        """Give deliveries under way some time to end; what is cut off stays owed."""
        if self._deliveries:
            await asyncio.wait(self._deliveries, timeout=grace_seconds)
        for delivery in self._deliveries:
            delivery.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)
        await asyncio.gather(*(client.close() for client in self._idle_clients))

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
            client = self._idle_clients.pop() if self._idle_clients else await asyncio.to_thread(self._new_client)
            try:
                await self._send(callback, client)
            finally:
                self._idle_clients.append(client)
        except DatabaseUnavailable:
            log.exception(
                "what came of a StatusCallback cannot be stored; it is sent again", call_sid=callback.call_sid
            )
        except Exception as error:
            log.exception("a StatusCallback could not be sent", call_sid=callback.call_sid)
            await self._give_up(callback, f"{type(error).__name__} in ringback itself")
        finally:
            self._under_way[lane] -= 1
            if not self._under_way[lane]:
                del self._under_way[lane]

    async def _give_up(self, callback: StatusCallback, error: str) -> None:
        """Journal a delivery that failed for a reason of ours, so that it is not begun again for ever."""
        at, number = self._clock.now(), callback.attempts + 1
        attempt = CallbackAttempt(number, at, callback.method, without_secrets(callback.url), (), None, "", 0.0, error)
        with suppress(DatabaseUnavailable):
            await run_patiently(
                self._database, callback.call_sid, record_attempt, callback, attempt, CallbackStatus.FAILED, now=at
            )

    def _ended(self, delivery: asyncio.Task[None]) -> None:
        self._deliveries.discard(delivery)
        self.wake()

    def _new_client(self) -> "CallbackClient":
        """Return one more client; the first one takes long, for it imports httpx and loads the certificates."""
        from ringback.simulator.callback_client import CallbackClient

        return CallbackClient(self._egress, self._transport)

    async def _send(self, callback: StatusCallback, client: "CallbackClient") -> None:
        """Deliver a callback once, unless a fault will have it otherwise: delivered is what arrived at all."""
        callback, times = sending(callback)
        if not times:
            await self._give_up(callback, DROPPED)
        callback = replace(callback, parameters=await self._with_places(callback))
        if not await run_patiently(self._database, callback.call_sid, is_owed, callback):
            return
        best = CallbackStatus.FAILED
        for left in reversed(range(times)):
            tried = await self._try_until_settled(callback, client, best, is_last=not left)
            if tried is None:
                return
            attempts, best = tried
            callback = replace(callback, attempts=attempts, earlier_attempts=attempts)

    async def _with_places(self, callback: StatusCallback) -> Parameters:
        """Return a callback's parameters with the homes of its numbers, before the receiver's time begins to run.

        The first look-up in an area reads files, which is done beside the event loop.
        """
        area = dict(callback.parameters)["To"][:AREA_CHARACTERS]
        if area in self._known_areas:
            return with_places(callback.parameters)
        if len(self._known_areas) >= MOST_KNOWN_AREAS:
            self._known_areas.clear()
        self._known_areas.add(area)
        return await asyncio.to_thread(with_places, callback.parameters)

    async def _try_until_settled(
        self, callback: StatusCallback, client: "CallbackClient", best: CallbackStatus, *, is_last: bool
    ) -> tuple[int, CallbackStatus] | None:
        """Try until it arrives or is given up; return the attempts made, and the better of that and `best`.

        It stays owed unless this `is_last`. None where its call was forgotten meanwhile.
        """
        policy = delivery_policy(parse_url(callback.url).fragment, self._default_policy)
        deadline = time.monotonic() + policy.total_timeout_ms / 1000
        number = callback.attempts
        status = CallbackStatus.PENDING
        while status == CallbackStatus.PENDING:
            number += 1
            at, started = self._clock.now(), time.perf_counter()
            outcome = await client.attempt(callback, policy, deadline - time.monotonic())
            elapsed_ms = (time.perf_counter() - started) * 1000
            if outcome.failure is None:
                status = CallbackStatus.DELIVERED
            elif (
                not policy.retries_after(outcome.failure, number - callback.earlier_attempts)
                or time.monotonic() >= deadline
            ):
                status = CallbackStatus.FAILED
            if status != CallbackStatus.PENDING and best == CallbackStatus.DELIVERED:
                status = best
            attempt = _attempt(number, at, elapsed_ms, outcome)
            stored = status if is_last else CallbackStatus.PENDING
            now, sid = self._clock.now(), callback.call_sid
            is_recorded = await run_patiently(self._database, sid, record_attempt, callback, attempt, stored, now=now)
            _log_attempt(callback, attempt, status)
            if not is_recorded:
                return None
        return number, status


def _attempt(number: int, at: Instant, elapsed_ms: float, outcome: "Outcome") -> CallbackAttempt:
    request = outcome.request
    return CallbackAttempt(
        number=number,
        at=at,
        method=request.method,
        url=request.url.signed,
        headers=tuple((name, MASKED if name == "Authorization" else value) for name, value in request.headers),
        status_code=outcome.status_code,
        answer=outcome.answer,
        elapsed_ms=round(elapsed_ms, 3),
        error=outcome.error,
    )


def _log_attempt(callback: StatusCallback, attempt: CallbackAttempt, status: CallbackStatus) -> None:
    log.info(
        "callback",
        call_sid=callback.call_sid,
        url=attempt.url.partition("?")[0],
        attempt=attempt.number,
        answer=attempt.status_code,
        outcome=status.value,
        milliseconds=attempt.elapsed_ms,
        error=attempt.error,
    )
