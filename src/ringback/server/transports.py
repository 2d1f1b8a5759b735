"""The transport and flow control of uvicorn's HTTP protocol: one write per response, and limited pipelining."""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl

LINGER_SECONDS = 2
"""How long a rejected client may keep sending. An immediate close could reset the connection and lose the response."""


class OneWriteTransport:
    """A transport that combines all writes of one event loop iteration, such as head and body, into one.

    Some clients from Twilio's early years treat the result of their first read as the whole response.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pending: list[bytes] = []
        self._has_ended = False

    def write(self, data: bytes) -> None:
        if not self._pending:
            self._loop.call_soon(self._flush)
        self._pending.append(data)

    def close(self) -> None:
        """Close after sending all earlier writes. Later writes are discarded."""
        self._flush()
        self._transport.close()

    def end(self) -> None:
        """Stop sending, and close as soon as the client does, or after LINGER_SECONDS."""
        self._flush()
        self._has_ended = True
        if self._transport.can_write_eof():  # not with TLS
            self._transport.write_eof()
        self._loop.call_later(LINGER_SECONDS, self._transport.close)

    def is_closing(self) -> bool:
        return self._has_ended or self._transport.is_closing()

    def _flush(self) -> None:
        if self._pending and not self.is_closing():
            self._transport.write(b"".join(self._pending))
        self._pending.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class PipelineFlowControl(FlowControl):
    """uvicorn's flow control, which does not resume reading while parsed requests wait for their turn.

    Otherwise each response would let more requests in, and a client that sends requests faster than they are answered
    would exhaust the memory.
    """

    def __init__(self, transport: asyncio.Transport, is_backlogged: Callable[[], bool]) -> None:
        super().__init__(transport)
        self._is_backlogged = is_backlogged

    def release_protocol(self) -> None:
        """Drop the reference to the protocol, so that a lost connection is freed without the garbage collector."""
        self._is_backlogged = bool

    def resume_reading(self) -> None:
        if self.read_paused and not self._is_backlogged():
            super().resume_reading()
