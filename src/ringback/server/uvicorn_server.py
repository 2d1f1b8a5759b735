"""Serving the application: the listening sockets, and uvicorn's server."""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from ringback.config.addresses import base_url
from ringback.config.settings import ENVIRONMENT_PREFIX, Settings
from ringback.server.http_protocol import TwilioHttpProtocol
from ringback.supervision import Supervisor

if TYPE_CHECKING:  # the proxy is imported only for interception
    from ringback.proxy.listeners import Listener

STOP_SECONDS = 2
"""Grace period for requests in progress when the server stops."""
KEEP_ALIVE_SECONDS = 60
BACKLOG = 2048
PROXY, TLS = "proxy", "tls"
"""The names of the listening sockets for interception: the keywords of `make_listeners`, and fields of the log."""


class CannotListen(Exception):
    """The address is in use or not available; the message is for the user."""


def listen(host: str, port: int, option: str = "--port") -> socket.socket:
    """Open a listening socket. Raises CannotListen, whose one-line message names the `option` for another port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening_socket = socket.socket(family, socket.SOCK_STREAM)
    listening_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening_socket.bind((host, port))
        listening_socket.listen(BACKLOG)  # fails if another socket listens on the port, which uvloop would not report
    except OSError as error:
        listening_socket.close()
        raise CannotListen(_reason(host, port, option, error)) from error
    return listening_socket


def _reason(host: str, port: int, option: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        advice = f"Stop the other process or choose another port with {_option_or_variable(option)}."
        return f"port {port} is already in use on {host}. {advice}"
    if error.errno == errno.EACCES:
        return f"this user may not listen on port {port}. Choose a port from 1024 with {_option_or_variable(option)}."
    choice = _option_or_variable("--intercept-host" if option == "--intercept-port" else "--host")
    return (
        f"cannot listen on {host}:{port}: {error.strerror or error}. Choose an address of this machine with {choice}."
    )


def _option_or_variable(option: str) -> str:
    """Name an option and its environment variable, which `make serve` and containers use."""
    return f"{option} or {ENVIRONMENT_PREFIX}{option.removeprefix('--').replace('-', '_').upper()}"


def listen_to_intercept(settings: Settings) -> Iterator[tuple[str, socket.socket]]:
    """Open the enabled listening sockets for interception, each with its name. Raises CannotListen."""
    if settings.intercept:
        yield PROXY, listen(settings.intercept_host, settings.intercept_port, "--intercept-port")
    if settings.tls_port is not None:
        yield TLS, listen(settings.host, settings.tls_port, "--tls-port")


def url_of(listening_socket: socket.socket, name: str | None = None) -> str:
    """Return the URL at which a client on this machine reaches a socket. `name` is None for the API's socket."""
    url = base_url(*listening_socket.getsockname()[:2])
    return url.replace("http:", "https:", 1) if name == TLS else url


class _Server(uvicorn.Server):
    """uvicorn's server with additional listeners. Reports when clients can connect, and when it starts to stop."""

    def __init__(
        self,
        config: uvicorn.Config,
        on_serving: Callable[[], None],
        on_stopping: Callable[[], None],
        listeners: "Sequence[Listener]",
    ) -> None:
        super().__init__(config)
        self._on_serving = on_serving
        self._on_stopping = on_stopping
        self._listeners = listeners

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            for listener in self._listeners:
                await listener.start(self._new_protocol)
            self._on_serving()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in self._listeners:
            listener.stop_accepting()
        self._on_stopping()
        await super().shutdown(sockets)
        for listener in self._listeners:
            await listener.close()

    def stop(self) -> None:
        """Stop as SIGTERM does."""
        self.should_exit = True

    def _new_protocol(self, app: ASGIApp) -> asyncio.Protocol:
        protocol = TwilioHttpProtocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        protocol.app = app
        return protocol


def serve(
    app: FastAPI, listening_socket: socket.socket, on_serving: Callable[[], None], listeners: "Sequence[Listener]" = ()
) -> bool:
    """Serve until SIGTERM or Ctrl-C and finish the requests in progress; then uvicorn raises the signal again.

    Return False if the server stopped by itself because a background task failed too often.
    `on_serving` is called as soon as clients can connect, also to the `listeners`. Long polls are answered when the
    server stops.
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
    server = _Server(uvicorn.Config(app, **options), on_serving, end_waits, listeners)
    supervisor: Supervisor = app.state.supervisor
    supervisor.on_give_up = server.stop
    server.run(sockets=[listening_socket])
    return supervisor.given_up is None
