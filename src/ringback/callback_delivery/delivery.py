"""The delivery of one StatusCallback: its plan, its attempts and retries, and the record of each attempt."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Concatenate, NamedTuple, ParamSpec, TypeVar

import structlog

from ringback.callback_delivery.egress import EgressPolicy
from ringback.clock import Clock
from ringback.domain.callback_hops import redirect_hint
from ringback.domain.callbacks import CallbackAttempt, CallbackStatus, StatusCallback, with_geography
from ringback.domain.faults import AnswerError, BadSignature, Delay, DropConnection, Duplicate, Suppress
from ringback.domain.retry_policy import DeliveryPolicy, delivery_policy
from ringback.domain.timestamps import Timestamp
from ringback.domain.urls import parse_url, without_secrets
from ringback.operations.callbacks import abandon_callback, is_pending, record_attempt
from ringback.storage.database import Database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.unit_of_work import UnitOfWork

DATABASE_RETRY_SECONDS = 40.0
"""How long a delivery retries a database operation. Meanwhile this process does not claim the callback again, and no
other process can without the database."""
RETRY_SECONDS = 1.0
"""Pause between two tries of a database operation."""
AREA_CHARACTERS = len("+1415")
"""Numbers with the same first characters need the same data of the geography lookup."""

SUPPRESSED = "suppressed by an injected fault"
INTERNAL_ERROR = "internal error in ringback; its log has the details"

if TYPE_CHECKING:
    import httpx

    from ringback.callback_delivery.http_client import CallbackClient, Outcome

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger()


class SendPlan(NamedTuple):
    """A plan to send a callback `copies` times, signed with `auth_token`."""

    copies: int
    auth_token: str


def plan(callback: StatusCallback) -> SendPlan | Suppress:
    """Decide how to deliver a claimed callback, given its fault. A delaying fault has passed before the claim."""
    match callback.fault:
        case Suppress():
            return callback.fault
        case Duplicate(copies):
            return SendPlan(copies, callback.auth_token)
        case BadSignature():
            return SendPlan(1, callback.fault.token(callback.auth_token))
        case None | Delay() | AnswerError() | DropConnection():  # the last two are for requests alone
            return SendPlan(1, callback.auth_token)


class CallbackDelivery:
    """Delivers claimed callbacks. Each delivery borrows an HTTP client; `transport` replaces the network in tests."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        default_policy: DeliveryPolicy,
        egress: EgressPolicy,
        transport: "httpx.AsyncBaseTransport | None" = None,
        *,
        database_retry_seconds: float = DATABASE_RETRY_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._default_policy = default_policy
        self._egress = egress
        self._transport = transport
        self._database_retry_seconds = database_retry_seconds
        self._retry_seconds = retry_seconds
        self._idle_clients: list[CallbackClient] = []
        self._known_areas: set[str] = set()

    async def close(self) -> None:
        """Close the HTTP clients. No delivery may be in progress."""
        await asyncio.gather(*(client.close() for client in self._idle_clients))

    async def deliver(self, callback: StatusCallback) -> None:
        """Deliver a claimed callback as planned. It stays pending if the database cannot store the outcome."""
        client: CallbackClient | None = None
        try:
            planned = plan(callback)
            if isinstance(planned, Suppress):
                await self._give_up(callback, SUPPRESSED)
                return
            client = self._idle_clients.pop() if self._idle_clients else await asyncio.to_thread(self._new_client)
            area = dict(callback.parameters)["To"][:AREA_CHARACTERS]
            if area in self._known_areas:
                parameters = with_geography(callback.parameters)
            else:  # the first lookup in an area reads files
                parameters = await asyncio.to_thread(with_geography, callback.parameters)
                self._known_areas.add(area)
            prepared = replace(callback, auth_token=planned.auth_token, parameters=parameters)
            if await self._retry_until_available(is_pending, prepared):
                await self._send(prepared, planned.copies, client)
        except DatabaseUnavailable as error:
            log.warning("callback outcome not stored, sending again", call_sid=callback.call_sid, reason=str(error))
        except Exception:
            log.exception("internal error in callback delivery", call_sid=callback.call_sid)
            await self._give_up(callback, INTERNAL_ERROR)
        finally:
            if client:
                self._idle_clients.append(client)

    def _new_client(self) -> "CallbackClient":
        """Return a new client. The first one takes long: it imports httpx and loads the certificates."""
        from ringback.callback_delivery.http_client import CallbackClient  # 30 ms

        return CallbackClient(self._egress, self._transport)

    async def _send(self, callback: StatusCallback, copies: int, client: "CallbackClient") -> None:
        """Send copies one after another, each with its own retries, and record every attempt.

        One successful attempt marks the callback as delivered. It stays pending until the last copy has been sent.
        """
        policy = delivery_policy(parse_url(callback.url).fragment, self._default_policy)
        number, attempts_before_copy = callback.attempts, callback.earlier_attempts
        is_delivered = False
        for remaining_copies in reversed(range(copies)):
            deadline = time.monotonic() + policy.total_timeout_ms / 1000
            status = CallbackStatus.PENDING
            while status == CallbackStatus.PENDING:
                number += 1
                at, started = self._clock.now(), time.perf_counter()
                outcome = await client.attempt(callback, policy, deadline - time.monotonic())
                attempt = _attempt(number, at, time.perf_counter() - started, outcome)
                is_delivered |= outcome.failure is None
                if not (
                    outcome.failure
                    and policy.retries_after(outcome.failure, number - attempts_before_copy)
                    and time.monotonic() < deadline
                ):
                    status = CallbackStatus.DELIVERED if is_delivered else CallbackStatus.FAILED
                stored_status = CallbackStatus.PENDING if remaining_copies else status
                is_recorded = await self._retry_until_available(
                    record_attempt, callback, attempt, stored_status, now=self._clock.now()
                )
                _log_attempt(callback, attempt, status)
                if not is_recorded:
                    return  # the call was deleted
            attempts_before_copy = number

    async def _give_up(self, callback: StatusCallback, error: str) -> None:
        """Record a delivery as failed that sent nothing or hit an internal error, so that it is not repeated."""
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

        Without retries, a callback that has arrived would be sent again when its lease expires. Raises
        DatabaseUnavailable.
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


def _attempt(number: int, at: Timestamp, seconds: float, outcome: "Outcome") -> CallbackAttempt:
    last = outcome.hops[-1]
    return CallbackAttempt(
        number=number,
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
