"""The HTTP client for callbacks: one attempt with its redirects, and the limits on a receiver's response.

Every delivery in progress has its own long-lived transport, because a shared transport slows down as the number of its
connections grows. Connections are not reused, so that no request is sent on a stale connection. The client uses httpx's
transport instead of httpx's client, which would add redirects, cookies, headers and decoding that differ from Twilio's.
"""

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Protocol

import httpx

from ringback.callback_delivery.connection_errors import ResponseTooLarge, connection_error, resolution_error, seconds
from ringback.callback_delivery.egress import Destination, EgressPolicy, EgressRefused
from ringback.domain.callback_hops import CallbackHop, mask_location
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
from ringback.domain.signature_check import has_valid_signature

ANSWER_CHARACTERS = 2_048
"""Maximum number of characters of a response body that the journal keeps."""
MAX_BYTES_PER_CHARACTER = 4
READ_CHUNK_BYTES = 512
"""Maximum number of bytes in a read. They are parsed without yielding to other tasks. Most response heads fit into
one read."""
MAX_RESPONSE_BYTES = 64 * 1024
"""Maximum number of bytes that are read from a connection: 8 KiB for the part of the body that is kept, and the rest
for the head and preceding 1xx responses. A hostile receiver may send any number of 1xx responses."""
PARSING_BUDGET_SECONDS = 0.002
"""Time to parse one response without pauses. Only hostile responses take longer, such as a hundred 1xx responses, or
fifty chunks of one byte."""
PAUSE_FACTOR = 50
"""Beyond the budget, the connection pauses for this multiple of its last parsing time."""

_CONNECTED = frozenset({"connection.connect_tcp.complete", "connection.start_tls.complete"})
"""Events of httpcore after which a connection has a new stream."""
_SENDING = "http11.send_request_headers.started"


class _Stream(Protocol):
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes: ...  # noqa: ASYNC109 - as in httpcore


class ConnectionMonitor:
    """Monitors and limits the connection of one request, through httpcore's extension `trace`.

    `is_connected` is True once a TCP connection exists, `is_sent` once a part of the request may have been sent.
    `start` holds the first bytes of the response.
    """

    def __init__(self) -> None:
        self.is_connected = False
        self.is_sent = False
        self.start = b""
        self._remaining_bytes = MAX_RESPONSE_BYTES
        self._read_at: float | None = None
        self._parsing_seconds = 0.0

    async def trace(self, event: str, details: dict[str, Any]) -> None:
        """Handle an event of httpcore."""
        if event in _CONNECTED:
            self.is_connected = True
            self._limit(details["return_value"])
        elif event == _SENDING:
            self.is_sent = True

    def _limit(self, stream: _Stream) -> None:
        read = stream.read

        async def limited_read(max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
            await self._yield_after_parsing()
            data = await read(min(max_bytes, READ_CHUNK_BYTES), timeout)
            self.start = self.start or data
            self._remaining_bytes -= len(data)
            if self._remaining_bytes < 0:
                raise ResponseTooLarge(f"more than {MAX_RESPONSE_BYTES} bytes")
            self._read_at = time.thread_time()
            return data

        stream.read = limited_read  # type: ignore[method-assign]

    async def _yield_after_parsing(self) -> None:
        """Pause if the response has used up its parsing time. Parsing takes place between two reads."""
        if self._read_at is None:
            return
        parsing_seconds = time.thread_time() - self._read_at
        self._parsing_seconds += parsing_seconds
        if self._parsing_seconds > PARSING_BUDGET_SECONDS:
            await asyncio.sleep(parsing_seconds * PAUSE_FACTOR)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one attempt, with all its requests in order. `failure` is None if the callback arrived."""

    hops: tuple[CallbackHop, ...]
    answer: str = ""
    failure: Failure | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    """The response to one request, or the error if there was no response."""

    is_sent: bool
    status_code: int | None = None
    body: str = ""
    location: str | None = None
    failure: Failure | None = None
    error: str | None = None


class CallbackClient:
    """Sends one StatusCallback at a time. `transport` replaces the network in tests.

    `certificates` are PEM certificates of private authorities that are trusted in addition to the public authorities.
    """

    def __init__(
        self, egress: EgressPolicy, transport: httpx.AsyncBaseTransport | None = None, certificates: str | None = None
    ) -> None:
        self._egress = egress
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
        self._transport = transport or httpx.AsyncHTTPTransport(
            verify=_ssl_context(certificates), trust_env=False, limits=limits
        )

    async def close(self) -> None:
        await self._transport.aclose()

    async def attempt(self, callback: StatusCallback, policy: DeliveryPolicy, remaining_seconds: float) -> Outcome:
        """Send `callback` once, follow redirects, and return the outcome within `remaining_seconds`."""
        deadline = asyncio.get_running_loop().time() + remaining_seconds
        request, hops = first_request(callback), list[CallbackHop]()
        for _ in range(MAX_REDIRECTS + 1):
            started, destination = time.perf_counter(), self._egress.destination(request.url)
            if destination.is_proxied:
                request = replace(request, headers=(*request.headers, ("X-Forwarded-Proto", request.url.scheme)))
            answer = await self._exchange(request, destination, policy, deadline)
            hops.append(_hop(callback, request, destination, answer, time.perf_counter() - started))
            status, location = answer.status_code, answer.location
            if status not in REDIRECT_STATUSES or location is None:
                return _outcome(hops, answer)
            try:
                request = redirected_request(callback, request, location, status)
            except ValueError as error:
                reason = f"responded with {status} and a Location that cannot be followed: {error}"
                return _outcome(hops, replace(answer, failure=Failure.OTHER, error=reason))
        return _outcome(hops, replace(answer, failure=Failure.OTHER, error=_too_many_redirects(hops)))

    async def _exchange(
        self, request: SignedRequest, destination: Destination, policy: DeliveryPolicy, deadline: float
    ) -> _Answer:
        """Send a request to the first allowed address of the host that accepts a connection. Return the response."""
        url, monitor = request.url, ConnectionMonitor()
        answer = _Answer(is_sent=False)
        try:
            async with asyncio.timeout_at(deadline):
                try:
                    addresses = await self._egress.addresses(url.host, destination.port)
                except EgressRefused as error:
                    return replace(answer, failure=Failure.OTHER, error=str(error))
                except OSError as error:
                    return replace(answer, failure=Failure.CONNECT, error=resolution_error(error, destination.host))
                for address in addresses:
                    monitor = ConnectionMonitor()
                    try:
                        return await self._send(request, destination, address, policy, monitor)
                    except (httpx.HTTPError, ResponseTooLarge) as error:
                        is_connection = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                        failure = Failure.CONNECT if is_connection else Failure.READ
                        reason = connection_error(
                            error,
                            url,
                            destination,
                            address,
                            policy,
                            is_connected=monitor.is_connected,
                            response_start=monitor.start,
                        )
                        answer = _Answer(monitor.is_sent, failure=failure, error=reason)
                        if not is_connection:
                            return answer
        except TimeoutError:
            reason = f"no answer within {seconds(policy.total_timeout_ms)} in total"
            return _Answer(monitor.is_sent, failure=Failure.READ, error=reason)
        return answer

    async def _send(
        self,
        request: SignedRequest,
        destination: Destination,
        address: str,
        policy: DeliveryPolicy,
        monitor: ConnectionMonitor,
    ) -> _Answer:
        """Send a request to an allowed address. SNI, the certificate check and the Host header use the host name."""
        read_seconds, connect_seconds = policy.read_timeout_ms / 1000, policy.connect_timeout_ms / 1000
        http_request = httpx.Request(
            request.method,
            httpx.URL(scheme=destination.scheme, host=address, port=destination.port),
            headers=request.headers,
            content=request.body,
            extensions={
                "target": request.url.target.encode(),
                "sni_hostname": request.url.host,
                "trace": monitor.trace,
                "timeout": httpx.Timeout(read_seconds, connect=connect_seconds).as_dict(),
            },
        )
        response = await self._transport.handle_async_request(http_request)
        try:
            body = await _first_characters(response)
        finally:
            await response.aclose()
        failure = _failure(response.status_code)
        error = f"responded with {response.status_code}" if failure else None
        location = response.headers.get("location") if httpx.codes.is_redirect(response.status_code) else None
        return _Answer(
            is_sent=True, status_code=response.status_code, body=body, location=location, failure=failure, error=error
        )


def _hop(
    callback: StatusCallback,
    request: SignedRequest,
    destination: Destination,
    answer: _Answer,
    elapsed_seconds: float,
) -> CallbackHop:
    return CallbackHop(
        request.method,
        request.url.signed,
        tuple((name, MASKED if name == "Authorization" else value) for name, value in request.headers),
        is_sent=answer.is_sent,
        status_code=answer.status_code,
        location=None if answer.location is None else mask_location(answer.location)[:MAX_LOCATION_CHARACTERS],
        elapsed_ms=round(elapsed_seconds * 1000, 3),
        error=answer.error if answer.status_code is None else None,
        mapped_to=destination.mapped_to,
        is_signature_valid=has_valid_signature(callback, request.url),
    )


def _outcome(hops: Sequence[CallbackHop], last: _Answer) -> Outcome:
    return Outcome(tuple(hops), last.body, last.failure, last.error)


def _too_many_redirects(hops: Sequence[CallbackHop]) -> str:
    error = f"more than {MAX_REDIRECTS} redirects"
    is_loop = len({(hop.method, hop.url) for hop in hops}) < len(hops)
    return f"{error}, in a loop" if is_loop else error


@cache
def _ssl_context(certificates: str | None) -> ssl.SSLContext:
    """Return the context that all clients share, because creating a context takes as long as fifty deliveries."""
    context = httpx.create_ssl_context()
    if certificates:
        context.load_verify_locations(cadata=certificates)
    return context


async def _first_characters(response: httpx.Response) -> str:
    """Return the start of a response's body as received, without decoding its Content-Encoding."""
    answer = b""
    async for part in response.aiter_raw():
        answer += part
        if len(answer) >= ANSWER_CHARACTERS * MAX_BYTES_PER_CHARACTER:
            break
    return answer.decode(errors="replace")[:ANSWER_CHARACTERS]


def _failure(status_code: int) -> Failure | None:
    if httpx.codes.is_success(status_code):
        return None
    if httpx.codes.is_client_error(status_code):
        return Failure.CLIENT_ERROR
    return Failure.SERVER_ERROR if httpx.codes.is_server_error(status_code) else Failure.OTHER
