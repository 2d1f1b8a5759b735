"""The TLS listener, for networks in which api.twilio.com resolves to this machine."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from support.clients.interception import LIST, MESSAGES, InterceptingServer
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.xdist_group("interception-tls")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InterceptingServer]:
    with InterceptingServer(tmp_path_factory.mktemp("tls"), intercept=False) as running:
        yield running


@pytest.mark.parametrize("name", ["api.twilio.com", "api.dublin.ie1.twilio.com"])
def test_tls_listener_answers_under_twilio_host_names(server: InterceptingServer, name: str) -> None:
    answer = response_over_tls(server, name, LIST)

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b'"code":20003' in answer
    assert b"\r\nstrict-transport-security: max-age=31536000\r\n" in answer


def test_tls_listener_refuses_other_twilio_hosts_and_messages(server: InterceptingServer) -> None:
    other, message = (
        response_over_tls(server, "verify.twilio.com", "/v2"),
        response_over_tls(server, "api.twilio.com", MESSAGES),
    )

    assert b"verify.twilio.com is not emulated" in other
    assert (
        b"ringback emulates only caller IDs, their calls, accounts, owned numbers and tokens, and refused this GET"
        in message
    )
    assert {refused["host"] for refused in server.refused()[:2]} == {"verify.twilio.com", "api.twilio.com"}


def test_tls_listener_serves_ringback_pages_under_localhost(server: InterceptingServer) -> None:
    assert b'{"status":"ready"}' in response_over_tls(server, "localhost", "/readyz")


def test_tls_listener_answers_malformed_http(server: InterceptingServer) -> None:
    answer = response_over_tls(server, "api.twilio.com", "\x01")

    assert b"Bad Request" in answer
    assert b"\r\nstrict-transport-security: max-age=31536000\r\n" in answer


ODD_NAMES = {
    "escape sequence": b"\x1b[31m.twilio.com",
    "C1 control": b"a\xc2\x9b31m.twilio.com",
    "line feed": b"abcdefg\n.twilio.com",
    "Latin-1": b"abcdefg\xff.twilio.com",
    "NUL": b"api.twilio.com\0ab",
}


def test_invalid_server_names_are_refused_without_a_traceback(tmp_path: Path) -> None:
    with InterceptingServer(tmp_path) as server:
        with ExitStack() as stack:
            for connection in [
                stack.enter_context(connection_after_sending(address, client_hello(name)))
                for name in ODD_NAMES.values()
                for address in (server.proxy_address, server.tls_address)
            ]:
                with suppress(ConnectionError):
                    while connection.recv(65_536):
                        pass

        server.stop()

    refusals = [line["level"] for line in server.log if line.get("event") == "TLS handshake refused"]
    assert len(refusals) >= len(ODD_NAMES)
    assert set(refusals) == {"warning"}
    assert [line for line in server.log if line.get("level") in {"error", "critical"} or "exception" in line] == []


@contextmanager
def connection_after_sending(address: tuple[str, int], data: bytes) -> Iterator[socket.socket]:
    """Yield a connection on which `data` has been sent."""
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(data)
        yield connection


def client_hello(name: bytes) -> bytes:
    """Return a ClientHello with arbitrary bytes as its name."""
    placeholder = "a" * (len(name) - len(".test")) + ".test"
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=placeholder)
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read().replace(placeholder.encode(), name)


def response_over_tls(server: InterceptingServer, name: str, path: str) -> bytes:
    """Send a GET request over TLS, as in a network that resolves `name` to this server, and return the response."""
    context = ssl.create_default_context(cafile=server.trust / "authority.pem")
    with (
        socket.create_connection(server.tls_address, timeout=PATIENCE_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        secured.sendall(f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: secured.recv(65_536), b""))
