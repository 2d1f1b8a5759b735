"""A raw HTTP client that sends malformed requests and checks the responses strictly."""

import base64
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, caller_ids_path
from support.waiting import PATIENCE_SECONDS
from support.wire.api import check_answer
from support.wire.sockets import RawAnswer, parse_answer

VALID_CREDENTIALS = b"Authorization: Basic " + base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()) + b"\r\n"
HEAD = b"Host: x\r\n" + VALID_CREDENTIALS
FORM = HEAD.decode() + "Content-Type: application/x-www-form-urlencoded\r\n"
PATH = caller_ids_path().encode()
LIST = PATH + b".json"
INTERIM = 100
FIRST_ERROR = 400


@dataclass(frozen=True)
class Hostile:
    """Bytes to send over one connection, and the expected statuses: () if the server must close it without a response.

    `in_step` is false if the request's body is incomplete. `closes` is true if the request asks to close the
    connection.
    """

    name: str
    data: bytes
    statuses: tuple[int, ...]
    in_step: bool = True
    closes: bool = False


def request(method: bytes, target: bytes, fields: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    return method + b" " + target + b" " + version + b"\r\n" + fields + b"\r\n" + body


def get(target: bytes, fields: bytes = HEAD, *, method: bytes = b"GET", version: bytes = b"HTTP/1.1") -> bytes:
    return request(method, target, fields, version=version)


def form(body: bytes, target: bytes = LIST) -> bytes:
    return request(b"POST", target, FORM.encode() + b"Content-Length: %d\r\n" % len(body), body)


class HostileConnection:
    """A TCP connection that sends arbitrary bytes."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_SECONDS)
        self._received = b""

    def send(self, data: bytes) -> None:
        """Send data. It is not an error if the server closes the connection before it has read all of the data."""
        with suppress(ConnectionError):
            self._socket.sendall(data)

    def shut_down_sending(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def is_closed(self) -> bool:
        """Return whether the server closes the connection without sending anything more."""
        return not self._received and not self._receive()

    def read_answer(self) -> RawAnswer:
        """Return the next response. It must not belong to a HEAD request."""
        while b"\r\n\r\n" not in self._received:
            assert self._receive(), f"closed after {self._received[:200]!r}"
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        answer = parse_answer(head)
        length = int(answer.header("content-length") or 0)
        while len(self._received) < length:
            assert self._receive(), f"closed in the body after {head!r}"
        body, self._received = self._received[:length], self._received[length:]
        return RawAnswer(answer.status, answer.headers, body)

    def _receive(self) -> bool:
        try:
            data = self._socket.recv(1 << 16)
        except ConnectionResetError:
            return False
        self._received += data
        return bool(data)

    def close(self) -> None:
        self._socket.close()


@contextmanager
def connection(base_url: str) -> Iterator[HostileConnection]:
    opened = HostileConnection(base_url)
    try:
        yield opened
    finally:
        opened.close()


def check_twilio(answer: RawAnswer) -> None:
    """Check the format of a response of the Twilio API."""
    check_answer("GET", LIST.decode(), answer.status, answer.header("content-type"), answer.body)


def check_own(answer: RawAnswer) -> None:
    """Check the format of a response from outside the Twilio API, such as the control API: errors must have a hint."""
    if answer.status >= FIRST_ERROR:
        assert answer.header("content-type") == "application/json"
        error = json.loads(answer.body)
        assert set(error) == {"error", "hint"}
        assert all(error.values())


def play(base_url: str, hostile: Hostile, check: Callable[[RawAnswer], None] = check_twilio) -> None:
    """Send a hostile request, and check the statuses and formats of its responses and the state of the connection.

    A connection that stays open must be in step: the next request on it gets its own response.
    """
    with connection(base_url) as talk:
        talk.send(hostile.data)
        if not hostile.statuses:
            talk.shut_down_sending()
        answers = [talk.read_answer() for _ in hostile.statuses]
        assert tuple(answer.status for answer in answers) == hostile.statuses
        for answer in answers:
            if answer.status != INTERIM:
                check(answer)
        closes = not answers or answers[-1].header("connection") == "close"
        assert closes or not hostile.closes
        if closes:
            assert talk.is_closed()
        elif hostile.in_step:
            talk.send(get(LIST + b"?PageSize=1"))
            assert talk.read_answer().status == 200
