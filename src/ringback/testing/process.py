"""A server's process: started, waited for, listened to, ended."""

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
"""How long a server may take to end by itself, which it does within five, before it is killed."""
LINES_KEPT = 200
COMMAND = (sys.executable, "-m", "ringback.testing.child", "serve")


class Process:
    """A server of these settings. Raises ServerNotStarted unless it becomes ready within `start_seconds`.

    It does not see the environment's settings, nor a file `.env`. `log` has the newest lines that it wrote. It leads a
    session and a process group, so that Ctrl-C in the terminal interrupts the tests and leaves the server running.
    """

    def __init__(
        self, settings: Mapping[str, Any], *, command: Sequence[str] = COMMAND, start_seconds: float = START_SECONDS
    ) -> None:
        self.log: deque[str] = deque(maxlen=LINES_KEPT)
        self._base_url = ""
        self._ended = False
        self._told = threading.Condition()
        self._folder = tempfile.TemporaryDirectory(prefix="ringback-")
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, without a shell
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
        """The process's id."""
        return self._process.pid

    def exit_status(self, wait_seconds: float = 0.0) -> int | None:
        """Return the exit status, negative for a signal; None if the process still runs after `wait_seconds`."""
        try:
            return self._process.wait(wait_seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> int:
        """End the server and return its exit status. A server that does not end in time is killed."""
        self._process.terminate()
        if self.exit_status(STOP_SECONDS) is None:
            self._kill()
        self._reader.join()
        assert self._process.stdin  # noqa: S101 - it is a pipe
        self._process.stdin.close()
        self._folder.cleanup()
        return self._process.returncode

    def _kill(self) -> None:
        """Kill the server and its worker processes, unless it has ended."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _read(self) -> None:
        assert self._process.stderr  # noqa: S101 - it is a pipe
        with self._process.stderr as lines:
            for line in lines:
                self._note(line.decode(errors="replace").rstrip())
        with self._told:
            self._ended = True
            self._told.notify_all()

    def _note(self, line: str) -> None:
        with self._told:
            self.log.append(line)
            if not self._base_url:
                self._base_url = _base_url_told_by(line)
                self._told.notify_all()

    def _wait_until_ready(self, seconds: float) -> str:
        with self._told:
            in_time = self._told.wait_for(lambda: self._base_url or self._ended, seconds)
            if self._base_url:
                return self._base_url
            reason = (
                "the server ended before it was ready" if in_time else f"the server was not ready within {seconds:g} s"
            )
            raise ServerNotStarted(reason, list(self.log))


def _base_url_told_by(line: str) -> str:
    try:
        entry = json.loads(line)
    except ValueError:
        return ""
    serving = isinstance(entry, dict) and entry.get("event") == "serving"
    return str(entry["base_url"]) if serving else ""


def options(settings: Mapping[str, Any]) -> list[str]:
    """Return the command's options for these settings; those that are None are left to their defaults."""
    given = {name: value for name, value in settings.items() if value is not None}
    return [f"--{name.replace('_', '-')}={_text(name, value)}" for name, value in given.items()]


def _text(name: str, value: Any) -> str:
    """Write a setting down; paths are the caller's own, while the process has a folder to itself."""
    if name == "seed":
        return str(Path(value).absolute())
    if name == "database_url" and str(value).startswith("sqlite:///"):
        return f"sqlite:///{Path(str(value).removeprefix('sqlite:///')).absolute()}"
    if isinstance(value, Mapping):
        return ",".join(f"{key}={one}" for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return str(value)
