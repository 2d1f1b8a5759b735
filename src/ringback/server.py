"""Serving the application: the socket, and uvicorn."""

import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from fastapi import FastAPI

from ringback.http_protocol import TwilioHttpProtocol
from ringback.settings import base_url

STOP_SECONDS = 2
"""How long requests under way may take to end when the server stops."""
KEEP_ALIVE_SECONDS = 60
BACKLOG = 2048


class CannotListen(Exception):
    """The address is taken or is not ours; the message is for the user."""


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


def url_of(listener: socket.socket) -> str:
    """Return the URL at which a client on this machine reaches the socket."""
    return base_url(*listener.getsockname()[:2])


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it can be connected to, and when it is about to stop."""

    def __init__(self, config: uvicorn.Config, on_serving: Callable[[], None], on_stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_serving = on_serving
        self._on_stopping = on_stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_serving()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_stopping()
        await super().shutdown(sockets)


def serve(app: FastAPI, listener: socket.socket, on_serving: Callable[[], None]) -> None:
    """Serve until SIGTERM or Ctrl-C, and end what is under way; then uvicorn raises the signal again.

    `on_serving` is called as soon as clients can connect. Requests that wait for something are answered at the stop.
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
    end_waits: Callable[[], None] = app.state.end_waits
    _Server(uvicorn.Config(app, **options), on_serving, end_waits).run(sockets=[listener])
