"""StatusCallbacks for which the connection fails: they are retried once, and never sent to an untrusted receiver.

Rules: docs/fidelity.md, StatusCallback delivery.
"""

import socket
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from support.receivers.receiver import CallbackReceiver
from support.waiting import PATIENCE_SECONDS
from support.wire.api import Api

UNTRUSTED_CERTIFICATE = Path(__file__).parent / "untrusted.pem"


class UntrustedReceiver:
    """A TLS receiver on a free port with an untrusted certificate. It stores the data of each connection."""

    def __init__(self) -> None:
        self.told: list[bytes] = []
        self._arrival = threading.Condition()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(UNTRUSTED_CERTIFICATE)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._is_open = True
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if not self._is_open:
                connection.close()
                return
            connection.settimeout(PATIENCE_SECONDS)
            with connection:
                told = self._read(connection)
            with self._arrival:
                self.told.append(told)
                self._arrival.notify_all()

    def _read(self, connection: socket.socket) -> bytes:
        with self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as encrypted:
            try:
                encrypted.do_handshake()
                return encrypted.recv(1000)
            except OSError:
                return b""

    def wait_for(self, connections: int) -> None:
        with self._arrival:
            came = self._arrival.wait_for(lambda: len(self.told) >= connections, PATIENCE_SECONDS)
        assert came, f"{len(self.told)} of {connections} connections"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_open = False
        socket.create_connection(self._listener.getsockname()).close()
        self._thread.join(PATIENCE_SECONDS)
        self._listener.close()


@pytest.mark.parametrize(
    ("fragment", "connections"),
    [("", 2), ("#rc=0", 1), ("#rc=3", 4), ("#rc=3&rp=ct", 4), ("#rc=1&rp=all", 2), ("#rc=1&rp=5xx,rt", 1)],
)
def test_failed_callback_connection_is_retried_once_unless_the_url_fragment_overrides_it(
    api: Api, receiver: CallbackReceiver, fragment: str, connections: int
) -> None:
    with UntrustedReceiver() as untrusted:
        api.end_a_call(f"{untrusted.url}/done{fragment}")
        untrusted.wait_for(connections)
        api.end_a_call(f"{receiver.url}/last")
        receiver.wait_for(1)

        assert len(untrusted.told) == connections


def test_receiver_with_an_untrusted_certificate_gets_no_callback(api: Api) -> None:
    with UntrustedReceiver() as untrusted:
        api.end_a_call(f"{untrusted.url}/done")
        untrusted.wait_for(2)

    assert untrusted.told == [b"", b""]
