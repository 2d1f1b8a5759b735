"""The delivery of one StatusCallback: its plan, its attempts and retries, and the record of each attempt."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import structlog

from ringback.callback_delivery.egress import EgressPolicy
from ringback.callback_delivery.plan import SendPlan, plan
from ringback.clock import Clock
from ringback.domain.callback_hops import redirect_hint
from ringback.domain.callbacks import CallbackAttempt, CallbackStatus, StatusCallback, with_geography
from ringback.domain.fault_effects import Suppress
from ringback.domain.policies import SignedPort
from ringback.domain.retry_policy import DeliveryPolicy, delivery_policy
from ringback.domain.timestamps import Timestamp
from ringback.domain.urls import parse_url, without_secrets
from ringback.operations.callbacks import abandon_callback, is_pending, record_attempt
from ringback.storage.database import Database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.unit_of_work import UnitOfWork

DATABASE_RETRY_SECONDS = 40.0
"""Time for which a delivery retries a database operation. During this time, this process does not claim the callback
again, and other processes cannot use the database either."""
RETRY_SECONDS = 1.0
"""Pause between attempts at a database operation."""
AREA_CHARACTERS = len("+1415")
"""Length of the prefix of a number that determines which files the geography lookup reads."""

SUPPRESSED = "suppressed by an injected fault"
INTERNAL_ERROR = "internal error in ringback; see its log for details"

if TYPE_CHECKING:
    import httpx

    from ringback.callback_delivery.http_client import CallbackClient, Outcome

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger()


class _Progress:
    """The progress of a delivery, which all copies of the StatusCallback share.

    `last_number` is the number of the last attempt. `recording` keeps copies that are sent concurrently from recording
    their attempts out of order.
    """

    def __init__(self, last_number: int, copies: int) -> None:
        self.last_number = last_number
        self.remaining_copies = copies
        self.is_delivered = False
        self.is_deleted = False
        self.recording = asyncio.Lock()


@dataclass(frozen=True, slots=True)
class DeliveryOptions:
    """The settings for deliveries: time limits, allowed hosts, the default signed port, and trusted certificates.

    `certificates` contains the certificates of private authorities in PEM format.
    """

    policy: DeliveryPolicy
    egress: EgressPolicy
    signed_port: SignedPort = SignedPort.AS_GIVEN
    certificates: str | None = None


class CallbackDelivery:
    """Delivers claimed callbacks. Each delivery borrows an HTTP client; `transport` replaces the network in tests."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        options: DeliveryOptions,
        transport: "httpx.AsyncBaseTransport | None" = None,
        *,
        database_retry_seconds: float = DATABASE_RETRY_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._options = options
        self._transport = transport
        self._database_retry_seconds = database_retry_seconds
        self._retry_seconds = retry_seconds
        self._idle_clients: list[CallbackClient] = []
        self._known_areas: set[str] = set()

    async def close(self) -> None:
        """Close the HTTP clients. No delivery may be in progress."""
        await asyncio.gather(*(client.close() for client in self._idle_clients))

    async def deliver(self, callback: StatusCallback) -> None:
        """Deliver a claimed callback as planned. If the outcome cannot be stored, the callback stays pending."""
        clients: list[CallbackClient] = []
        try:
            planned = plan(callback)
            if isinstance(planned, Suppress):
                await self._give_up(callback, SUPPRESSED)
                return
            while len(clients) < planned.connections:
                clients.append(
                    self._idle_clients.pop() if self._idle_clients else await asyncio.to_thread(self._new_client)
                )
            area = dict(callback.parameters)["To"][:AREA_CHARACTERS]
            if area in self._known_areas:
                parameters = with_geography(callback.parameters)
            else:  # the first lookup in an area reads files
                parameters = await asyncio.to_thread(with_geography, callback.parameters)
                self._known_areas.add(area)
            signed_port = callback.signed_port or self._options.signed_port
            prepared = planned._replace(
                callback=replace(planned.callback, parameters=parameters, signed_port=signed_port)
            )
            if await self._retry_until_available(is_pending, prepared.callback):
                await self._send(prepared, clients)
        except DatabaseUnavailable as error:
            log.warning("callback outcome not stored, sending again", call_sid=callback.call_sid, reason=str(error))
        except Exception:
            log.exception("internal error in callback delivery", call_sid=callback.call_sid)
            await self._give_up(callback, INTERNAL_ERROR)
        finally:
            self._idle_clients += clients

    def _new_client(self) -> "CallbackClient":
        """Return a new client. Creating the first client is slow: it imports httpx and loads the certificates."""
        from ringback.callback_delivery.http_client import CallbackClient  # the import takes 30 ms

        return CallbackClient(self._options.egress, self._transport, self._options.certificates)

    async def _send(self, planned: SendPlan, clients: Sequence["CallbackClient"]) -> None:
        """Send all copies, each with its own retries, and record every attempt.

        The callback stays pending until the last copy has been sent. It is then marked as delivered if any attempt
        succeeded.
        """
        callback = planned.callback
        progress = _Progress(callback.attempts, planned.copies)
        made = [callback.attempts - callback.earlier_attempts, *[0] * (planned.copies - 1)]
        if planned.at_once:
            copies = [self._send_copy(callback, progress, *each) for each in zip(clients, made, strict=True)]
            for failure in await asyncio.gather(*copies, return_exceptions=True):
                if failure:
                    raise failure
        else:
            for attempts_made in made:
                await self._send_copy(callback, progress, clients[0], attempts_made)

    async def _send_copy(
        self, callback: StatusCallback, progress: _Progress, client: "CallbackClient", attempts_made: int
    ) -> None:
        """Send one copy with its retries. `attempts_made` is the number of attempts that were made before a crash."""
        policy = delivery_policy(parse_url(callback.url).fragment, self._options.policy)
        deadline = time.monotonic() + policy.total_timeout_ms / 1000
        is_last = False
        while not (is_last or progress.is_deleted):
            attempts_made += 1
            at, started = self._clock.now(), time.perf_counter()
            outcome = await client.attempt(callback, policy, deadline - time.monotonic())
            attempt = _attempt(at, time.perf_counter() - started, outcome)
            may_retry = outcome.failure is not None and policy.retries_after(outcome.failure, attempts_made)
            is_last = not (may_retry and time.monotonic() < deadline)
            progress.is_delivered |= outcome.failure is None
            await self._record(callback, progress, attempt, is_last=is_last)

    async def _record(
        self, callback: StatusCallback, progress: _Progress, attempt: CallbackAttempt, *, is_last: bool
    ) -> None:
        """Number and record an attempt. The last attempt of the last copy settles the callback."""
        async with progress.recording:
            progress.last_number += 1
            progress.remaining_copies -= is_last
            status = CallbackStatus.PENDING
            if is_last:
                status = CallbackStatus.DELIVERED if progress.is_delivered else CallbackStatus.FAILED
            numbered = replace(attempt, number=progress.last_number)
            stored_status = CallbackStatus.PENDING if progress.remaining_copies else status
            is_recorded = await self._retry_until_available(
                record_attempt, callback, numbered, stored_status, now=self._clock.now()
            )
            _log_attempt(callback, numbered, status)
            progress.is_deleted |= not is_recorded

    async def _give_up(self, callback: StatusCallback, error: str) -> None:
        """Record a delivery as failed after its suppression or an internal error, so that it is not sent again."""
        at, number = self._clock.now(), callback.attempts + 1
        attempt = CallbackAttempt(number, at, callback.method, without_secrets(callback.url), (), None, "", 0.0, error)
        with suppress(DatabaseUnavailable):
            try:
                await self._retry_until_available(record_attempt, callback, attempt, CallbackStatus.FAILED, now=at)
            except DatabaseUnavailable:
                raise
            except Exception:
                log.exception("callback attempt not journaled", call_sid=callback.call_sid)
                await self._retry_until_available(abandon_callback, callback)

    async def _retry_until_available(
        self,
        operation: Callable[Concatenate[UnitOfWork, StatusCallback, P], T],
        callback: StatusCallback,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run an operation. Retry it for up to `database_retry_seconds` while the database is unavailable.

        If the operation were not retried, a callback that has arrived would be sent again when its lease expires.
        Raises DatabaseUnavailable.
        """
        deadline = None
        while True:
            try:
                return await self._database.run(operation, callback, *args, **kwargs)
            except DatabaseUnavailable as error:
                now = time.monotonic()
                if deadline is None:
                    deadline = now + self._database_retry_seconds
                    log.warning("delivery waiting for database", call_sid=callback.call_sid, reason=str(error))
                if now >= deadline:
                    raise
            await asyncio.sleep(self._retry_seconds)


def _attempt(at: Timestamp, seconds: float, outcome: "Outcome") -> CallbackAttempt:
    """Return an attempt without a number. The number is assigned when the attempt is recorded."""
    last = outcome.hops[-1]
    return CallbackAttempt(
        number=0,
        at=at,
        method=last.method,
        url=last.url,
        headers=last.headers,
        status_code=last.status_code,
        answer=outcome.answer,
        elapsed_ms=round(seconds * 1000, 3),
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
        status_code=attempt.status_code,
        outcome=status.value,
        milliseconds=attempt.elapsed_ms,
        error=attempt.error,
        **redirects,
    )
