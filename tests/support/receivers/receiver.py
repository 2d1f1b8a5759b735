"""An HTTP server that receives StatusCallbacks and answers as the test specifies."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl

from support.waiting import PATIENCE_SECONDS


@dataclass(frozen=True)
class Received:
    """A received request. `target` is the path and query, `body` the raw bytes."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The parameters in the form body."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def query(self) -> dict[str, str]:
        """The parameters in the query."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    """A response of the receiver."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class CallbackReceiver:
    """A receiver on a free port of `host`. `answer` returns the response to each request.

    `answer` runs in the request's thread and may block, to simulate a slow receiver.
    """

    def __init__(self, answer: Callable[[Received], Answer] = lambda _: Answer(), *, host: str = "127.0.0.1") -> None:
        self.received: list[Received] = []
        self._answer = answer
        self._arrival = threading.Condition()
        self._server = ThreadingHTTPServer((host, 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://{host}:{self.port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _receive(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                received = Received(self.command, self.path, dict(self.headers.items()), self.rfile.read(length))
                receiver.add(received)
                answer = receiver.answer_to(received)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("Content-Length", str(len(answer.body)))
                with suppress(ConnectionError):  # in many tests the sender times out
                    self.end_headers()
                    self.wfile.write(answer.body)

            do_GET = do_POST = _receive  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Disable the log."""

        return Handler

    def add(self, received: Received) -> None:
        with self._arrival:
            self.received.append(received)
            self._arrival.notify_all()

    def answer_to(self, received: Received) -> Answer:
        return self._answer(received)

    def wait_for(
        self, count: int = 1, *, where: Callable[[Received], bool] = lambda _: True, seconds: float = PATIENCE_SECONDS
    ) -> list[Received]:
        """Return the first `count` requests that match `where`; fail after `seconds`."""

        def wanted() -> list[Received]:
            return [received for received in self.received if where(received)]

        with self._arrival:
            self._arrival.wait_for(lambda: len(wanted()) >= count, seconds)
            found = wanted()
        assert len(found) >= count, f"{len(found)} of {count} requests within {seconds} s"
        return found[:count]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
