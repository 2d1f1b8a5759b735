"""A PostgreSQL server that a test can pause, as `docker pause` does. It is separate from the server of other tests."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.engine import URL

from support.databases.postgresql import STOP, server_url, start_server
from support.waiting import PROGRAM_SECONDS


class PausablePostgresql:
    """A server that runs inside a `with` block. In a `paused` block it accepts connections, but does not respond."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="ringback-postgresql-"))
        self._program = start_server(self._folder, os.getpid())
        self.url: URL = server_url(self._folder)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Pause all processes of the server in this block."""
        postmaster = int((self._folder / "data/postmaster.pid").read_text(encoding="utf-8").split()[0])
        os.kill(postmaster, signal.SIGSTOP)  # stopped first, so that it cannot start other processes
        processes = [postmaster, *_children(postmaster)]
        try:
            for pid in processes:
                _signal(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in processes:
                _signal(pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        (self._folder / STOP).touch()
        self._program.wait(PROGRAM_SECONDS)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
