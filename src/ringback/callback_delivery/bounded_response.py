"""Bounds what one receiver may say, and how much of the event loop's time it gets for that."""

import asyncio
import time
from typing import Any, Protocol

READ_AT_ONCE_BYTES = 512
"""What is read is parsed at once, without a pause for others: most answers' heads are no longer."""
MOST_READ_BYTES = 64 * 1024
"""How much is read of a connection, in all. 8 KiB are for the answer's body, see callback_client; the rest is for its
head, and for answers of status 1xx before it, which need not end ever."""
PARSING_SECONDS = 0.002
"""How long parsing what a receiver says may take together. Only what is made to take long takes longer: a hundred
answers of status 100, or fifty chunks of a byte."""
REST = 50
"""How many times as long as a further piece took to parse its connection rests, so that others have the event loop."""

_CONNECTED = frozenset({"connection.connect_tcp.complete", "connection.start_tls.complete"})
"""How httpcore calls the moments from which on a stream is read from."""
_SENDING = "http11.send_request_headers.started"


class ResponseTooLarge(Exception):
    """A receiver has said more than is listened to, and has not come to its answer's end."""


class _Stream(Protocol):
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes: ...  # noqa: ASYNC109 - httpcore's


class BoundedReading:
    """Watches one request's connection, through httpcore's extension `trace`.

    `is_connected` tells that a TCP connection was made, `is_sent` that something of the request may have been sent over
    it; `start` holds the first bytes of the answer.
    """

    def __init__(self) -> None:
        self.is_connected = False
        self.is_sent = False
        self.start = b""
        self._left = MOST_READ_BYTES
        self._read_at: float | None = None
        self._parsing_seconds = 0.0

    async def trace(self, event: str, details: dict[str, Any]) -> None:
        """Be told by httpcore what it does."""
        if event in _CONNECTED:
            self.is_connected = True
            self._bound(details["return_value"])
        elif event == _SENDING:
            self.is_sent = True

    def _bound(self, stream: _Stream) -> None:
        read = stream.read

        async def bounded(max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
            await self._rest()
            data = await read(min(max_bytes, READ_AT_ONCE_BYTES), timeout)
            self.start = self.start or data
            self._left -= len(data)
            if self._left < 0:
                raise ResponseTooLarge(f"it has not ended after {MOST_READ_BYTES} bytes")
            self._read_at = time.thread_time()
            return data

        stream.read = bounded  # type: ignore[method-assign]

    async def _rest(self) -> None:
        """Pause, if it took long to parse what was read: that was done between the last read and this one."""
        if self._read_at is None:
            return
        took = time.thread_time() - self._read_at
        self._parsing_seconds += took
        if self._parsing_seconds > PARSING_SECONDS:
            await asyncio.sleep(took * REST)
