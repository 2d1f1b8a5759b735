"""Serving the application: the socket, uvicorn, and an answer to what is not HTTP."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ringback.api.edge import answer_headers, error_response
from ringback.domain.errors import malformed_request
from ringback.operations.identifiers import new_request_sid

STOP_SECONDS = 2
"""How long requests under way may take to end when the server stops."""
KEEP_ALIVE_SECONDS = 60
BACKLOG = 2048


class CannotListen(Exception):
    """The address is taken or is not ours; the message is for the user."""


class OneWriteTransport:
    """A transport that sends what is written in one turn of the event loop, an answer's head and body, in one piece.

    Some seed-era clients take what their first read brings for the whole answer.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pending: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._pending:
            self._loop.call_soon(self._flush)
        self._pending.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._pending and not self._transport.is_closing():
            self._transport.write(b"".join(self._pending))
        self._pending.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class TwilioHttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, whose one answer of its own is Twilio-shaped too."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = OneWriteTransport(transport, self.loop)  # type: ignore[assignment]

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are no HTTP request, and hang up."""
        response = error_response(malformed_request(msg), None)
        lines = [b"HTTP/1.1 400 Bad Request"]
        for name, value in [
            *self.server_state.default_headers,
            *response.raw_headers,
            *answer_headers(new_request_sid(), 0.0, len(self.tasks) + 1),
            (b"connection", b"close"),
        ]:
            lines.append(name + b": " + value)
        self.transport.write(b"\r\n".join([*lines, b"", bytes(response.body)]))
        self.transport.close()


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket. Raises CannotListen, in one line."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise CannotListen(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    return listener


def base_url(listener: socket.socket) -> str:
    """Return the URL at which a client on this machine reaches the socket."""
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it can be connected to."""

    def __init__(self, config: uvicorn.Config, on_serving: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_serving = on_serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_serving()


def serve(app: FastAPI, listener: socket.socket, on_serving: Callable[[], None]) -> None:
    """Serve until SIGTERM or Ctrl-C, and end what is under way; then leave with SystemExit, status 0.

    `on_serving` is called as soon as clients can connect.
    """
    options: dict[str, Any] = {
        "http": TwilioHttpProtocol,
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": STOP_SECONDS,
        "backlog": BACKLOG,
    }
    for wish in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wish, _leave)  # uvicorn raises the signal again when it has stopped: stopping is no failure
    _Server(uvicorn.Config(app, **options), on_serving).run(sockets=[listener])


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)
