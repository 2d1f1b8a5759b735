"""A raw client of the proxy, and an origin server, for tests without an application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest

from ringback.proxy.tunnel import ProxyLimits
from support.waiting import PATIENCE_SECONDS

SHORT_SECONDS = 0.2
"""A time limit of the proxy that a test waits for."""
LONG = 2 * PATIENCE_SECONDS
LONG_LIMITS = ProxyLimits(
    head_seconds=LONG, connect_seconds=LONG, handshake_seconds=LONG, idle_seconds=LONG, linger_seconds=LONG
)
"""Time limits that are longer than any wait in a test."""
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


def limited(**limits: Any) -> pytest.MarkDecorator:
    """Return a mark that runs a test with a proxy that has these limits, and long ones otherwise."""
    return pytest.mark.parametrize("proxy_limits", [LONG_LIMITS._replace(**limits)], ids=[", ".join(limits)])


def connect(target: str) -> bytes:
    """Return the head of a CONNECT request for `host:port`."""
    return f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode()


async def conversation(address: tuple[str, int], *pieces: bytes, ends: bool = False) -> bytes:
    """Send bytes in pieces, and return everything received until the proxy closes the connection."""
    reader, writer = await asyncio.open_connection(*address)
    with closing(writer):
        for piece in pieces:
            writer.write(piece)
        if ends:
            writer.write_eof()
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await reader.read()


@asynccontextmanager
async def origin(got: bytearray, end: bytes, answer: bytes = NO_CONTENT) -> AsyncIterator[int]:
    """Serve on a free port, and yield the port.

    Append received bytes to `got`, and send `answer` when they end with `end`.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            while not got.endswith(end) and (piece := await reader.read(1000)):
                got.extend(piece)
            writer.write(answer)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
