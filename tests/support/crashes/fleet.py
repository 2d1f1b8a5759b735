"""Servers over one database, which end in the middle of their work and are started again."""

import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from support.servers.server import COMMAND, ServerProcess


class Fleet:
    """So many replicas over the database of the settings; `failures` are the exceptions that they logged."""

    def __init__(self, replicas: int, **settings: Any) -> None:
        self._settings = settings
        self._running: list[ServerProcess | None] = [None] * replicas
        self.ends = 0
        self.failures: list[dict[str, Any]] = []

    @property
    def urls(self) -> list[str]:
        """The base URLs of those that run."""
        return [server.base_url for server in self._running if server]

    @property
    def is_complete(self) -> bool:
        return all(self._running)

    def start(self) -> None:
        """Start those that do not run."""
        for index, server in enumerate(self._running):
            if server is None:
                self._running[index] = self._new_server().start()

    def kill(self, index: int) -> None:
        """End one as a crash would."""
        server = self._server(index)
        server.kill()
        self._has_ended(server)

    def kill_while_starting(self, after_seconds: float) -> None:
        """Start one more, by the command itself, and end it so soon that it may not have come to serve."""
        server = self._new_server(command=COMMAND)

        def crash_now() -> None:
            if server.process:
                server.process.kill()

        crash = threading.Timer(after_seconds, crash_now)
        crash.start()
        with suppress(AssertionError):  # it ended before it served
            server.start()
        crash.join()
        server.kill()
        self._has_ended(server)

    def stop(self, index: int) -> int:
        """End one by SIGTERM, and return its exit status."""
        server = self._server(index)
        status = server.stop()
        self._has_ended(server)
        return status

    def _new_server(self, command: list[str] | None = None) -> ServerProcess:
        return ServerProcess(covered=False, command=command, **self._settings)

    def _server(self, index: int) -> ServerProcess:
        server = self._running[index]
        assert server is not None
        return server

    def _has_ended(self, ended: ServerProcess) -> None:
        """Ask it no more, and note what it logged; until then it was asked, as nobody knows when a server ends."""
        self._running = [None if server is ended else server for server in self._running]
        self.ends += 1
        ended.wait_for_log(lambda line: line == {"event": "end of log"})
        self.failures += [line for line in ended.log if "exception" in line or "Traceback" in str(line["event"])]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for index, server in enumerate(self._running):
            if server:
                self.stop(index)
