"""The HTTP client that carries a StatusCallback to its receiver: one try, redirects included, and what came of it.

A long-lived transport of its own for every delivery under way: one shared by all slows down with the number of
connections it keeps books on. No connection is kept for a second request, so that none is found dead. What a client of
httpx would add - redirects, cookies, headers, decoding - is done here as Twilio does it, or must not be done.
"""

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import httpx

from ringback.callback_delivery.bounded_response import BoundedReading, ResponseTooLarge
from ringback.callback_delivery.connection_errors import connection_error, resolution_error, seconds
from ringback.callback_delivery.egress import EgressPolicy, EgressRefused
from ringback.domain.callback_hops import CallbackHop, masked_location
from ringback.domain.callbacks import (
    MAX_LOCATION_CHARACTERS,
    MAX_REDIRECTS,
    REDIRECT_STATUSES,
    SignedRequest,
    StatusCallback,
    first_request,
    redirected_request,
)
from ringback.domain.retry_policy import DeliveryPolicy, Failure
from ringback.domain.secrets import MASKED

ANSWER_CHARACTERS = 2_048
"""How much of a receiver's answer is kept."""
LONGEST_CHARACTER_BYTES = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one attempt: its requests in order, at least one; `failure` is None for a delivered callback."""

    hops: tuple[CallbackHop, ...]
    answer: str = ""
    failure: Failure | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer to one request, or why there is none."""

    is_sent: bool
    status_code: int | None = None
    body: str = ""
    location: str | None = None
    failure: Failure | None = None
    error: str | None = None


class CallbackClient:
    """Sends one StatusCallback at a time. `transport` replaces the network in tests."""

    def __init__(self, egress: EgressPolicy, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._egress = egress
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
        self._transport = transport or httpx.AsyncHTTPTransport(verify=_ssl_context(), trust_env=False, limits=limits)

    async def close(self) -> None:
        await self._transport.aclose()

    async def attempt(self, callback: StatusCallback, policy: DeliveryPolicy, seconds_left: float) -> Outcome:
        """Try once to deliver `callback`, following redirects, within `seconds_left`."""
        attempt = _Attempt(first_request(callback))
        try:
            async with asyncio.timeout(seconds_left):
                return await self._follow(callback, attempt, policy)
        except TimeoutError:
            error = f"no answer within {seconds(policy.total_timeout_ms)} in all"
            answer = _Answer(attempt.reading.is_sent, failure=Failure.READ, error=error)
            attempt.add(answer)
            return attempt.outcome(answer)

    async def _follow(self, callback: StatusCallback, attempt: "_Attempt", policy: DeliveryPolicy) -> Outcome:
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._exchange(attempt, policy)
            attempt.add(answer)
            status, location = answer.status_code, answer.location
            if status not in REDIRECT_STATUSES or location is None:
                return attempt.outcome(answer)
            try:
                attempt.begin(redirected_request(callback, attempt.request, location, status))
            except ValueError as error:
                reason = f"answered {status} with a Location that cannot be followed: {error}"
                return attempt.outcome(replace(answer, failure=Failure.OTHER, error=reason))
        return attempt.outcome(replace(answer, failure=Failure.OTHER, error=_too_many(attempt.hops)))

    async def _exchange(self, attempt: "_Attempt", policy: DeliveryPolicy) -> _Answer:
        """Send the attempt's present request, and return the answer."""
        url = attempt.request.url
        try:
            addresses = await self._egress.addresses(url.host, url.port)
        except EgressRefused as error:
            return _Answer(is_sent=False, failure=Failure.OTHER, error=str(error))
        except OSError as error:
            return _Answer(is_sent=False, failure=Failure.CONNECT, error=resolution_error(error, url.host))
        answer = _Answer(is_sent=False)
        for address in addresses:
            attempt.reading = BoundedReading()
            try:
                return await self._send(attempt, address, policy)
            except (httpx.HTTPError, ResponseTooLarge) as error:
                reason = connection_error(error, url, address, attempt.reading, policy)
                is_connection = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                failure = Failure.CONNECT if is_connection else Failure.READ
                answer = _Answer(attempt.reading.is_sent, failure=failure, error=reason)
                if not is_connection:
                    return answer
        return answer

    async def _send(self, attempt: "_Attempt", address: str, policy: DeliveryPolicy) -> _Answer:
        """Send one request to an address that was checked, under the name that the receiver knows itself by."""
        request = attempt.request
        read_seconds, connect_seconds = policy.read_timeout_ms / 1000, policy.connect_timeout_ms / 1000
        sent = httpx.Request(
            request.method,
            httpx.URL(scheme=request.url.scheme, host=address, port=request.url.port),
            headers=request.headers,
            content=request.body,
            extensions={
                "target": request.url.target.encode(),
                "sni_hostname": request.url.host,
                "trace": attempt.reading.trace,
                "timeout": httpx.Timeout(read_seconds, connect=connect_seconds).as_dict(),
            },
        )
        response = await self._transport.handle_async_request(sent)
        try:
            body = await _first_characters(response)
        finally:
            await response.aclose()
        failure = _failure(response.status_code)
        error = f"answered {response.status_code}" if failure else None
        location = response.headers.get("location") if httpx.codes.is_redirect(response.status_code) else None
        return _Answer(
            is_sent=True, status_code=response.status_code, body=body, location=location, failure=failure, error=error
        )


class _Attempt:
    """One attempt under way: the requests that have ended, and the present one."""

    def __init__(self, request: SignedRequest) -> None:
        self.hops: list[CallbackHop] = []
        self.begin(request)

    def begin(self, request: SignedRequest) -> None:
        """Turn to the next request."""
        self.request = request
        self.reading = BoundedReading()
        self._started = time.perf_counter()

    def add(self, answer: _Answer) -> None:
        """Add the present request with its answer."""
        request = self.request
        self.hops.append(
            CallbackHop(
                request.method,
                request.url.signed,
                tuple((name, MASKED if name == "Authorization" else value) for name, value in request.headers),
                is_sent=answer.is_sent,
                status_code=answer.status_code,
                location=_shown_location(answer.location),
                elapsed_ms=round((time.perf_counter() - self._started) * 1000, 3),
                error=answer.error if answer.status_code is None else None,
            )
        )

    def outcome(self, answer: _Answer) -> Outcome:
        """Return the outcome of the attempt, given the answer to its last request."""
        return Outcome(tuple(self.hops), answer.body, answer.failure, answer.error)


def _shown_location(location: str | None) -> str | None:
    return None if location is None else masked_location(location)[:MAX_LOCATION_CHARACTERS]


def _too_many(hops: Sequence[CallbackHop]) -> str:
    error = f"more than {MAX_REDIRECTS} redirects"
    is_loop = len({(hop.method, hop.url) for hop in hops}) < len(hops)
    return f"{error}, in a loop" if is_loop else error


@cache
def _ssl_context() -> ssl.SSLContext:
    """Return the context that all clients share: making one takes as long as fifty deliveries."""
    return httpx.create_ssl_context()


async def _first_characters(response: httpx.Response) -> str:
    """Return the begin of an answer as it came: a receiver that encodes it in some way has its reasons."""
    answer = b""
    async for part in response.aiter_raw():
        answer += part
        if len(answer) >= ANSWER_CHARACTERS * LONGEST_CHARACTER_BYTES:
            break
    return answer.decode(errors="replace")[:ANSWER_CHARACTERS]


def _failure(status_code: int) -> Failure | None:
    if httpx.codes.is_success(status_code):
        return None
    if httpx.codes.is_client_error(status_code):
        return Failure.CLIENT_ERROR
    return Failure.SERVER_ERROR if httpx.codes.is_server_error(status_code) else Failure.OTHER
