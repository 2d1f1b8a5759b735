"""A server that stops while requests are incomplete: each gets an error in the format of its API."""

import base64
import socket

from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess, caller_ids_path
from support.waiting import PATIENCE_SECONDS

CREDENTIALS = base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
FORM = f"Authorization: Basic {CREDENTIALS}\r\nContent-Type: application/x-www-form-urlencoded"
JSON = "Content-Type: application/json"


def send_part(server: ServerProcess, method: str, path: str, headers: str) -> socket.socket:
    """Send the head of a request and the first bytes of its body."""
    host, _, port = server.base_url.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS)
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n{headers}\r\n\r\n"
    connection.sendall(f"{head}Phone".encode())
    return connection


def read_all(connection: socket.socket) -> str:
    with connection, connection.makefile("rb") as file:
        return file.read().decode()


def test_incomplete_requests_get_503_when_the_server_stops() -> None:
    with ServerProcess() as server, server.client() as client:
        connections = [
            send_part(server, "POST", f"{caller_ids_path()}.json", FORM),
            send_part(server, "PUT", f"/_ringback/accounts/{ACCOUNT_SID}/clock", JSON),
        ]
        for _ in range(3):  # the server reads from its connections in turn
            client.get("/livez").raise_for_status()
        status = server.stop()
        answers = [read_all(connection) for connection in connections]

    assert status == 0
    assert [answer.partition("\r\n")[0] for answer in answers] == ["HTTP/1.1 503 Service Unavailable"] * 2
    assert '"code":20503' in answers[0].replace('": ', '":')
    assert all("the server is stopping; the request may have been carried out" in answer for answer in answers)
    assert not [line for line in server.log if "exception" in line]
