"""Serving the application: the socket, and uvicorn."""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from ringback.config.settings import ENVIRONMENT_PREFIX, Settings, base_url
from ringback.proxy.listener import PROXY, TLS, Listener
from ringback.server.http_protocol import TwilioHttpProtocol
from ringback.supervision import Supervisor

STOP_SECONDS = 2
"""How long requests under way may take to end when the server stops."""
KEEP_ALIVE_SECONDS = 60
BACKLOG = 2048


class CannotListen(Exception):
    """The address is taken or is not ours; the message is for the user."""


def listen(host: str, port: int, option: str = "--port") -> socket.socket:
    """Open the listening socket. Raises CannotListen, in one line, which names the `option` for another port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)  # a port that somebody else listens on shows only here, and uvloop would not tell
    except OSError as error:
        listener.close()
        raise CannotListen(_reason(host, port, option, error)) from error
    return listener


def _reason(host: str, port: int, option: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        advice = f"Stop the other process or choose another port with {_choice(option)}."
        return f"port {port} is already in use on {host}. {advice}"
    if error.errno == errno.EACCES:
        return f"this user may not listen on port {port}. Choose a port from 1024 with {_choice(option)}."
    choice = _choice("--intercept-host" if option == "--intercept-port" else "--host")
    return (
        f"cannot listen on {host}:{port}: {error.strerror or error}. Choose an address of this machine with {choice}."
    )


def _choice(option: str) -> str:
    """Name an option and its environment variable, which `make serve` and containers take."""
    return f"{option} or {ENVIRONMENT_PREFIX}{option.removeprefix('--').replace('-', '_').upper()}"


def listen_beside(settings: Settings) -> Iterator[tuple[str, socket.socket]]:
    """Open the sockets that the settings want besides: `proxy` and `tls`. Raises CannotListen."""
    if settings.intercept:
        yield PROXY, listen(settings.intercept_host, settings.intercept_port, "--intercept-port")
    if settings.tls_port is not None:
        yield TLS, listen(settings.host, settings.tls_port, "--tls-port")


def url_of(listener: socket.socket, door: str | None = None) -> str:
    """Return the URL at which a client on this machine reaches the socket, which may be that of a door."""
    url = base_url(*listener.getsockname()[:2])
    return url.replace("http:", "https:", 1) if door == TLS else url


class _Server(uvicorn.Server):
    """uvicorn's server, with other doors; it tells when it can be connected to, and when it is about to stop."""

    def __init__(
        self,
        config: uvicorn.Config,
        on_serving: Callable[[], None],
        on_stopping: Callable[[], None],
        doors: Sequence[Listener],
    ) -> None:
        super().__init__(config)
        self._on_serving = on_serving
        self._on_stopping = on_stopping
        self._doors = doors

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            for door in self._doors:
                await door.start(self._new_protocol)
            self._on_serving()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for door in self._doors:
            door.stop_accepting()
        self._on_stopping()
        await super().shutdown(sockets)
        for door in self._doors:
            await door.close()

    def stop(self) -> None:
        """Stop as SIGTERM does."""
        self.should_exit = True

    def _new_protocol(self, app: ASGIApp) -> asyncio.Protocol:
        protocol = TwilioHttpProtocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        protocol.app = app
        return protocol


def serve(
    app: FastAPI, listener: socket.socket, on_serving: Callable[[], None], doors: Sequence[Listener] = ()
) -> bool:
    """Serve until SIGTERM or Ctrl-C, and end what is under way; then uvicorn raises the signal again.

    Return False where it stopped by itself, because a background task failed too often.
    `on_serving` is called as soon as clients can connect, by the `doors` too. Requests that wait for something are
    answered at the stop.
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
    server = _Server(uvicorn.Config(app, **options), on_serving, end_waits, doors)
    supervisor: Supervisor = app.state.supervisor
    supervisor.on_give_up = server.stop
    server.run(sockets=[listener])
    return supervisor.given_up is None
