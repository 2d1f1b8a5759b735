"""Connections to ringback's HTTP protocol without a socket: requests in pieces of any size, and the responses."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from ringback.server.http_protocol import TwilioHttpProtocol
from support.waiting import PATIENCE_SECONDS

Request = tuple[str, str, bytes]


class RecordingTransport(asyncio.Transport):
    """A transport that records the written bytes. `looks` counts how often the protocol checks the write buffer.

    While `is_stuck`, the write buffer is never sent.
    """

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.has_ended = False
        self.is_aborted = False
        self.is_paused = False
        self.looks = 0
        self.is_stuck = False
        self.has_changed = asyncio.Event()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)
        self.has_changed.set()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.close()

    def close(self) -> None:
        self.has_ended = True
        self.has_changed.set()

    def abort(self) -> None:
        self.is_aborted = True
        self.close()

    def is_closing(self) -> bool:
        return self.has_ended

    def get_write_buffer_size(self) -> int:
        self.looks += 1
        self.has_changed.set()
        return len(self.written) if self.is_stuck else 0

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until a condition is true. It is checked after each write and close."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self.has_changed.clear()
                await self.has_changed.wait()

    async def until_checked(self) -> None:
        seen = self.looks
        await self.until(lambda: self.looks > seen)

    async def until_answered(self, answers: int) -> None:
        await self.until(lambda: self.written.count(b"HTTP/1.1 ") >= answers)


class Recorder:
    """An application that reads each request completely, records it in `requests`, and answers 200."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.headers: list[list[tuple[bytes, bytes]]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        self.requests.append((scope["method"], scope["path"], body))
        self.headers.append(list(scope["headers"]))
        await answer(send)


async def answer(send: Send) -> None:
    """Answer 200 with an empty body."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


@asynccontextmanager
async def connected(app: ASGIApp) -> AsyncIterator[tuple[TwilioHttpProtocol, RecordingTransport]]:
    """Yield a connection to an application, and close it afterwards."""
    config = uvicorn.Config(app, log_config=None, ws="none", lifespan="off")
    protocol = TwilioHttpProtocol(config, ServerState(), {})
    transport = RecordingTransport()
    protocol.connection_made(transport)
    yield protocol, transport
    protocol.connection_lost(ConnectionResetError())


async def converse(pieces: Sequence[bytes], answers: int) -> tuple[list[Request], RecordingTransport]:
    """Send bytes in pieces over one connection. Return the requests, and the transport after `answers` responses."""
    app = Recorder()
    async with connected(app) as (protocol, transport):
        for piece in pieces:
            protocol.data_received(piece)
        await transport.until_answered(answers)
    return app.requests, transport
