"""What stands between uvicorn's HTTP protocol and a connection: how answers are written, and when is read on."""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl

LINGER_SECONDS = 2
"""How long a refused client may go on sending: closed at once, the connection would be reset, and the answer lost."""


class OneWriteTransport:
    """A transport that sends what is written in one turn of the event loop, an answer's head and body, in one piece.

    Some seed-era clients take what their first read brings for the whole answer.
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
        """Close once what was written before is sent; what is written from now on goes nowhere."""
        self._flush()
        self._transport.close()

    def end(self) -> None:
        """Close as soon as the other side does, or after LINGER_SECONDS; nothing more is sent."""
        self._flush()
        self._has_ended = True
        if self._transport.can_write_eof():  # TLS has no such end
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
    """uvicorn's flow control, which does not read on while requests that were read wait for their turn.

    Else each answer would let more of them in, and a client that sends faster than it is answered fill the memory.
    """

    def __init__(self, transport: asyncio.Transport, has_enough: Callable[[], bool]) -> None:
        super().__init__(transport)
        self._is_backlogged = has_enough

    def let_go(self) -> None:
        """Forget who has enough, so that what a lost connection holds, megabytes at times, waits for no collector."""
        self._is_backlogged = bool

    def resume_reading(self) -> None:
        if self.read_paused and not self._is_backlogged():
            super().resume_reading()
