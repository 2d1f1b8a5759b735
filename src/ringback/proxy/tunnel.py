"""Forwarding bytes between a client and a server in both directions, unmodified, until the connection ends."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple, Self

PIECE_BYTES = 64 * 1024
END_OF_LINE, END_OF_HEAD = b"\r\n", b"\r\n\r\n"
CONNECTION_CLOSE = b"Connection: close\r\n"
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}(?=[ \t;\r])")
_CONNECTION_FIELDS = re.compile(rb"^(?:connection|keep-alive)[ \t]*:.*\n(?:[ \t].*\n)*", re.IGNORECASE | re.MULTILINE)
_INTERIM_RESPONSE = re.compile(rb"HTTP/1\.[01] 1\d\d[ \r]")


class ProxyLimits(NamedTuple):
    """Time limits for connections, in seconds, and the number of connections.

    Both directions of a tunnel may be silent for `idle_seconds`: event streams and long polls send something every few
    minutes. Each connection takes up to three file descriptors, of which a process often has only 1,024.
    """

    head_seconds: float = 10.0
    connect_seconds: float = 10.0
    handshake_seconds: float = 10.0
    idle_seconds: float = 600.0
    linger_seconds: float = 1.0
    connections: int = 250


class Stream(NamedTuple):
    """One end of a connection, and the limits that apply to it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    limits: ProxyLimits


class MalformedBody(Exception):
    """A chunked body is malformed. `received` has the bytes that were read last and not forwarded."""

    def __init__(self, reason: str, received: bytes = b"") -> None:
        super().__init__(reason)
        self.received = received


async def forward(
    client: Stream,
    server: Stream,
    *,
    forward_body: "BodyForwarder | None" = None,
    read_first: "FirstReader | None" = None,
) -> None:
    """Forward bytes in both directions until the server closes its side.

    With `forward_body` the connection serves a single request: nothing that follows its body is forwarded, and the
    response has `Connection: close`. Without `forward_body` the connection is a tunnel. `read_first` returns the
    client's first bytes, or None to end the tunnel. A sender that is faster than the receiver must wait (backpressure).
    Raises MalformedBody if no response has begun, so that the caller can still send an error.
    """
    async with IdleTimeout(client.limits.idle_seconds) as idle_timeout:
        sending = asyncio.create_task(_forward_to_server(client, server, forward_body, read_first, idle_timeout))
        has_response = False
        try:
            if forward_body:
                has_response = await _copy_response_head(server.reader, client.writer)
            await _copy(server.reader, client.writer, idle_timeout)
        finally:
            sending.cancel()
            [outcome] = await asyncio.gather(sending, return_exceptions=True)
        if isinstance(outcome, MalformedBody) and not has_response:
            raise outcome


class IdleTimeout:
    """A context that ends after some seconds without a call to `renew`, or when a connection breaks."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timeout = asyncio.timeout(seconds)

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        try:
            await self._timeout.__aexit__(kind, error, None)
        except TimeoutError:
            return True
        return isinstance(error, OSError)

    def renew(self) -> None:
        self._timeout.reschedule(asyncio.get_running_loop().time() + self._seconds)


BodyForwarder = Callable[[asyncio.StreamReader, asyncio.StreamWriter, IdleTimeout], Awaitable[None]]
"""Forwards the body of one request, and nothing that follows it."""
FirstReader = Callable[[], Awaitable[bytes | None]]


def sized_body(body_bytes: int) -> BodyForwarder:
    """Return the forwarder for a body of this length."""
    return partial(_copy, limit=body_bytes)


async def chunked_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle_timeout: IdleTimeout) -> None:
    """Forward a chunked body. Raises MalformedBody, and EOFError for an incomplete body.

    Source: RFC 9112, 7.1.
    """
    size = -1
    while size:
        line = await _read_line(reader)
        size = _chunk_bytes(line)
        writer.write(line)
        if size:
            await _copy(reader, writer, idle_timeout, size)
            if (end := await reader.readexactly(len(END_OF_LINE))) != END_OF_LINE:
                raise MalformedBody("a chunk is longer than its stated size", end)
            writer.write(END_OF_LINE)
    while (line := await _read_line(reader)) != END_OF_LINE:
        idle_timeout.renew()
        writer.write(line)
        await writer.drain()
    writer.write(END_OF_LINE)
    await writer.drain()


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    """Read until a line feed: waiting for CRLF could block if the carriage return is missing."""
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError as error:
        raise MalformedBody("a line of the chunked body is too long") from error
    if not line.endswith(END_OF_LINE):
        raise MalformedBody("a line of the chunked body does not end with CRLF", line)
    return line


def _chunk_bytes(line: bytes) -> int:
    size = _CHUNK_SIZE.match(line)
    if size is None:
        raise MalformedBody("the size of a chunk is not a number", line)
    return int(size[0], 16)


async def forward_remaining(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle_timeout: IdleTimeout
) -> None:
    """Forward all bytes up to EOF, and then the EOF itself."""
    await _copy(reader, writer, idle_timeout)
    if writer.can_write_eof():
        writer.write_eof()


async def _forward_to_server(
    client: Stream,
    server: Stream,
    forward_body: BodyForwarder | None,
    read_first: FirstReader | None,
    idle_timeout: IdleTimeout,
) -> None:
    try:
        if forward_body:
            await forward_body(client.reader, server.writer, idle_timeout)
            return
        first = await read_first() if read_first else b""
        if first is None:
            server.writer.transport.abort()
            return
        server.writer.write(first)
        await forward_remaining(client.reader, server.writer, idle_timeout)
    except MalformedBody:
        server.writer.transport.abort()
        raise
    except (ValueError, EOFError):
        server.writer.transport.abort()
    except OSError:
        if client.reader.exception() is not None:  # otherwise the server has stopped reading, but may still respond
            server.writer.transport.abort()


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle_timeout: IdleTimeout, limit: int | None = None
) -> None:
    remaining = limit
    while remaining is None or remaining > 0:
        piece = await reader.read(PIECE_BYTES if remaining is None else min(remaining, PIECE_BYTES))
        if not piece:
            return
        idle_timeout.renew()
        writer.write(piece)
        await writer.drain()
        remaining = None if remaining is None else remaining - len(piece)


async def _copy_response_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Forward the head of a response with `Connection: close`; otherwise the client could reuse the connection.

    Leave a head that is too long for the caller to forward unmodified. Return whether a final response has begun.
    """
    with suppress(asyncio.LimitOverrunError):
        try:
            while _INTERIM_RESPONSE.match(head := await reader.readuntil(END_OF_HEAD)):
                writer.write(head)
        except asyncio.IncompleteReadError as error:
            writer.write(error.partial)
            return bool(error.partial)
        status_line, _, fields = head.partition(END_OF_LINE)
        writer.write(status_line + END_OF_LINE + CONNECTION_CLOSE + _CONNECTION_FIELDS.sub(b"", fields))
    return True
