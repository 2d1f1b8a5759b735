"""The files of an open SQLite database, and the check that they are still at their paths.

Hazard: SQLite finds its side files (write-ahead log and shared memory) by name only. It uses the side files next to a
database even if they belong to a different database, and deletes them by name when it closes the database.

A server whose database file was replaced removes its side files, because the next server would use them. Until then,
its lock on the write-ahead log makes the next server wait, which must not open a log that is about to be deleted.
"""

import ctypes
import os
import time
from pathlib import Path

from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.sqlite_lock import DatabaseFileLock, WriteAheadLogLock, file_id

HEADER_BYTES, LARGEST_PAGE_BYTES = 100, 65_536
LOG_WAIT_SECONDS, LOG_POLL_SECONDS = 5.0, 0.01
"""Longest wait for the server of a replaced file to remove its write-ahead log, and the interval between checks."""


class DatabaseFiles:
    """The database file and its side files, as they were when they were opened."""

    def __init__(self, lock: DatabaseFileLock) -> None:
        self._file, self._file_id = str(lock.file), lock.file_id
        self._side_files = {path: file_id(path) for path in side_files(lock.file)}
        self._log = f"{lock.file}-wal"
        self._log_id = self._side_files[self._log]
        self._log_lock = WriteAheadLogLock(Path(self._log))
        self._lock = lock
        self._file_bytes = 0
        self._is_truncated = False

    def release(self) -> None:
        """Release the lock on the write-ahead log. Close SQLite's connections first."""
        self._log_lock.release()

    def check(self) -> None:
        """Raise DatabaseUnavailable if a path no longer refers to the open file. The check takes 3 microseconds.

        Later commits would be lost when the process ends. A file that another program truncated is damaged, although
        SQLite still answers queries from its cache and its log.
        """
        self._check_file()
        if file_id(self._log) != self._log_id:
            raise DatabaseUnavailable(
                f"the database's write-ahead log {self._log} was deleted, moved or replaced: restart ringback"
            )

    def _check_file(self) -> None:
        try:
            status = os.stat(self._file)  # noqa: PTH116 - see file_id
        except OSError:
            status = None
        if status is None or (status.st_dev, status.st_ino) != self._file_id:
            raise DatabaseUnavailable(
                f"the database file {self._file} was deleted, moved or replaced: put it back, or restart ringback"
            )
        if status.st_size < self._file_bytes and status.st_size < self._bytes_by_header():
            self._is_truncated = True
        self._file_bytes = status.st_size
        if self._is_truncated:
            raise DatabaseUnavailable(
                f"the database file {self._file} was truncated by another program: stop ringback, restore the file "
                "from a backup, and start it again"
            )

    def _bytes_by_header(self) -> float:
        """Return the length in bytes that the file's header states, or infinity if the header is incomplete.

        VACUUM updates the header. Source: sqlite.org/fileformat.html, section 1.3.
        """
        header = self._lock.read_header(HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            return float("inf")
        page_bytes = int.from_bytes(header[16:18])
        return int.from_bytes(header[28:32]) * (LARGEST_PAGE_BYTES if page_bytes == 1 else page_bytes)

    @property
    def is_file_missing(self) -> bool:
        """Whether the database file is missing from its path. It may be put back."""
        return file_id(self._file) is None

    @property
    def are_side_files_replaced(self) -> bool:
        """Whether the side files were replaced by other files."""
        return any(file_id(path) not in (known_id, None) for path, known_id in self._side_files.items())

    def detach_side_files(self) -> None:
        """Remove the side files if the database was replaced by another file."""
        if file_id(self._file) in (self._file_id, None):
            return
        for path, known_id in self._side_files.items():
            if known_id is not None and file_id(path) == known_id:
                Path(path).unlink(missing_ok=True)


def side_files(file: Path) -> tuple[str, str]:
    """Return the paths of the write-ahead log and the shared memory of a database file."""
    return f"{file}-wal", f"{file}-shm"


def remove_stale_side_files(lock: DatabaseFileLock) -> None:
    """Remove the side files that a deleted database left next to a new, empty database."""
    if lock.read_header(1):
        return
    for path in side_files(lock.file):
        Path(path).unlink(missing_ok=True)


def wait_for_other_log(lock: DatabaseFileLock, wait_seconds: float = LOG_WAIT_SECONDS) -> None:
    """Wait until no other server uses the write-ahead log next to the database file.

    The log belongs to a file that was at this path before. Raises DatabaseUnavailable if the other server does not
    release the log in time.
    """
    log = Path(side_files(lock.file)[0])
    deadline = time.monotonic() + wait_seconds
    while WriteAheadLogLock.is_held(log):
        if time.monotonic() >= deadline:
            raise DatabaseUnavailable(
                f"the database file {lock.file} was replaced while another ringback was using it, and that ringback "
                f"still uses the write-ahead log {log}: stop it, and start this one again"
            )
        time.sleep(LOG_POLL_SECONDS)


def make_immortal(*connections: object) -> None:
    """Keep connections open until the process ends. Closing the last one would delete another database's side files."""
    for connection in connections:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
