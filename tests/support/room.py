"""Folders in which files can be kept from growing, and allowed to again."""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from support.server import ServerProcess
from support.waiting import PATIENCE_SECONDS

UNLIMITED = resource.RLIM_INFINITY
SMALL_DISK_BYTES = 4 * 1024 * 1024
BLOCK = b"\0" * 4096


class Room(Protocol):
    """What a server's files have to grow in."""

    folder: Path

    def take(self, server: ServerProcess) -> None:
        """Let the files of a server that runs grow no more."""

    def give(self, server: ServerProcess) -> None:
        """Let them grow again."""


@dataclass
class FileSizeLimit:
    """Nothing can be written to the server's files.

    Not even over what is there: a log that was written back begins anew, and the server would go on without more room.
    """

    folder: Path

    def take(self, server: ServerProcess) -> None:
        assert server.process is not None
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, UNLIMITED))

    def give(self, server: ServerProcess) -> None:
        assert server.process is not None
        if server.process.poll() is None:
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))


@dataclass
class SmallDisk:
    """A disk of its own, filled up with something else."""

    folder: Path

    @property
    def _other(self) -> Path:
        return self.folder / "something else"

    def take(self, server: ServerProcess | None = None) -> None:  # noqa: ARG002
        with self._other.open("ab", buffering=0) as other:
            try:
                while True:
                    other.write(BLOCK)
            except OSError:
                return

    def give(self, server: ServerProcess | None = None) -> None:  # noqa: ARG002
        self._other.unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk | None]:
    """Mount a disk of 4 MiB in memory; None where that is not allowed."""
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or not mount or not unmount:
        yield None
        return
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "tmpfs", str(folder)]
    if subprocess.run([mount, *options], capture_output=True, timeout=PATIENCE_SECONDS, check=False).returncode != 0:  # noqa: S603
        yield None
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run([unmount, "-l", str(folder)], capture_output=True, timeout=PATIENCE_SECONDS, check=True)  # noqa: S603
