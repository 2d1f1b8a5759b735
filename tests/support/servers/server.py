"""A real ringback process on a free port."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from support.servers.template_process import ForkedServer
from support.waiting import PATIENCE_SECONDS

ACCOUNT_SID = "AC00000000000000000000000000000001"
AUTH_TOKEN = "feedfacefeedfacefeedfacefeedface"
COMMAND = [sys.executable, "-m", "ringback", "serve"]
START_SECONDS = 2 * PATIENCE_SECONDS
STOP_SECONDS = PATIENCE_SECONDS
END_OF_LOG = {"event": "end of log"}
_RINGBACK_WITH = """
import importlib, json, sys
for name, value in json.loads(sys.argv.pop(1)).items():
    module, _, constant = name.rpartition(".")
    getattr(importlib.import_module(module), constant)
    setattr(importlib.import_module(module), constant, value)
from ringback.__main__ import main
sys.exit(main())
"""


class ServerProcess:
    """A `ringback serve` process with these settings. It runs inside a `with` block.

    The database is in memory unless `database_url` is given. On Linux the process is forked from the template, which is
    faster, unless `command` is given or coverage is measured in it (`covered`). `log` has one parsed JSON object per
    line.
    """

    def __init__(
        self, *, cwd: Path | None = None, command: list[str] | None = None, covered: bool = True, **settings: object
    ) -> None:
        self.settings = {"port": 0, "log_format": "json", "database_url": "sqlite://"} | settings
        self._command = command
        self._cwd = cwd
        self._left_out = ("RINGBACK_",) if covered else ("RINGBACK_", "COVERAGE_")
        self.log: list[dict[str, Any]] = []
        self._lines = threading.Condition()
        self.base_url = ""
        self.process: subprocess.Popen[str] | ForkedServer | None = None

    def start(self) -> Self:
        inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(self._left_out)}
        own = {f"RINGBACK_{name.upper()}": str(value) for name, value in self.settings.items()}
        self.process = self._started(inherited | own)
        threading.Thread(target=self._read_log, args=[self.process], daemon=True).start()
        try:
            self.base_url = self.wait_for_log(lambda line: line.get("event") == "serving", START_SECONDS)["base_url"]
        except BaseException:
            self.kill()
            raise
        return self

    def _started(self, environment: dict[str, str]) -> "subprocess.Popen[str] | ForkedServer":
        is_measured = any(name.startswith("COVERAGE_") for name in environment)
        if sys.platform == "linux" and self._command is None and not is_measured:
            return ForkedServer(environment, self._cwd)
        return subprocess.Popen(  # noqa: S603
            self._command or COMMAND,
            env=environment,
            cwd=self._cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _read_log(self, process: subprocess.Popen[str] | ForkedServer) -> None:
        assert process.stderr is not None
        with process.stderr as lines:
            for text in lines:
                with self._lines:
                    self.log.append(json.loads(text) if text.startswith("{") else {"event": text.rstrip()})
                    self._lines.notify_all()
        with self._lines:
            self.log.append(END_OF_LOG)
            self._lines.notify_all()

    def wait_for_log(
        self, wanted: Callable[[dict[str, Any]], bool], seconds: float = PATIENCE_SECONDS
    ) -> dict[str, Any]:
        """Return the first log line for which `wanted` is true; fail after `seconds`."""
        found: list[dict[str, Any]] = []

        def has_matching_line() -> bool:
            found[:] = [line for line in self.log if wanted(line)]
            return bool(found) or self.log[-1:] == [END_OF_LOG]

        with self._lines:
            self._lines.wait_for(has_matching_line, seconds)
        assert found, f"no such line within {seconds} s in the log: {self.log}"
        return found[0]

    def stop(self) -> int:
        """Stop the server with SIGTERM and return its exit status."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(STOP_SECONDS)
        finally:
            self.process.kill()

    def kill(self) -> None:
        """Kill the process with SIGKILL, which simulates a crash."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def client(self, username: str = ACCOUNT_SID, password: str = AUTH_TOKEN) -> httpx.Client:
        """Return an HTTP client of this server, authenticated as the default account unless credentials are given."""
        return httpx.Client(
            base_url=self.base_url, auth=(username, password), timeout=PATIENCE_SECONDS, trust_env=False
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()


def serve_with(constants: dict[str, float]) -> list[str]:
    """Return a command that runs `ringback serve` with other values for constants. See `ringback_with`."""
    return ringback_with(constants, "serve")


def ringback_with(constants: dict[str, float], *arguments: str) -> list[str]:
    """Return a command that runs `ringback` with other values for constants of its modules.

    Tests use it to raise timeouts, so that a test cannot pass because of a timeout. The keys of `constants` are full
    names, such as ``ringback.server.uvicorn_server.STOP_SECONDS``.
    """
    return [sys.executable, "-c", _RINGBACK_WITH, json.dumps(constants), *arguments]


def free_port() -> int:
    """Return a port on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def caller_ids_path(account_sid: str = ACCOUNT_SID) -> str:
    """Return the path of an account's list of caller IDs, without a suffix."""
    return f"/2010-04-01/Accounts/{account_sid}/OutgoingCallerIds"
