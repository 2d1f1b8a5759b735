"""Passing bytes on in both directions, untouched, until it is over."""

import asyncio
import re
from contextlib import suppress
from typing import NamedTuple, Self

PIECE_BYTES = 64 * 1024
IDLE_SECONDS = 600.0
"""How long nothing may come in either direction: event streams and long polls say something every few minutes."""


END_OF_LINE, END_OF_HEAD = b"\r\n", b"\r\n\r\n"
CLOSING = b"Connection: close\r\n"
_INTERIM = re.compile(rb"HTTP/1\.[01] 1\d\d[ \r]")


class Stream(NamedTuple):
    """One end of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def relay(client: Stream, server: Stream, *, is_tunnel: bool, body_bytes: int | None) -> None:
    """Pass on what comes, until the server has said all.

    Of what the client sends only the first `body_bytes` are passed on, or all. What is no tunnel is one request, and
    its answer tells the client so. Whoever sends faster than the other side takes it has to wait.
    """
    async with _Patience() as patience:
        sending = asyncio.create_task(_send_on(client, server, body_bytes, patience))
        try:
            if not is_tunnel:
                await _copy_head(server.reader, client.writer)
            await _copy(server.reader, client.writer, patience)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


class _Patience:
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


async def _send_on(client: Stream, server: Stream, body_bytes: int | None, patience: _Patience) -> None:
    try:
        await _copy(client.reader, server.writer, patience, body_bytes)
        if body_bytes is None and server.writer.can_write_eof():
            server.writer.write_eof()
    except OSError:
        if client.reader.exception() is not None:  # else it is the server that takes no more: its answer may be here
            server.writer.transport.abort()


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: _Patience, limit: int | None = None
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
