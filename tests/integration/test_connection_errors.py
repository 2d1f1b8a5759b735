"""StatusCallback requests that fail: the journal, the event and the log give the reason."""

import errno
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import anyio
import httpx
import pytest
from structlog.testing import capture_logs

from ringback.callback_delivery import http_client as callback_client
from ringback.callback_delivery.connection_errors import connection_error
from ringback.callback_delivery.egress import Destination, EgressPolicy
from ringback.domain.retry_policy import DeliveryPolicy
from ringback.domain.urls import parse_url
from support.domain_values import ACCOUNT_SID
from support.hostile.receivers import Behavior, HostileReceiver, close, hang, reset, reset_during_response
from support.in_process.outbox import Outbox
from support.polling import until
from support.receivers.certificates import DAY, Authority
from support.receivers.receiver import CallbackReceiver
from support.receivers.tls import TlsReceiver

pytestmark = pytest.mark.anyio

HOST = "app.test"
CLASS_NAME = re.compile(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b|\b\w*(?:Error|Exception|Timeout)\b")
"""Matches names of Python exceptions."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the test's authority the only one that callbacks trust."""
    context = ssl.create_default_context(cafile=str(authority.file))
    monkeypatch.setattr(callback_client, "_ssl_context", lambda _: context)


async def error_of(outbox: Outbox, url: str) -> str:
    """Deliver a callback to `url`, and return the error, which must be the same in journal, event and log."""
    sid = outbox.enqueue(url)
    with capture_logs() as lines:
        async with outbox.sending():
            await until(lambda: any(line.get("outcome") == "failed" for line in lines))

    attempt = outbox.attempts(sid)[-1]
    event = outbox.simulation.unit_of_work.events.find(ACCOUNT_SID, after_id=0, limit=1000)[-1]
    error = attempt.error
    assert error is not None
    assert error == event.data["error"] == [line["error"] for line in lines if line["event"] == "callback"][-1]
    assert not CLASS_NAME.findall(error.replace("StatusCallback", ""))
    return error


def host_and_port(receiver: HostileReceiver) -> str:
    return receiver.url.removeprefix("http://")


def talking(data: bytes) -> Behavior:
    """Return the behavior of a receiver that sends `data` in response."""
    return lambda _, connection: connection.sendall(data)


async def test_closed_port_is_reported_as_a_refused_connection(outbox: Outbox) -> None:
    error = await error_of(outbox, "http://127.0.0.1:1/done#rc=0")

    assert error == ("connection refused by 127.0.0.1:1: nothing listens there. Start the receiver, or correct the URL")


async def test_refused_connection_is_reported_with_its_host_and_address(outbox: Outbox) -> None:
    outbox.egress = EgressPolicy.of([], {HOST: "127.0.0.1"})

    error = await error_of(outbox, f"http://{HOST}:1/done#rc=0")

    assert error.startswith(f"connection refused by {HOST}:1 (127.0.0.1): nothing listens there")


async def test_error_for_tls_to_a_plain_http_port_suggests_http(outbox: Outbox, receiver: CallbackReceiver) -> None:
    error = await error_of(outbox, receiver.url.replace("http://", "https://") + "/done#rc=0")

    port = receiver.url.rpartition(":")[2]
    assert error == f"127.0.0.1:{port} does not speak TLS: use http:// in the URL, or another port"


async def test_error_for_plain_http_to_a_tls_port_suggests_https(
    outbox: Outbox, authority: Authority, tmp_path: Path
) -> None:
    with TlsReceiver(authority.sign(tmp_path, HOST)) as receiver:
        error = await error_of(outbox, f"http://127.0.0.1:{receiver.port}/done#rc=0")

    assert "use https:// in the URL" in error


async def test_tls_alert_in_response_to_plain_http_suggests_https(outbox: Outbox) -> None:
    with HostileReceiver(talking(b"\x15\x03\x01\x00\x02\x02\x46")) as receiver:
        error = await error_of(outbox, f"{receiver.url}/done#rc=0")

    assert error == f"{host_and_port(receiver)} speaks TLS: use https:// in the URL"


async def test_certificate_from_an_unknown_authority_is_reported(
    outbox: Outbox, authority: Authority, tmp_path: Path
) -> None:
    outbox.egress = EgressPolicy.of([], {HOST: "127.0.0.1"})
    with TlsReceiver(authority.sign(tmp_path, HOST)) as receiver:
        error = await error_of(outbox, f"https://{HOST}:{receiver.port}/done#rc=0")

    assert error.startswith(f"the certificate of {HOST} is not trusted: its authority is unknown (")
    assert "callback_ca_file" in error


@pytest.mark.usefixtures("trusted")
async def test_expired_certificate_is_reported(outbox: Outbox, authority: Authority, tmp_path: Path) -> None:
    outbox.egress = EgressPolicy.of([], {HOST: "127.0.0.1"})
    certificate = authority.sign(tmp_path, HOST, valid_from=-3 * DAY, valid_until=-2 * DAY)
    with TlsReceiver(certificate) as receiver:
        error = await error_of(outbox, f"https://{HOST}:{receiver.port}/done#rc=0")

    assert error == f"the certificate of {HOST} has expired: renew it"


@pytest.mark.usefixtures("trusted")
async def test_certificate_that_is_not_yet_valid_is_reported(
    outbox: Outbox, authority: Authority, tmp_path: Path
) -> None:
    outbox.egress = EgressPolicy.of([], {HOST: "127.0.0.1"})
    certificate = authority.sign(tmp_path, HOST, valid_from=2 * DAY, valid_until=3 * DAY)
    with TlsReceiver(certificate) as receiver:
        error = await error_of(outbox, f"https://{HOST}:{receiver.port}/done#rc=0")

    assert error == f"the certificate of {HOST} is not valid yet: check this machine's clock"


@pytest.mark.usefixtures("trusted")
async def test_certificate_for_another_host_is_reported(outbox: Outbox, authority: Authority, tmp_path: Path) -> None:
    outbox.egress = EgressPolicy.of([], {HOST: "127.0.0.1"})
    with TlsReceiver(authority.sign(tmp_path, "other.test")) as receiver:
        error = await error_of(outbox, f"https://{HOST}:{receiver.port}/done#rc=0")

    assert error.startswith(f"the certificate of {HOST} is for another host name: ")


@pytest.mark.usefixtures("trusted")
async def test_certificate_without_the_ip_address_is_reported(
    outbox: Outbox, authority: Authority, tmp_path: Path
) -> None:
    with TlsReceiver(authority.sign(tmp_path, HOST)) as receiver:
        error = await error_of(outbox, f"https://127.0.0.1:{receiver.port}/done#rc=0")

    assert error.startswith("the certificate of 127.0.0.1 is for another host name: ")


async def test_unsupported_tls_version_is_reported(
    outbox: Outbox, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.create_default_context(cafile=str(authority.file))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    monkeypatch.setattr(callback_client, "_ssl_context", lambda _: context)
    outbox.egress = EgressPolicy.of([], {HOST: "127.0.0.1"})
    with TlsReceiver(authority.sign(tmp_path, HOST), minimum_version=ssl.TLSVersion.TLSv1_3) as receiver:
        error = await error_of(outbox, f"https://{HOST}:{receiver.port}/done#rc=0")

    assert error.startswith(f"the TLS handshake with {HOST}:{receiver.port} (127.0.0.1) failed: ")
    assert "protocol version" in error


async def test_silent_receiver_is_reported_as_a_read_timeout(outbox: Outbox) -> None:
    with HostileReceiver(hang) as receiver:
        error = await error_of(outbox, f"{receiver.url}/done#rc=0&rt=100")

    assert error == f"no answer from {host_and_port(receiver)} within 0.1 s"


async def test_receiver_slower_than_the_total_timeout_is_reported(outbox: Outbox) -> None:
    with HostileReceiver(hang) as receiver:
        error = await error_of(outbox, f"{receiver.url}/done#rc=0&tt=100")

    assert error == "no answer within 0.1 s in total"


async def test_incomplete_tls_handshake_is_reported(outbox: Outbox) -> None:
    with silent_listener() as port:
        error = await error_of(outbox, f"https://127.0.0.1:{port}/done#rc=0&ct=3000")

    assert error == f"127.0.0.1:{port} did not complete the TLS handshake within 3 s. Does it speak TLS?"


async def test_receiver_that_accepts_no_connection_is_reported_as_a_connect_timeout(outbox: Outbox) -> None:
    with full_listener() as port:
        error = await error_of(outbox, f"http://127.0.0.1:{port}/done#rc=0&ct=100")

    assert error == (
        f"no connection to 127.0.0.1:{port} within 0.1 s. Is the receiver running, and does a firewall let ringback "
        "reach it?"
    )


@pytest.mark.parametrize("behavior", [reset, close], ids=["reset", "close"])
async def test_connection_closed_before_a_response_is_reported(outbox: Outbox, behavior: Behavior) -> None:
    with HostileReceiver(behavior) as receiver:
        error = await error_of(outbox, f"{receiver.url}/done#rc=0")

    assert error.startswith(f"{host_and_port(receiver)} closed the connection before it answered")


@pytest.mark.parametrize(
    "behavior",
    [reset_during_response, talking(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123")],
    ids=["reset", "close"],
)
async def test_connection_closed_during_a_response_is_reported(outbox: Outbox, behavior: Behavior) -> None:
    with HostileReceiver(behavior) as receiver:
        error = await error_of(outbox, f"{receiver.url}/done#rc=0")

    assert error == f"{host_and_port(receiver)} closed the connection in the middle of its response"


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nBad\r\n\r\n"]
)
async def test_malformed_http_response_is_quoted(outbox: Outbox, answer: bytes) -> None:
    with HostileReceiver(talking(answer)) as receiver:
        error = await error_of(outbox, f"{receiver.url}/done#rc=0")

    assert (
        error
        == f"the response from {host_and_port(receiver)} is not valid HTTP. It starts with {answer[:40].decode()!r}"
    )


@pytest.mark.usefixtures("trusted")
async def test_connection_closed_during_the_handshake_is_reported(outbox: Outbox) -> None:
    with listener(lambda connection: connection.close()) as port:
        error = await error_of(outbox, f"https://127.0.0.1:{port}/done#rc=0")

    assert error.startswith(f"127.0.0.1:{port} closed the connection during the TLS handshake")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (socket.EAI_NONAME, "the host name nowhere.test cannot be resolved: Name or service not known. Check its "),
        (socket.EAI_AGAIN, "the name server did not answer for the host name nowhere.test. Check its "),
    ],
)
async def test_unknown_host_name_is_reported(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch, code: int, reason: str
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(code, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    error = await error_of(outbox, "http://nowhere.test/done#rc=0")

    assert error.startswith(reason)


async def test_unreachable_network_is_reported(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreachable(*_: object, **__: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(anyio, "connect_tcp", unreachable)

    error = await error_of(outbox, "http://127.0.0.1:1/done#rc=0")

    assert error == "no route to 127.0.0.1:1"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            httpx.LocalProtocolError("Illegal header value"),
            "the request to app.test:80 (127.0.0.1) cannot be sent: ",
        ),
        (httpx.ConnectError("odd"), "cannot connect to app.test:80 (127.0.0.1)"),
        (httpx.WriteTimeout(""), "no answer from app.test:80 (127.0.0.1) within 15 s"),
    ],
)
def test_rare_connection_error_is_reported(error: Exception, words: str) -> None:
    said = connection_error(
        error,
        parse_url("http://app.test/"),
        Destination("http", "app.test", 80),
        "127.0.0.1",
        DeliveryPolicy(),
        is_connected=False,
        response_start=b"",
    )

    assert said.startswith(words)


@contextmanager
def listener(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen on a free port, yield the port, and call `serve` with each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    serve(server.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@contextmanager
def silent_listener() -> Iterator[int]:
    """Accept connections without responding, and yield the port."""
    connections: list[socket.socket] = []
    with listener(connections.append) as port:
        yield port
    for connection in connections:
        connection.close()


@contextmanager
def full_listener() -> Iterator[int]:
    """Yield a port whose accept queue is full, so that the system drops further connections."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            client = stack.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex(server.getsockname())
        yield server.getsockname()[1]
