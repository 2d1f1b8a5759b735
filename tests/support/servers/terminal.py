"""``ringback serve`` on a pseudo-terminal."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from types import TracebackType
from typing import Self

from support.servers.server import START_SECONDS, STOP_SECONDS


class Terminal:
    """A command whose standard output and error are a pseudo-terminal."""

    def __init__(self, *arguments: str, **settings: object) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith("RINGBACK_")}
        own = {f"RINGBACK_{name.upper()}": str(value) for name, value in settings.items()}
        self._screen, terminal = pty.openpty()
        self._shown = b""
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "ringback", *arguments],
            env=inherited | own,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)

    def read_lines(self, count: int, seconds: float = START_SECONDS) -> list[str]:
        """Return the first `count` complete lines of output; fail after `seconds`."""
        deadline = time.monotonic() + seconds
        while self._shown.count(b"\n") < count:
            ready, _, _ = select.select([self._screen], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"not {count} lines within {seconds} s: {self._shown!r}"
            try:
                self._shown += os.read(self._screen, 4096)
            except OSError:  # all writers have closed the pseudo-terminal
                break
        return self._shown.decode().splitlines()[:count]

    def stop(self) -> int:
        """Stop the command with Ctrl-C, and return its exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait(STOP_SECONDS)
        os.close(self._screen)
