"""The proxy. It passes requests for Twilio's hosts to this application, and forwards all others.

A client sends CONNECT or a request with an http:// or https:// URL, or it starts TLS immediately because its network
redirects it here. The proxy decides by the host that the client names. A request for a Twilio host that is not emulated
is refused in one of four places:

- `host_filter.TwilioHostFilter`: a request for another of Twilio's hosts,
- `twilio_api.app.TwilioApp`: a resource or method that is not emulated,
- `Proxy._read_first`: TLS for a Twilio host in a tunnel to another address,
- `Proxy._report_handshake`: a failed TLS handshake for another of Twilio's hosts.
"""

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

from ringback.dns import connect
from ringback.domain.errors import host_not_emulated
from ringback.domain.twilio_hosts import HostRole, host_role, is_valid_name
from ringback.operations.refused_requests import RefusedRequests, printable_host
from ringback.proxy.request_head import (
    HTTP_PORT,
    HTTPS_PORT,
    InvalidRequest,
    ProxyRequest,
    parse_head,
    read_tunneled_head,
)
from ringback.proxy.sni import TLS_HANDSHAKE, read_client_hello
from ringback.proxy.tls_contexts import SHUTDOWN_GRACE_SECONDS, Certificates
from ringback.proxy.tunnel import (
    END_OF_HEAD,
    IdleTimeout,
    MalformedBody,
    ProxyLimits,
    Stream,
    chunked_body,
    forward,
    forward_remaining,
    sized_body,
)

MAX_HEAD_BYTES = 64 * 1024
BACKLOG = 1024
DEFAULT_LIMITS = ProxyLimits()
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"

log = structlog.get_logger()

TunnelFirstReader = Callable[[Stream, ProxyRequest], Coroutine[Any, Any, bytes | None]]
"""Reads a client's first bytes in a tunnel; returns None to end the tunnel."""
NewHostProtocol = Callable[[str], asyncio.Protocol]
"""Creates the protocol that serves one connection to this Twilio host."""


class MisdirectedHandshake(Exception):
    """A client started TLS with the proxy itself, but not for a Twilio host."""


class Proxy:
    """A proxy on one listening socket, from `start` to `close`."""

    def __init__(
        self,
        listening_socket: socket.socket,
        certificates: Certificates,
        refused_requests: RefusedRequests,
        limits: ProxyLimits | None = None,
    ) -> None:
        self._socket = listening_socket
        self._certificates = certificates
        self._refused_requests = refused_requests
        self._limits = limits or DEFAULT_LIMITS
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self, new_protocol: NewHostProtocol) -> None:
        self._new_protocol = new_protocol
        self._server = await asyncio.start_server(
            self._accept, sock=self._socket, limit=MAX_HEAD_BYTES, backlog=BACKLOG
        )

    def stop_accepting(self) -> None:
        self._server.close()

    async def close(self) -> None:
        """Close all connections."""
        self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Stream(reader, writer, self._limits)
        serving = self._serve(client) if len(self._clients) < self._limits.connections else _reject(client)
        task = asyncio.create_task(_run_and_close(client, serving))
        self._clients.add(task)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: "asyncio.Task[None]") -> None:
        self._clients.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            log.error("proxy connection failed", exc_info=failure)

    async def _serve(self, client: Stream) -> None:
        try:
            async with asyncio.timeout(self._limits.head_seconds):
                request = await _read_request(client.reader)
        except asyncio.IncompleteReadError:
            return
        except TimeoutError:
            await _answer(
                client,
                HTTPStatus.REQUEST_TIMEOUT,
                f"the head of the request did not arrive within {self._limits.head_seconds:g} seconds",
            )
        except asyncio.LimitOverrunError:
            message = f"the head of the request is longer than {MAX_HEAD_BYTES} bytes"
            await _answer(client, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, message)
        except InvalidRequest as error:
            await _answer(client, HTTPStatus.BAD_REQUEST, str(error))
        except MisdirectedHandshake as error:
            log.warning("TLS handshake refused", reason=str(error))
        else:
            if host_role(request.host) is HostRole.OTHER:
                await self._forward(client, request)
            else:
                await self._terminate(client, request)

    async def _forward(self, client: Stream, request: ProxyRequest) -> None:
        """Connect to the host that the client wants to reach, and forward bytes between the two."""
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                server = Stream(*await connect(request.host, request.port), self._limits)
        except (OSError, UnicodeError) as error:
            log.info("host unreachable", host=request.host, port=request.port, reason=str(error))
            await _answer(client, HTTPStatus.BAD_GATEWAY, f"{request.host}:{request.port} cannot be reached")
            return
        try:
            await _run_and_close(server, _exchange(client, server, request, self._read_first))
        except MalformedBody as error:
            await _answer(client, HTTPStatus.BAD_REQUEST, str(error))

    async def _read_first(self, client: Stream, request: ProxyRequest) -> bytes | None:
        """Read a client's first bytes in a tunnel. Return None if they name a Twilio host."""
        first, name = await read_client_hello(client.reader)
        if not name:
            first, name = await read_tunneled_head(client.reader, first)
        if host_role(name) is HostRole.OTHER:
            return first
        host = printable_host(name)
        address = f"{request.host}:{request.port}"
        message = f"TLS for {host} in a tunnel to {address} was refused. Send CONNECT {host}:{HTTPS_PORT} to the proxy."
        self._refused_requests.add(host=host, method="CONNECT", path="", message=message)
        return None

    async def _terminate(self, client: Stream, request: ProxyRequest) -> None:
        """Connect the client to this server, in place of the host that it wants to reach."""
        is_tls = request.is_tunnel and request.port != HTTP_PORT
        context = self._certificates.context_for(request.host) if is_tls else None
        client_end, server_end = socket.socketpair()
        serving = asyncio.create_task(
            asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._new_protocol(request.host),
                server_end,
                ssl=context,
                ssl_handshake_timeout=self._limits.handshake_seconds if context else None,
                ssl_shutdown_timeout=SHUTDOWN_GRACE_SECONDS if context else None,
            )
        )
        try:
            server = Stream(*await _open_streams(client_end), self._limits)
            await _run_and_close(server, _exchange(client, server, request))
        finally:
            await self._report_handshake(serving, request)

    async def _report_handshake(self, serving: "asyncio.Task[object]", request: ProxyRequest) -> None:
        """Log a failed TLS handshake, and add it to the refused requests if its host is not emulated."""
        [failure] = await asyncio.gather(serving, return_exceptions=True)
        if not isinstance(failure, OSError | ssl.SSLError):
            return
        log.warning(
            "TLS handshake failed",
            host=request.host,
            reason=str(failure),
            hint="does the client trust the authority? `ringback env` prints the settings for this",
        )
        if host_role(request.host) is HostRole.REFUSED:
            message = host_not_emulated(request.host, "CONNECT", f"{request.host}:{request.port}").message
            self._refused_requests.add(host=request.host, method="CONNECT", path="", message=message)


async def _read_request(reader: asyncio.StreamReader) -> ProxyRequest:
    """Read the head of a request, or the ClientHello of a client that was redirected here.

    Raises InvalidRequest, MisdirectedHandshake, and asyncio's errors of readers.
    """
    first = await reader.readexactly(1)
    if first != TLS_HANDSHAKE:
        return parse_head(first + await reader.readuntil(END_OF_HEAD))
    try:
        client_hello, host = await read_client_hello(reader, first)
    except ValueError as error:
        raise MisdirectedHandshake(str(error)) from error
    if host_role(host) is HostRole.OTHER or not is_valid_name(host):
        raise MisdirectedHandshake(
            f"{printable_host(host) or 'no host'} was requested, but without CONNECT only Twilio's hosts are served"
        )
    return ProxyRequest(host, HTTPS_PORT, client_hello=client_hello)


async def _open_streams(end: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open one end of a socket pair. On Windows its family is not Unix."""
    if end.family is socket.AF_INET:
        return await asyncio.open_connection(sock=end)
    return await asyncio.open_unix_connection(sock=end)


async def _exchange(
    client: Stream, server: Stream, request: ProxyRequest, read_first: TunnelFirstReader | None = None
) -> None:
    """Forward one request and its response, or the bytes of a tunnel."""
    if not request.is_tunnel:
        server.writer.write(request.head)
        is_chunked = request.body_bytes is None
        forward_body = partial(_forward_chunked, request.host) if is_chunked else sized_body(request.body_bytes or 0)
        await forward(client, server, forward_body=forward_body)
        return
    if request.client_hello:
        server.writer.write(request.client_hello)
    else:
        client.writer.write(ESTABLISHED)
    await forward(client, server, read_first=partial(read_first, client, request) if read_first else None)


async def _forward_chunked(
    host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle_timeout: IdleTimeout
) -> None:
    """Forward a chunked body. A malformed body for this server is forwarded unchanged, for the server to reject.

    Raises MalformedBody for another server, which might find a second request in the body (request smuggling).
    """
    try:
        await chunked_body(reader, writer, idle_timeout)
    except MalformedBody as error:
        log.info("malformed request body", host=host, reason=str(error))
        if host_role(host) is HostRole.OTHER:
            raise
        writer.write(error.received)
        await forward_remaining(reader, writer, idle_timeout)


async def _run_and_close(stream: Stream, work: Coroutine[Any, Any, None]) -> None:
    """Await `work`, then close a stream. A broken connection is not an error."""
    try:
        try:
            await work
        except OSError:
            pass
        except RuntimeError:  # raised by uvloop for a write to a connection that the client has reset
            if not stream.writer.transport.is_closing():
                raise
        stream.writer.close()
        async with asyncio.timeout(stream.limits.linger_seconds):
            await stream.writer.wait_closed()
    except (TimeoutError, OSError):
        pass
    finally:
        stream.writer.transport.abort()


async def _reject(client: Stream) -> None:
    await _answer(
        client, HTTPStatus.SERVICE_UNAVAILABLE, f"the proxy serves at most {client.limits.connections} clients"
    )


async def _answer(client: Stream, status: HTTPStatus, error: str) -> None:
    """Answer with an error, and keep reading for `linger_seconds`: an immediate close could reset the connection."""
    body = orjson.dumps({"error": error, "hint": "`ringback env` prints the settings for each client"})
    fields = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    client.writer.write("\r\n".join([*fields, "", ""]).encode() + body)
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(client.limits.linger_seconds):
            await client.writer.drain()
            client.writer.write_eof()
            while await client.reader.read(MAX_HEAD_BYTES):
                pass
