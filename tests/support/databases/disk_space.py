"""Folders whose disk space a test can use up and free again."""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from support.servers.server import ServerProcess
from support.waiting import PATIENCE_SECONDS

UNLIMITED = resource.RLIM_INFINITY
SMALL_DISK_BYTES = 4 * 1024 * 1024
BLOCK = b"\0" * 4096


class DiskSpace(Protocol):
    """The disk space that is available to a server's files."""

    folder: Path

    def use_up(self, server: ServerProcess) -> None:
        """Prevent the files of a running server from growing."""

    def free(self, server: ServerProcess) -> None:
        """Allow the files to grow again."""


@dataclass
class FileSizeLimit:
    """A limit of 0 bytes on the size of files that the server writes.

    Unlike a full disk, it also prevents SQLite from overwriting its write-ahead log, which needs no additional space.
    """

    folder: Path

    def use_up(self, server: ServerProcess) -> None:
        assert server.process is not None
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, UNLIMITED))

    def free(self, server: ServerProcess) -> None:
        assert server.process is not None
        if server.process.poll() is None:
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))


@dataclass
class SmallDisk:
    """A separate file system that is filled with another file."""

    folder: Path

    @property
    def _filler(self) -> Path:
        return self.folder / "another file"

    def use_up(self, server: ServerProcess | None = None) -> None:  # noqa: ARG002
        with self._filler.open("ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(BLOCK)
            except OSError:
                return

    def free(self, server: ServerProcess | None = None) -> None:  # noqa: ARG002
        self._filler.unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk | None]:
    """Mount a tmpfs of 4 MiB and yield it, or yield None if mounting is not permitted."""
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
