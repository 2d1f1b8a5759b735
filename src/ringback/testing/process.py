"""The process of a server: start it, wait until it is ready, read its log, stop it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ringback.testing.errors import ServerNotStarted

START_SECONDS = 30.0
STOP_SECONDS = 10.0
"""Time after which a server that has not stopped is killed. Servers normally stop within five seconds."""
LOG_LINES = 200
COMMAND = (sys.executable, "-m", "ringback.testing.child_process", "serve")


class Process:
    """A server process. Raises ServerNotStarted unless the server is ready within `start_seconds`.

    The server ignores settings in the environment and in a file `.env`. `log` has its newest log lines. It has its own
    session and process group, so that Ctrl-C in the terminal interrupts only the tests.
    """

    def __init__(
        self, settings: Mapping[str, Any], *, command: Sequence[str] = COMMAND, start_seconds: float = START_SECONDS
    ) -> None:
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self._base_url = ""
        self.proxy_url: str | None = None
        self._ended = False
        self._condition = threading.Condition()
        self._folder = tempfile.TemporaryDirectory(prefix="ringback-")
        self._process = subprocess.Popen(  # noqa: S603 - the interpreter of this process, without a shell
            [*command, *options(settings)],
            cwd=self._folder.name,
            env={name: value for name, value in os.environ.items() if not name.upper().startswith("RINGBACK_")},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.base_url = self._wait_until_ready(start_seconds)
        except BaseException:
            self._kill()
            self.stop()
            raise

    @property
    def id(self) -> int:
        """The process ID."""
        return self._process.pid

    def exit_status(self, wait_seconds: float = 0.0) -> int | None:
        """Return the exit status (negative: a signal), or None if the process is still running after `wait_seconds`."""
        try:
            return self._process.wait(wait_seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> int:
        """Stop the server and return its exit status. Kill it if it does not stop in time."""
        self._process.terminate()
        if self.exit_status(STOP_SECONDS) is None:
            self._kill()
        self._reader.join()
        assert self._process.stdin  # noqa: S101 - it is a pipe
        self._process.stdin.close()
        self._folder.cleanup()
        return self._process.returncode

    def _kill(self) -> None:
        """Kill the server and its worker processes, unless the server has ended."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _read(self) -> None:
        assert self._process.stderr  # noqa: S101 - it is a pipe
        with self._process.stderr as lines:
            for line in lines:
                self._add_line(line.decode(errors="replace").rstrip())
        with self._condition:
            self._ended = True
            self._condition.notify_all()

    def _add_line(self, line: str) -> None:
        with self._condition:
            self.log.append(line)
            if not self._base_url:
                self._base_url, self.proxy_url = _urls_in(line)
                self._condition.notify_all()

    def _wait_until_ready(self, seconds: float) -> str:
        with self._condition:
            has_ended = self._condition.wait_for(lambda: self._base_url or self._ended, seconds)
            if self._base_url:
                return self._base_url
            reason = (
                "the server ended before it was ready"
                if has_ended
                else f"the server was not ready within {seconds:g} s"
            )
            raise ServerNotStarted(reason, list(self.log))


def _urls_in(line: str) -> tuple[str, str | None]:
    """Return the base URL and the URL of the proxy, from the log line of a server that is ready."""
    try:
        entry = json.loads(line)
    except ValueError:
        return "", None
    serving = isinstance(entry, dict) and entry.get("event") == "serving"
    return (str(entry["base_url"]), entry.get("proxy")) if serving else ("", None)


def options(settings: Mapping[str, Any]) -> list[str]:
    """Return the settings as command-line options. Settings that are None keep their defaults."""
    without_nones = {name: value for name, value in settings.items() if value is not None}
    return [f"--{name.replace('_', '-')}={_option_value(name, value)}" for name, value in without_nones.items()]


def _option_value(name: str, value: Any) -> str:
    """Return a setting as a string. Paths become absolute, because the process has a different working directory."""
    if name == "seed":
        return str(Path(value).absolute())
    if name == "database_url" and str(value).startswith("sqlite:///"):
        return f"sqlite:///{Path(str(value).removeprefix('sqlite:///')).absolute()}"
    if isinstance(value, Mapping):
        return ",".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return str(value)
