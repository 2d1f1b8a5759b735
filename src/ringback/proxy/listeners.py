"""The listeners for intercepted requests: the proxy, and TLS under Twilio's host names."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from fastapi import FastAPI
from starlette.types import ASGIApp

from ringback.domain.timestamps import Timestamp
from ringback.domain.twilio_hosts import EMULATED_HOST
from ringback.proxy.certificate_authority import open_authority
from ringback.proxy.file_permissions import CertificateAuthorityUnavailable
from ringback.proxy.host_filter import TwilioHostFilter
from ringback.proxy.proxy import Proxy
from ringback.proxy.tls_contexts import HANDSHAKE_SECONDS, SHUTDOWN_GRACE_SECONDS, Certificates

NewProtocol = Callable[[ASGIApp], asyncio.Protocol]
"""Creates the protocol that serves one connection for an application."""


class Listener(Protocol):
    """A listening socket in addition to the server's own, from `start` to `close`."""

    async def start(self, new_protocol: NewProtocol) -> None:
        """Accept connections."""

    def stop_accepting(self) -> None:
        """Stop accepting connections. Open connections stay open."""

    async def close(self) -> None:
        """Close the open connections."""


class ProxyListener:
    """The listener of the proxy. The application answers the requests for Twilio's hosts."""

    def __init__(self, app: FastAPI, listening_socket: socket.socket, certificates: Certificates) -> None:
        self._app = app
        self._proxy = Proxy(listening_socket, certificates, app.state.refused_requests)

    async def start(self, new_protocol: NewProtocol) -> None:
        await self._proxy.start(
            lambda host: new_protocol(TwilioHostFilter(self._app, self._app.state.refused_requests, host))
        )

    def stop_accepting(self) -> None:
        self._proxy.stop_accepting()

    async def close(self) -> None:
        await self._proxy.close()


class TlsListener:
    """The application over TLS, for networks in which Twilio's host names resolve to this machine."""

    def __init__(self, app: FastAPI, listening_socket: socket.socket, certificates: Certificates) -> None:
        self._host_filter = TwilioHostFilter(app, app.state.refused_requests)
        self._socket = listening_socket
        self._context = certificates.context_by_name()

    async def start(self, new_protocol: NewProtocol) -> None:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: new_protocol(self._host_filter),
            sock=self._socket,
            ssl=self._context,
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
            ssl_shutdown_timeout=SHUTDOWN_GRACE_SECONDS,
        )

    def stop_accepting(self) -> None:
        self._server.close()

    async def close(self) -> None:
        """Do nothing: the server closes these connections together with its own."""


def open_certificates(folder: Path, now: Callable[[], Timestamp]) -> Certificates:
    """Open the certificate authority in `folder`, or create it. `now` returns the machine's time.

    Raises CertificateAuthorityUnavailable, also if the temporary files that TLS needs cannot be written.
    """
    certificates = Certificates(open_authority(folder, now()), now)
    try:
        certificates.context_for(EMULATED_HOST)  # fail at startup, not at the first request
    except OSError as error:
        raise CertificateAuthorityUnavailable(
            f"cannot write a certificate to a temporary folder: {error}. Set TMPDIR to a folder that can be written to."
        ) from error
    return certificates


def make_listeners(
    app: FastAPI,
    certificates: Certificates,
    *,
    proxy: socket.socket | None = None,
    tls: socket.socket | None = None,
) -> list[Listener]:
    """Return a listener for each listening socket that is given."""
    listeners: list[Listener] = []
    if proxy is not None:
        listeners.append(ProxyListener(app, proxy, certificates))
    if tls is not None:
        listeners.append(TlsListener(app, tls, certificates))
    return listeners
