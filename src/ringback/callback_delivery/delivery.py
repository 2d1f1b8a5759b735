"""Delivers one StatusCallback: its tries, its faults, the homes of its numbers, and the record of each try."""

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from ringback.callback_delivery.callback_faults import DROPPED, sending
from ringback.callback_delivery.egress import EgressPolicy
from ringback.callback_delivery.storage_retry import retry_until_available
from ringback.clock import Clock
from ringback.domain.callback_hops import Parameters, redirect_hint
from ringback.domain.callbacks import CallbackAttempt, CallbackStatus, StatusCallback, with_geography
from ringback.domain.retry_policy import DeliveryPolicy, delivery_policy
from ringback.domain.timestamps import Timestamp
from ringback.domain.urls import parse_url, without_secrets
from ringback.operations.callbacks import abandon_callback, is_pending, record_attempt
from ringback.storage.database import Database
from ringback.storage.errors import DatabaseUnavailable

AREA_CHARACTERS = len("+1415")
"""How much of a number tells which files know its home."""
MOST_KNOWN_AREAS = 1_000

INTERNAL_ERROR = "an internal error of ringback, which its log describes"

if TYPE_CHECKING:
    import httpx

    from ringback.callback_delivery.http_client import CallbackClient, Outcome

log = structlog.get_logger()


class Deliverer:
    """Delivers callbacks that were leased, each over a client of its own; `transport` replaces the network in tests."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        default_policy: DeliveryPolicy,
        egress: EgressPolicy,
        transport: "httpx.AsyncBaseTransport | None" = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._default_policy = default_policy
        self._egress = egress
        self._transport = transport
        self._idle_clients: list[CallbackClient] = []
        self._known_areas: set[str] = set()

    async def close(self) -> None:
        """Let go of the clients; no delivery is under way."""
        await asyncio.gather(*(client.close() for client in self._idle_clients))

    async def deliver(self, callback: StatusCallback) -> None:
        """Try until it has arrived or is given up, and record that; what cannot be recorded stays owed."""
        try:
            client = self._idle_clients.pop() if self._idle_clients else await asyncio.to_thread(self._new_client)
            try:
                await self._send(callback, client)
            finally:
                self._idle_clients.append(client)
        except DatabaseUnavailable as error:
            log.warning("callback outcome not stored, sending again", call_sid=callback.call_sid, reason=str(error))
        except Exception:
            log.exception("a StatusCallback could not be sent", call_sid=callback.call_sid)
            await self._give_up(callback, INTERNAL_ERROR)

    async def _give_up(self, callback: StatusCallback, error: str) -> None:
        """Journal a delivery that failed for a reason of ours, so that it is not begun again for ever."""
        at, number = self._clock.now(), callback.attempts + 1
        attempt = CallbackAttempt(number, at, callback.method, without_secrets(callback.url), (), None, "", 0.0, error)
        with suppress(DatabaseUnavailable):
            try:
                await retry_until_available(
                    self._database, callback.call_sid, record_attempt, callback, attempt, CallbackStatus.FAILED, now=at
                )
            except DatabaseUnavailable:
                raise
            except Exception:
                log.exception("a callback's attempt could not be journaled", call_sid=callback.call_sid)
                await retry_until_available(self._database, callback.call_sid, abandon_callback, callback)

    def _new_client(self) -> "CallbackClient":
        """Return one more client; the first one takes long, for it imports httpx and loads the certificates."""
        from ringback.callback_delivery.http_client import CallbackClient

        return CallbackClient(self._egress, self._transport)

    async def _send(self, callback: StatusCallback, client: "CallbackClient") -> None:
        """Deliver a callback once, unless a fault will have it otherwise: delivered is what arrived at all."""
        callback, times = sending(callback)
        if not times:
            await self._give_up(callback, DROPPED)
            return
        callback = replace(callback, parameters=await self._with_places(callback))
        if not await retry_until_available(self._database, callback.call_sid, is_pending, callback):
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
            return with_geography(callback.parameters)
        if len(self._known_areas) >= MOST_KNOWN_AREAS:
            self._known_areas.clear()
        self._known_areas.add(area)
        return await asyncio.to_thread(with_geography, callback.parameters)

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
            is_recorded = await retry_until_available(
                self._database, sid, record_attempt, callback, attempt, stored, now=now
            )
            _log_attempt(callback, attempt, status)
            if not is_recorded:
                return None
        return number, status


def _attempt(number: int, at: Timestamp, elapsed_ms: float, outcome: "Outcome") -> CallbackAttempt:
    last = outcome.hops[-1]
    return CallbackAttempt(
        number=number,
        at=at,
        method=last.method,
        url=last.url,
        headers=last.headers,
        status_code=last.status_code,
        answer=outcome.answer,
        elapsed_ms=round(elapsed_ms, 3),
        error=outcome.error,
        hops=outcome.hops,
    )


def _log_attempt(callback: StatusCallback, attempt: CallbackAttempt, status: CallbackStatus) -> None:
    redirects: dict[str, Any] = {}
    if len(attempt.hops) > 1:
        redirects["hops"] = [hop.summary for hop in attempt.hops]
    if hint := redirect_hint(attempt.hops, callback.parameters):
        redirects["hint"] = hint
    log.info(
        "callback",
        call_sid=callback.call_sid,
        url=attempt.url.partition("?")[0],
        attempt=attempt.number,
        answer=attempt.status_code,
        outcome=status.value,
        milliseconds=attempt.elapsed_ms,
        error=attempt.error,
        **redirects,
    )
