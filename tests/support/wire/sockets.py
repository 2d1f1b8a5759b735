"""Raw HTTP over a socket, for requests and responses that HTTP clients cannot send or show."""

import base64
import re
import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from support.waiting import PATIENCE_SECONDS
from support.wire.api import Api, ErrorBody, check_answer, read_error


@dataclass(frozen=True)
class RawAnswer:
    """A response. Its header names are in order and in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the value of a header that may occur once, or None."""
        values = [value for key, value in self.headers if key == name.lower()]
        assert len(values) <= 1, f"{name} occurs {len(values)} times"
        return values[0] if values else None

    @property
    def error(self) -> ErrorBody:
        return read_error(self.status, self.header("content-type"), self.body)


def parse_answer(head: bytes, body: bytes = b"") -> RawAnswer:
    """Parse the head of a response, without the empty line at its end."""
    status_line, *lines = head.decode("latin-1").split("\r\n")
    version, status, *_ = status_line.split(" ")
    assert version == "HTTP/1.1"
    fields = [line.partition(":") for line in lines]
    return RawAnswer(int(status), [(name.lower(), value.strip()) for name, _, value in fields], body)


class RawConnection:
    """A TCP connection to the server of `api`, which uses the same credentials."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._socket = socket.create_connection(api.address, timeout=PATIENCE_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def request_bytes(
        self, method: str, target: str, body: bytes | None = None, *, authenticated: bool = True, **headers: Any
    ) -> bytes:
        """Return a request as bytes. ``_`` in the names of headers stands for ``-``."""
        fields = {"Host": "api.twilio.com"}
        if authenticated:
            credentials = f"{self._api.account_sid}:{self._api.auth_token}"
            fields["Authorization"] = f"Basic {base64.b64encode(credentials.encode()).decode()}"
        if body is not None:
            fields |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1") + (body or b"")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive_once(self) -> bytes:
        """Return the bytes of one read from the socket."""
        return self._socket.recv(65_536)

    def is_closed(self) -> bool:
        """Return whether the server closes the connection without sending anything more."""
        return not self._received and self.receive_once() == b""

    def read_answer(self, method: str = "GET") -> RawAnswer:
        """Return the next response. `method` is that of its request."""
        while b"\r\n\r\n" not in self._received:
            self._receive_more()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        answer = parse_answer(head)
        length = 0 if method == "HEAD" else int(answer.header("content-length") or 0)
        while len(self._received) < length:
            self._receive_more()
        body, self._received = self._received[:length], self._received[length:]
        return RawAnswer(answer.status, answer.headers, body)

    def _receive_more(self) -> None:
        more = self.receive_once()
        assert more, f"the connection was closed after {self._received[:200]!r}"
        self._received += more

    def ask(
        self, method: str, target: str, body: bytes | None = None, *, authenticated: bool = True, **headers: Any
    ) -> RawAnswer:
        """Send a request, and return its response after checking its format."""
        self.send(self.request_bytes(method, target, body, authenticated=authenticated, **headers))
        answer = self.read_answer(method)
        path = re.sub(r"\Ahttp://[^/]*", "", target)
        check_answer(method, path, answer.status, answer.header("content-type"), answer.body)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()
