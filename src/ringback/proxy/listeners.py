"""The doors beside the plain one, by which requests come in that were meant for Twilio: the proxy, and TLS."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from fastapi import FastAPI

from ringback.domain.timestamps import Timestamp
from ringback.domain.twilio_hosts import EMULATED_HOST
from ringback.proxy.certificate_authority import open_authority
from ringback.proxy.host_filter import TwilioHostFilter
from ringback.proxy.listener import PROXY, TLS, CertificateAuthorityUnavailable, DoorsOf, Listener, NewProtocol
from ringback.proxy.proxy import HANDSHAKE_SECONDS, SHUTDOWN_GRACE_SECONDS, Proxy
from ringback.proxy.tls_contexts import Certificates


class ProxyDoor:
    """The proxy, whose way to Twilio's hosts ends at the application."""

    def __init__(self, app: FastAPI, listener: socket.socket, certificates: Certificates) -> None:
        self._app = app
        self._proxy = Proxy(listener, certificates, app.state.refusals)

    async def start(self, new_protocol: NewProtocol) -> None:
        await self._proxy.start(lambda host: new_protocol(TwilioHostFilter(self._app, self._app.state.refusals, host)))

    def stop_accepting(self) -> None:
        self._proxy.stop_accepting()

    async def close(self) -> None:
        await self._proxy.close()


class TlsDoor:
    """The application by TLS; those whom a network leads here under Twilio's names are shown these."""

    def __init__(self, app: FastAPI, listener: socket.socket, certificates: Certificates) -> None:
        self._gate = TwilioHostFilter(app, app.state.refusals)
        self._listener = listener
        self._context = certificates.context_by_name()

    async def start(self, new_protocol: NewProtocol) -> None:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: new_protocol(self._gate),
            sock=self._listener,
            ssl=self._context,
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
            ssl_shutdown_timeout=SHUTDOWN_GRACE_SECONDS,
        )

    def stop_accepting(self) -> None:
        self._server.close()

    async def close(self) -> None:
        """Nothing is left: the server ends the connections with its own."""


KINDS: Mapping[str, Callable[[FastAPI, socket.socket, Certificates], Listener]] = {PROXY: ProxyDoor, TLS: TlsDoor}


def make_listeners(listeners: Mapping[str, socket.socket], folder: Path, now: Callable[[], Timestamp]) -> DoorsOf:
    """Return what makes an application's doors for these listening sockets, with the authority kept in `folder`.

    Raises AuthorityUnavailable, a message for the user.
    """
    certificates = Certificates(open_authority(folder, now()), now)
    try:
        certificates.context_for(EMULATED_HOST)
    except OSError as error:  # it is of no use to find out when somebody asks
        raise CertificateAuthorityUnavailable(f"no certificate can be put into a temporary folder: {error}") from error

    def make(app: FastAPI) -> list[Listener]:
        return [KINDS[name](app, listener, certificates) for name, listener in listeners.items()]

    return make
