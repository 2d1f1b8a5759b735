"""Delivers StatusCallbacks: many side by side, few to one receiver, each try recorded.

A long-lived client of its own for every delivery under way: one client shared by all slows down with the number of
connections it keeps books on. No connection is kept for a second request, so that none is found dead.
"""

import asyncio
import ssl
import time
from collections import Counter
from dataclasses import dataclass, replace

import httpx
import structlog

from ringback.domain.callbacks import (
    MAX_REDIRECTS,
    REDIRECT_STATUSES,
    CallbackAttempt,
    CallbackStatus,
    SignedRequest,
    StatusCallback,
    first_request,
    redirected_request,
)
from ringback.domain.delivery import DeliveryPolicy, Failure, delivery_policy
from ringback.domain.instants import seconds_between
from ringback.domain.urls import parse_url, without_userinfo
from ringback.operations.callbacks import claim_due_callbacks, next_callback_due, record_attempt
from ringback.simulator.clock import Clock
from ringback.simulator.egress import EgressPolicy, EgressRefused
from ringback.storage.database import Database

MAX_DELIVERIES = 128
"""How many deliveries are under way at once."""
BUSY_RECEIVER_DELIVERIES = 8
"""A receiver with so many under way gets no more till one has ended; one claim adds at most as many again."""
ANSWER_CHARACTERS = 2_048
"""How much of a receiver's answer is kept."""
LONGEST_PAUSE_SECONDS = 30.0
RECOVERY_SECONDS = 1.0
"""How long to leave a database alone that cannot be worked with."""
MASKED = "***"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try: an answer, or none and the reason."""

    request: SignedRequest
    status_code: int | None = None
    answer: str = ""
    failure: Failure | None = None
    error: str | None = None


class CallbackSender:
    """Sends what the outbox holds. `transport` replaces the network in tests."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        default_policy: DeliveryPolicy,
        egress: EgressPolicy,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._default_policy = default_policy
        self._egress = egress
        self._transport = transport
        self._ssl_context: ssl.SSLContext | None = None
        self._idle_clients: list[httpx.AsyncClient] = []
        self._deliveries: set[asyncio.Task[None]] = set()
        self._under_way: Counter[str] = Counter()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at the outbox soon."""
        self._woken.set()

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            self._woken.clear()
            try:
                if not await self._start_due():
                    await self._pause()
            except Exception:
                log.exception("StatusCallbacks cannot be sent; trying again", seconds=RECOVERY_SECONDS)
                await asyncio.sleep(RECOVERY_SECONDS)

    async def close(self, grace_seconds: float) -> None:
        """Give deliveries under way some time to end; what is cut off stays owed."""
        if self._deliveries:
            await asyncio.wait(self._deliveries, timeout=grace_seconds)
        for delivery in self._deliveries:
            delivery.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)
        await asyncio.gather(*(client.aclose() for client in self._idle_clients))

    async def _start_due(self) -> int:
        limit = min(MAX_DELIVERIES - len(self._deliveries), BUSY_RECEIVER_DELIVERIES)
        if limit <= 0:
            return 0
        claimed = await self._database.run(
            claim_due_callbacks, now=self._clock.now(), limit=limit, passed_over=self._busy_receivers()
        )
        for callback, receiver in claimed:
            self._under_way[receiver] += 1
            delivery = asyncio.create_task(self._deliver(callback, receiver))
            self._deliveries.add(delivery)
            delivery.add_done_callback(self._deliveries.discard)
        return len(claimed)

    def _busy_receivers(self) -> list[str]:
        return [receiver for receiver, count in self._under_way.items() if count >= BUSY_RECEIVER_DELIVERIES]

    async def _pause(self) -> None:
        if len(self._deliveries) >= MAX_DELIVERIES:
            await self._woken.wait()
            return
        due = await self._database.run(next_callback_due, passed_over=self._busy_receivers())
        pause = seconds_between(self._clock.now(), due) if due is not None else LONGEST_PAUSE_SECONDS
        try:
            async with asyncio.timeout(min(max(pause, 0.001), LONGEST_PAUSE_SECONDS)):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _deliver(self, callback: StatusCallback, receiver: str) -> None:
        client = self._idle_clients.pop() if self._idle_clients else self._new_client()
        try:
            await self._try_until_settled(callback, client)
        except Exception:
            log.exception("a StatusCallback could not be sent", call_sid=callback.call_sid)
        finally:
            self._idle_clients.append(client)
            self._under_way[receiver] -= 1
            if not self._under_way[receiver]:
                del self._under_way[receiver]
            self.wake()

    def _new_client(self) -> httpx.AsyncClient:
        if self._transport:
            return httpx.AsyncClient(transport=self._transport)
        if self._ssl_context is None:
            self._ssl_context = httpx.create_ssl_context()
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
        return httpx.AsyncClient(verify=self._ssl_context, trust_env=False, limits=limits)

    async def _try_until_settled(self, callback: StatusCallback, client: httpx.AsyncClient) -> None:
        policy = delivery_policy(parse_url(callback.url).fragment, self._default_policy)
        deadline = time.monotonic() + policy.total_timeout_ms / 1000
        number = callback.attempts
        status = CallbackStatus.PENDING
        while status == CallbackStatus.PENDING:
            number += 1
            at, started = self._clock.now(), time.perf_counter()
            outcome = await self._try(callback, policy, deadline, client)
            elapsed_ms = (time.perf_counter() - started) * 1000
            if outcome.failure is None:
                status = CallbackStatus.DELIVERED
            elif not policy.retries_after(outcome.failure, number) or time.monotonic() >= deadline:
                status = CallbackStatus.FAILED
            attempt = CallbackAttempt(
                number=number,
                at=at,
                method=outcome.request.method,
                url=outcome.request.url.signed,
                headers=_masked(outcome.request.headers),
                status_code=outcome.status_code,
                answer=outcome.answer,
                elapsed_ms=round(elapsed_ms, 3),
                error=outcome.error,
            )
            await self._database.run(record_attempt, callback.call_sid, attempt, status)
            _log_attempt(callback, attempt, status)

    async def _try(
        self, callback: StatusCallback, policy: DeliveryPolicy, deadline: float, client: httpx.AsyncClient
    ) -> Outcome:
        request = first_request(callback)
        seconds_left = deadline - time.monotonic()
        try:
            async with asyncio.timeout(seconds_left):
                return await self._follow(callback, request, policy, client)
        except TimeoutError:
            return Outcome(request, failure=Failure.READ, error=f"no answer within {policy.total_timeout_ms} ms in all")

    async def _follow(
        self, callback: StatusCallback, request: SignedRequest, policy: DeliveryPolicy, client: httpx.AsyncClient
    ) -> Outcome:
        for _ in range(MAX_REDIRECTS + 1):
            outcome, location = await self._exchange(request, policy, client)
            if location is None or outcome.status_code is None:
                return outcome
            try:
                request = redirected_request(callback, request, location, outcome.status_code)
            except ValueError as error:
                return replace(outcome, failure=Failure.OTHER, error=f"redirected to no usable URL: {error}")
        return replace(outcome, failure=Failure.OTHER, error=f"more than {MAX_REDIRECTS} redirects")

    async def _exchange(
        self, request: SignedRequest, policy: DeliveryPolicy, client: httpx.AsyncClient
    ) -> tuple[Outcome, str | None]:
        """Send one request; return what came of it, and where it was redirected to."""
        try:
            addresses = await self._egress.addresses(request.url.host, request.url.port)
        except EgressRefused as error:
            return Outcome(request, failure=Failure.OTHER, error=str(error)), None
        except OSError as error:
            reason = f"cannot resolve {request.url.host}: {error.strerror}"
            return Outcome(request, failure=Failure.CONNECT, error=reason), None
        outcome = Outcome(request)
        for address in addresses:
            try:
                return await self._send(request, address, policy, client)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                outcome = Outcome(request, failure=Failure.CONNECT, error=_reason(error))
            except httpx.HTTPError as error:
                return Outcome(request, failure=Failure.READ, error=_reason(error)), None
        return outcome, None

    async def _send(
        self, request: SignedRequest, address: str, policy: DeliveryPolicy, client: httpx.AsyncClient
    ) -> tuple[Outcome, str | None]:
        read_seconds, connect_seconds = policy.read_timeout_ms / 1000, policy.connect_timeout_ms / 1000
        sent = httpx.Request(
            request.method,
            httpx.URL(scheme=request.url.scheme, host=address, port=request.url.port),
            headers=request.headers,
            content=request.body,
            extensions={
                "target": request.url.target.encode(),
                "sni_hostname": request.url.host,
                "timeout": httpx.Timeout(read_seconds, connect=connect_seconds).as_dict(),
            },
        )
        response = await client.send(sent, stream=True)
        try:
            answer = await _first_characters(response)
        finally:
            await response.aclose()
        location = response.headers.get("location") if response.status_code in REDIRECT_STATUSES else None
        failure = _failure(response.status_code)
        error = f"answered {response.status_code}" if failure else None
        return Outcome(request, response.status_code, answer, failure, error), location


async def _first_characters(response: httpx.Response) -> str:
    text = ""
    async for part in response.aiter_text():
        text += part
        if len(text) >= ANSWER_CHARACTERS:
            break
    return text[:ANSWER_CHARACTERS]


def _failure(status_code: int) -> Failure | None:
    if httpx.codes.is_success(status_code):
        return None
    if httpx.codes.is_client_error(status_code):
        return Failure.CLIENT_ERROR
    return Failure.SERVER_ERROR if httpx.codes.is_server_error(status_code) else Failure.OTHER


def _reason(error: httpx.HTTPError) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _masked(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, MASKED if name == "Authorization" else value) for name, value in headers)


def _log_attempt(callback: StatusCallback, attempt: CallbackAttempt, status: CallbackStatus) -> None:
    log.info(
        "callback",
        call_sid=callback.call_sid,
        url=without_userinfo(attempt.url),
        attempt=attempt.number,
        answer=attempt.status_code,
        outcome=status.value,
        milliseconds=attempt.elapsed_ms,
        error=attempt.error,
    )
