"""Clients that disconnect: the server must not log errors."""

import select
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.servers.server import ACCOUNT_SID, END_OF_LOG, ServerProcess, caller_ids_path
from support.waiting import OBSERVATION_SECONDS, PATIENCE_SECONDS

STREAMS = 50
LIST = f"{caller_ids_path()}.json"
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER value that makes closing a connection reset it."""

PROXIED = {
    "a tunnel to an emulated host": "CONNECT api.twilio.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a TLS handshake": "CONNECT api.twilio.com:443 HTTP/1.1\r\nHost: x\r\n\r\n\x16\x03\x01\x02\x00\x01",
    "a tunnel to another host": "CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a body": f"POST http://api.twilio.com{LIST} HTTP/1.1\r\nHost: api.twilio.com\r\nContent-Length: 50\r\n\r\nabc",
    "chunks": f"POST http://api.twilio.com{LIST} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz",
    "no request": "nonsense\r\n\r\n",
}
REQUESTS = {
    "a body": f"POST {LIST} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nabc",
    "a control body": "PUT /_ringback/snapshot HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{",
    "many requests": f"GET {LIST} HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50,
    "an event stream": f"GET /_ringback/accounts/{ACCOUNT_SID}/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a long poll": f"GET /_ringback/accounts/{ACCOUNT_SID}/events HTTP/1.1\r\nHost: localhost\r\n\r\n",
}

pytestmark = pytest.mark.slow


def errors(server: ServerProcess) -> list[dict[str, Any]]:
    """Stop the server, and return the errors in its log."""
    assert server.stop() == 0
    server.wait_for_log(lambda line: line == END_OF_LOG, PATIENCE_SECONDS)
    return [line for line in server.log if line.get("level") in ("error", "critical") or "exception" in line]


def test_event_streams_closed_by_clients_log_no_error() -> None:
    with ServerProcess(ring_seconds=0, key_seconds=0) as server, server.client() as client:
        for number in range(STREAMS):
            url = f"{server.base_url}/_ringback/accounts/{ACCOUNT_SID}/events/stream"
            with httpx.stream("GET", url, timeout=PATIENCE_SECONDS, trust_env=False) as stream:
                client.post(LIST, data={"PhoneNumber": f"+1415867{number:04d}"}).raise_for_status()
                next(line for line in stream.iter_lines() if line.startswith("data"))

        assert errors(server) == []


def disconnect(port: int, request: str, *, reads: bool, resets: bool) -> None:
    """Send a request, and close or reset the connection before or after reading the response."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as connection:
        connection.sendall(request.encode("latin-1"))
        if reads and select.select([connection], [], [], OBSERVATION_SECONDS)[0]:
            connection.recv(10)
        if resets:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def disconnect_in_every_way(port: int, requests: list[str]) -> None:
    for request in requests:
        for reads in (False, True):
            for resets in (False, True):
                for _ in range(5):
                    disconnect(port, request, reads=reads, resets=resets)


@pytest.mark.parametrize(
    ("port", "requests"),
    [
        (lambda line: line["base_url"], REQUESTS),
        (lambda line: line["proxy"], PROXIED),
        (lambda line: line["tls"], REQUESTS),
    ],
    ids=["plain", "proxy", "TLS"],
)
def test_clients_that_disconnect_at_any_point_cause_no_error_in_the_log(
    tmp_path: Path, port: Callable[[dict[str, Any]], str], requests: dict[str, str]
) -> None:
    with ServerProcess(intercept=True, intercept_port=0, tls_port=0, authority_folder=tmp_path) as server:
        serving = server.wait_for_log(lambda line: line["event"] == "serving")

        disconnect_in_every_way(port_of(port(serving)), list(requests.values()))

        with server.client() as client:
            assert client.get("/livez").is_success
        assert errors(server) == []
