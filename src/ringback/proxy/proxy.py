"""The proxy: CONNECT, and plain http:// URLs. Twilio's hosts end here, others are passed on to, untouched."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

import orjson
import structlog

from ringback.dns import connected
from ringback.domain.errors import host_not_emulated
from ringback.domain.twilio_hosts import HostRole, is_valid_name, role_of
from ringback.operations.refused_requests import RefusedRequests, shown_host
from ringback.proxy.request_head import HTTP_PORT, HTTPS_PORT, ProxyRequest, UnfitRequest, read_head
from ringback.proxy.sni import TLS_HANDSHAKE, read_begin
from ringback.proxy.tls_contexts import HANDSHAKE_SECONDS, SHUTDOWN_GRACE_SECONDS, Certificates
from ringback.proxy.tunnel import END_OF_HEAD, Stream, first_bytes, relay, whole_body

MAX_HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 10.0
CONNECT_SECONDS = 10.0
MAX_CONNECTIONS = 250
"""How many clients at a time; each takes up to three of the files that a process may open, of which there are 1,024."""
LINGER_SECONDS = 1.0
BACKLOG = 1024
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"

log = structlog.get_logger()

BeginOf = Callable[[Stream, ProxyRequest], Coroutine[Any, Any, bytes | None]]
"""Reads what a client says first in a tunnel; None is a reason to end it."""
NewProtocol = Callable[[str], asyncio.Protocol]
"""Given a host of Twilio's, makes what serves one connection to it."""


class MisdirectedHandshake(Exception):
    """A client began TLS with the proxy itself, and not for a host of Twilio's."""


class Proxy:
    """Serves one listening socket, from `start` to `close`."""

    def __init__(self, listener: socket.socket, certificates: Certificates, refusals: RefusedRequests) -> None:
        self._listener = listener
        self._certificates = certificates
        self._refusals = refusals
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self, new_protocol: NewProtocol) -> None:
        self._new_protocol = new_protocol
        self._server = await asyncio.start_server(
            self._accept, sock=self._listener, limit=MAX_HEAD_BYTES, backlog=BACKLOG
        )

    def stop_accepting(self) -> None:
        self._server.close()

    async def close(self) -> None:
        """End every connection."""
        self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Stream(reader, writer)
        serving = self._serve(client) if len(self._clients) < MAX_CONNECTIONS else _turn_away(client)
        task = asyncio.create_task(_closing(client, serving))
        self._clients.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._clients.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            log.error("a connection to the proxy failed", exc_info=failure)

    async def _serve(self, client: Stream) -> None:
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                request = await _read_request(client.reader)
        except asyncio.IncompleteReadError:
            return
        except TimeoutError:
            await _answer(client, HTTPStatus.REQUEST_TIMEOUT, f"a head may take {HEAD_SECONDS:g} seconds")
        except asyncio.LimitOverrunError:
            message = f"a head may have {MAX_HEAD_BYTES} bytes"
            await _answer(client, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, message)
        except UnfitRequest as error:
            await _answer(client, HTTPStatus.BAD_REQUEST, str(error))
        except MisdirectedHandshake as error:
            log.warning("TLS handshake refused", reason=str(error))
        else:
            if role_of(request.host) is HostRole.OTHER:
                await self._forward(client, request)
            else:
                await self._terminate(client, request)

    async def _forward(self, client: Stream, request: ProxyRequest) -> None:
        """Connect with where the client wants to get, and leave the two alone."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                server = Stream(*await connected(request.host, request.port))
        except (OSError, UnicodeError) as error:
            log.info("a host cannot be reached", host=request.host, port=request.port, reason=str(error))
            await _answer(client, HTTPStatus.BAD_GATEWAY, f"{request.host}:{request.port} cannot be reached")
            return
        await _closing(server, _joined(client, server, request, self._begin_of))

    async def _begin_of(self, client: Stream, request: ProxyRequest) -> bytes | None:
        """Return what a client says first in a tunnel, or None where it means a host of Twilio's after all."""
        begin, name = await read_begin(client.reader)
        if role_of(name) is HostRole.OTHER:
            return begin
        asked = f"{request.host}:{request.port}"
        shown = shown_host(name)
        message = f"{shown} was asked for at {asked}: only a client that names it to the proxy is answered"
        self._refusals.add(host=shown, method="CONNECT", path="", message=message)
        return None

    async def _terminate(self, client: Stream, request: ProxyRequest) -> None:
        """Let the client speak with this server as if it were the host that it wants to reach."""
        is_tls = request.is_tunnel and request.port != HTTP_PORT
        context = self._certificates.context_for(request.host) if is_tls else None
        ours, theirs = socket.socketpair()
        serving = asyncio.create_task(
            asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._new_protocol(request.host),
                theirs,
                ssl=context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS if context else None,
                ssl_shutdown_timeout=SHUTDOWN_GRACE_SECONDS if context else None,
            )
        )
        try:
            server = Stream(*await _opened(ours))
            await _closing(server, _joined(client, server, request))
        finally:
            await self._look_at_handshake(serving, request)

    async def _look_at_handshake(self, serving: "asyncio.Task[object]", request: ProxyRequest) -> None:
        """Say what became of a client that did not get as far as a request: most likely it trusts others only."""
        [failure] = await asyncio.gather(serving, return_exceptions=True)
        if not isinstance(failure, OSError | ssl.SSLError):
            return
        log.warning(
            "a client broke off before TLS was agreed upon",
            host=request.host,
            reason=str(failure),
            hint="does it trust the authority? `ringback env` prints how it is told to",
        )
        if role_of(request.host) is HostRole.REFUSED:
            message = host_not_emulated(request.host, "CONNECT", f"{request.host}:{request.port}").message
            self._refusals.add(host=request.host, method="CONNECT", path="", message=message)


async def _read_request(reader: asyncio.StreamReader) -> ProxyRequest:
    """Read what a client asks of the proxy, or the ClientHello of one that was redirected here on its way to Twilio.

    Raises UnfitRequest, MisdirectedHandshake, and asyncio's errors of readers.
    """
    first = await reader.readexactly(1)
    if first != TLS_HANDSHAKE:
        return read_head(first + await reader.readuntil(END_OF_HEAD))
    try:
        client_hello, host = await read_begin(reader, first)
    except ValueError as error:
        raise MisdirectedHandshake(str(error)) from error
    if role_of(host) is HostRole.OTHER or not is_valid_name(host):
        raise MisdirectedHandshake(
            f"{shown_host(host) or 'no host'} was asked for; without CONNECT only Twilio's are served"
        )
    return ProxyRequest(host, HTTPS_PORT, client_hello=client_hello)


async def _opened(end: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open an end of a pair of sockets; these are of another kind where there are no Unix ones."""
    if end.family is socket.AF_INET:
        return await asyncio.open_connection(sock=end)
    return await asyncio.open_unix_connection(sock=end)


async def _joined(client: Stream, server: Stream, request: ProxyRequest, begin_of: BeginOf | None = None) -> None:
    if not request.is_tunnel:
        server.writer.write(request.head)
        await relay(client, server, body=whole_body if request.body_bytes is None else first_bytes(request.body_bytes))
        return
    if request.client_hello:
        server.writer.write(request.client_hello)
    else:
        client.writer.write(ESTABLISHED)
    await relay(client, server, begin=partial(begin_of, client, request) if begin_of else None)


async def _closing(stream: Stream, work: Coroutine[Any, Any, None]) -> None:
    """Do some work, and close a stream afterwards; a broken connection is not a failure."""
    try:
        try:
            await work
        except OSError:
            pass
        except RuntimeError:  # uvloop's error for a write to a connection that the client has reset
            if not stream.writer.transport.is_closing():
                raise
        stream.writer.close()
        async with asyncio.timeout(LINGER_SECONDS):
            await stream.writer.wait_closed()
    except (TimeoutError, OSError):
        pass
    finally:
        stream.writer.transport.abort()


async def _turn_away(client: Stream) -> None:
    await _answer(client, HTTPStatus.SERVICE_UNAVAILABLE, f"the proxy has {MAX_CONNECTIONS} clients already")


async def _answer(client: Stream, status: HTTPStatus, error: str) -> None:
    """Answer with an error, and wait a moment: closed at once, the connection might be reset, and the answer lost."""
    body = orjson.dumps({"error": error, "hint": "`ringback env` prints how clients are pointed here"})
    fields = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    client.writer.write("\r\n".join([*fields, "", ""]).encode() + body)
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(LINGER_SECONDS):
            await client.writer.drain()
            client.writer.write_eof()
            while await client.reader.read(MAX_HEAD_BYTES):
                pass
