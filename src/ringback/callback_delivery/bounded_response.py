"""Limits on the response of one receiver: its size, and the event loop's time spent on parsing it."""

import asyncio
import time
from typing import Any, Protocol

READ_CHUNK_BYTES = 512
"""A chunk is parsed without yielding to other tasks. The head of most responses fits into one."""
MAX_RESPONSE_BYTES = 64 * 1024
"""Limit on all that is read of a connection: 8 KiB for the body that is kept (see `http_client`), the rest for the head
and for 1xx responses before it, of which a hostile receiver sends any number."""
PARSING_BUDGET_SECONDS = 0.002
"""Time to parse one response without pauses. Only hostile responses need more: a hundred 1xx responses, or fifty
chunks of one byte."""
PAUSE_FACTOR = 50
"""Beyond the budget, the connection pauses for this multiple of its last parsing time."""

_CONNECTED = frozenset({"connection.connect_tcp.complete", "connection.start_tls.complete"})
"""Events of httpcore after which a connection has a new stream."""
_SENDING = "http11.send_request_headers.started"


class ResponseTooLarge(Exception):
    """A response exceeds MAX_RESPONSE_BYTES."""


class _Stream(Protocol):
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes: ...  # noqa: ASYNC109 - httpcore's


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
        """Receive an event of httpcore."""
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
                raise ResponseTooLarge(f"it has not ended after {MAX_RESPONSE_BYTES} bytes")
            self._read_at = time.thread_time()
            return data

        stream.read = limited_read  # type: ignore[method-assign]

    async def _yield_after_parsing(self) -> None:
        """Pause if the response has used up its parsing time. It is parsed between two reads."""
        if self._read_at is None:
            return
        parsing_seconds = time.thread_time() - self._read_at
        self._parsing_seconds += parsing_seconds
        if self._parsing_seconds > PARSING_BUDGET_SECONDS:
            await asyncio.sleep(parsing_seconds * PAUSE_FACTOR)
