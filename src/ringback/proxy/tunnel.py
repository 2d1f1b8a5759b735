"""Passing bytes on in both directions, untouched, until it is over."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple, Self

PIECE_BYTES = 64 * 1024
IDLE_SECONDS = 600.0
"""How long nothing may come in either direction: event streams and long polls say something every few minutes."""


END_OF_LINE, END_OF_HEAD = b"\r\n", b"\r\n\r\n"
CLOSING = b"Connection: close\r\n"
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}(?=[ \t;\r])")
_INTERIM = re.compile(rb"HTTP/1\.[01] 1\d\d[ \r]")


class Stream(NamedTuple):
    """One end of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def relay(client: Stream, server: Stream, *, body: "Body | None" = None, begin: "Begin | None" = None) -> None:
    """Pass on what comes, until the server has said all.

    With a `body` it is one request: of what the client sends no more than that is passed on, and the answer tells the
    client so. Else it is a tunnel, whose `begin` reads what the client sends first; None ends it. Whoever sends faster
    than the other side takes it has to wait.
    """
    async with _IdleTimeout() as patience:
        sending = asyncio.create_task(_send_on(client, server, body, begin, patience))
        try:
            if body:
                await _copy_head(server.reader, client.writer)
            await _copy(server.reader, client.writer, patience)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


class _IdleTimeout:
    """Ends what is done within it when nothing has happened for IDLE_SECONDS; broken connections end it too."""

    def __init__(self) -> None:
        self._limit = asyncio.timeout(IDLE_SECONDS)

    async def __aenter__(self) -> Self:
        await self._limit.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        try:
            await self._limit.__aexit__(kind, error, None)
        except TimeoutError:
            return True
        return isinstance(error, OSError)

    def renew(self) -> None:
        self._limit.reschedule(asyncio.get_running_loop().time() + IDLE_SECONDS)


Body = Callable[[asyncio.StreamReader, asyncio.StreamWriter, _IdleTimeout], Awaitable[None]]
"""Passes on the body of a request, and no more."""


Begin = Callable[[], Awaitable[bytes | None]]


def first_bytes(count: int) -> Body:
    """Return what passes on a body of so many bytes."""
    return partial(_copy, limit=count)


async def whole_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: _IdleTimeout) -> None:
    """Pass on a chunked body. Raises ValueError, and asyncio's errors of readers, where it has no such form or end.

    Source: RFC 9112, 7.1.
    """
    size = -1
    while size:
        line = await reader.readuntil(END_OF_LINE)
        size = _chunk_bytes(line)
        writer.write(line)
        if size:
            await _copy(reader, writer, patience, size)
            if await reader.readexactly(len(END_OF_LINE)) != END_OF_LINE:
                raise ValueError("a chunk is longer than it says")
            writer.write(END_OF_LINE)
    while (line := await reader.readuntil(END_OF_LINE)) != END_OF_LINE:
        patience.renew()
        writer.write(line)
        await writer.drain()
    writer.write(END_OF_LINE)
    await writer.drain()


def _chunk_bytes(line: bytes) -> int:
    size = _CHUNK_SIZE.match(line)
    if size is None:
        raise ValueError("the length of a chunk is no number")
    return int(size[0], 16)


async def _send_on(
    client: Stream,
    server: Stream,
    body: Body | None,
    begin: Begin | None,
    patience: _IdleTimeout,
) -> None:
    try:
        if body:
            await body(client.reader, server.writer, patience)
            return
        first = await begin() if begin else b""
        if first is None:
            server.writer.transport.abort()
            return
        server.writer.write(first)
        await _copy(client.reader, server.writer, patience)
        if server.writer.can_write_eof():
            server.writer.write_eof()
    except (ValueError, EOFError, asyncio.LimitOverrunError):
        server.writer.transport.abort()
    except OSError:
        if client.reader.exception() is not None:  # else it is the server that takes no more: its answer may be here
            server.writer.transport.abort()


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: _IdleTimeout, limit: int | None = None
) -> None:
    left = limit
    while left is None or left > 0:
        piece = await reader.read(PIECE_BYTES if left is None else min(left, PIECE_BYTES))
        if not piece:
            return
        patience.renew()
        writer.write(piece)
        await writer.drain()
        left = None if left is None else left - len(piece)


async def _copy_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on the head of an answer, with the news that the connection ends with it: else it might be used again.

    What has no head that can be read is left to be passed on as it is.
    """
    with suppress(asyncio.LimitOverrunError):
        try:
            while _INTERIM.match(head := await reader.readuntil(END_OF_HEAD)):
                writer.write(head)
        except asyncio.IncompleteReadError as error:
            writer.write(error.partial)
            return
        status_line, _, fields = head.partition(END_OF_LINE)
        writer.write(status_line + END_OF_LINE + CLOSING + fields)
