"""Servers on one database that are killed or stopped while they work, and started again."""

import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from support.servers.server import COMMAND, ServerProcess


class Fleet:
    """Replicas with the same settings and database. `failures` are the log lines with exceptions."""

    def __init__(self, replicas: int, **settings: Any) -> None:
        self._settings = settings
        self._running: list[ServerProcess | None] = [None] * replicas
        self.ends = 0
        self.failures: list[dict[str, Any]] = []

    @property
    def urls(self) -> list[str]:
        """The base URLs of the running servers."""
        return [server.base_url for server in self._running if server]

    @property
    def is_complete(self) -> bool:
        return all(self._running)

    def start(self) -> None:
        """Start the servers that are not running."""
        for index, server in enumerate(self._running):
            if server is None:
                self._running[index] = self._new_server().start()

    def kill(self, index: int) -> None:
        """Kill a server with SIGKILL."""
        server = self._server(index)
        server.kill()
        self._has_ended(server)

    def kill_while_starting(self, after_seconds: float) -> None:
        """Start another server with `ringback serve`, and kill it after `after_seconds`, possibly before it listens."""
        server = self._new_server(command=COMMAND)

        def crash_now() -> None:
            if server.process:
                server.process.kill()

        crash = threading.Timer(after_seconds, crash_now)
        crash.start()
        with suppress(AssertionError):  # killed before it listened
            server.start()
        crash.join()
        server.kill()
        self._has_ended(server)

    def stop(self, index: int) -> int:
        """Stop a server with SIGTERM, and return its exit status."""
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
        """Remove a server from the running ones, and collect the exceptions in its log.

        Until it is removed, clients keep sending requests to it, as real clients do when a server dies.
        """
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
