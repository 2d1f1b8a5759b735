"""The HTTP client that carries a StatusCallback to its receiver: one try, redirects included, and what came of it.

A long-lived transport of its own for every delivery under way: one shared by all slows down with the number of
connections it keeps books on. No connection is kept for a second request, so that none is found dead. What a client of
httpx would add - redirects, cookies, headers, decoding - is done here as Twilio does it, or must not be done.
"""

import asyncio
import ssl
from dataclasses import dataclass, replace
from functools import cache

import httpx

from ringback.domain.callbacks import (
    MAX_REDIRECTS,
    REDIRECT_STATUSES,
    SignedRequest,
    StatusCallback,
    first_request,
    redirected_request,
)
from ringback.domain.delivery import DeliveryPolicy, Failure
from ringback.simulator.bounded_reading import BoundedReading, TooMuchSaid
from ringback.simulator.egress import EgressPolicy, EgressRefused

ANSWER_CHARACTERS = 2_048
"""How much of a receiver's answer is kept."""
LONGEST_CHARACTER_BYTES = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try: an answer, or none and the reason; `failure` is None for a delivered callback."""

    request: SignedRequest
    status_code: int | None = None
    answer: str = ""
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
        request = first_request(callback)
        try:
            async with asyncio.timeout(seconds_left):
                return await self._follow(callback, request, policy)
        except TimeoutError:
            return Outcome(request, failure=Failure.READ, error=f"no answer within {policy.total_timeout_ms} ms in all")

    async def _follow(self, callback: StatusCallback, request: SignedRequest, policy: DeliveryPolicy) -> Outcome:
        for _ in range(MAX_REDIRECTS + 1):
            outcome, location = await self._exchange(request, policy)
            if location is None or outcome.status_code is None:
                return outcome
            try:
                request = redirected_request(callback, request, location, outcome.status_code)
            except ValueError as error:
                return replace(outcome, failure=Failure.OTHER, error=f"redirected to no usable URL: {error}")
        return replace(outcome, failure=Failure.OTHER, error=f"more than {MAX_REDIRECTS} redirects")

    async def _exchange(self, request: SignedRequest, policy: DeliveryPolicy) -> tuple[Outcome, str | None]:
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
                return await self._send(request, address, policy)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                outcome = Outcome(request, failure=Failure.CONNECT, error=_reason(error))
            except (httpx.HTTPError, TooMuchSaid) as error:
                return Outcome(request, failure=Failure.READ, error=_reason(error)), None
        return outcome, None

    async def _send(self, request: SignedRequest, address: str, policy: DeliveryPolicy) -> tuple[Outcome, str | None]:
        """Send one request to an address that was checked, under the name that the receiver knows itself by."""
        read_seconds, connect_seconds = policy.read_timeout_ms / 1000, policy.connect_timeout_ms / 1000
        sent = httpx.Request(
            request.method,
            httpx.URL(scheme=request.url.scheme, host=address, port=request.url.port),
            headers=request.headers,
            content=request.body,
            extensions={
                "target": request.url.target.encode(),
                "sni_hostname": request.url.host,
                "trace": BoundedReading().trace,
                "timeout": httpx.Timeout(read_seconds, connect=connect_seconds).as_dict(),
            },
        )
        response = await self._transport.handle_async_request(sent)
        try:
            answer = await _first_characters(response)
        finally:
            await response.aclose()
        location = response.headers.get("location") if response.status_code in REDIRECT_STATUSES else None
        failure = _failure(response.status_code)
        error = f"answered {response.status_code}" if failure else None
        return Outcome(request, response.status_code, answer, failure, error), location


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


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
