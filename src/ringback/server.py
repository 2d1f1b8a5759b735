"""Serving the application: the socket, uvicorn, and an answer to what is not HTTP."""

import signal
import socket
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ringback.api.edge import CONSTANT_HEADERS, error_response
from ringback.domain.errors import malformed_request

STOP_SECONDS = 2
"""How long requests under way may take to end when the server stops."""
KEEP_ALIVE_SECONDS = 60
BACKLOG = 2048


class CannotListen(Exception):
    """The address is taken or is not ours; the message is for the user."""


class TwilioHttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, whose one answer of its own is Twilio-shaped too."""

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are no HTTP request, and hang up."""
        response = error_response(malformed_request(msg), None)
        lines = [b"HTTP/1.1 400 Bad Request"]
        for name, value in [*response.raw_headers, *CONSTANT_HEADERS, (b"connection", b"close")]:
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


def serve(app: FastAPI, listener: socket.socket) -> None:
    """Serve until SIGTERM or Ctrl-C; returns when all that was under way has ended or was told to."""
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
        signal.signal(wish, _already_heeded)
    uvicorn.Server(uvicorn.Config(app, **options)).run(sockets=[listener])


def _already_heeded(_signal: int, _frame: FrameType | None) -> None:
    """Take the signal that uvicorn raises again after it has stopped: stopping on request is no failure."""
