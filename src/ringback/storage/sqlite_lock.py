"""The lock on a SQLite database file, and the check that the file is still where it was opened.

The lock is an ``flock`` on the database file itself, so that it also holds for hard links, symbolic links and bind
mounts of the file. On Linux, it is independent of the POSIX locks that SQLite takes on the same file. On file systems
where the two kinds of locks conflict (NFS, SMB, all file systems of macOS and BSD), and on Windows, a lock file next to
the database is used.

Hazard: a process loses all its POSIX locks on a file when it closes any descriptor of that file. SQLite's locks are of
this kind. So the descriptor opened here stays open until SQLite's connections are closed, and a file that this process
has already locked is never opened a second time.
"""

import os
import sqlite3
import stat
from pathlib import Path
from threading import Lock

from ringback.storage.errors import DatabaseUnavailable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FileId = tuple[int, int]
"""Device and inode numbers of a file."""

PROBE_OFFSET = 0x4000_0000 + 1024
"""Offset of a byte that SQLite never locks: SQLite locks fewer than 1,024 bytes, starting at 0x40000000."""
OPEN_FLAGS = os.O_RDWR | os.O_CREAT | sum(getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NONBLOCK", "O_BINARY"))
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_PRIMARY_CODE = 0xFF

_own_files: set[FileId] = set()
_own_files_lock = Lock()


class DatabaseFileLock:
    """An exclusive lock on a database file, which is created if it does not exist.

    The lock is held until `release` is called or the process ends, even if it crashes. Raises DatabaseUnavailable if
    the path is not a regular file that can be read and written, or if another server has locked it.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._is_flocked = False
        self._lock_file: sqlite3.Connection | None = None
        _check_file_type(file)
        with _own_files_lock:
            if file_id(file) in _own_files:
                raise in_use(file)
            self._descriptor = _open(file)
            status = os.fstat(self._descriptor)
            self.file_id: FileId = (status.st_dev, status.st_ino)
            if self.file_id in _own_files:  # the file was replaced; closing it would drop SQLite's locks
                raise in_use(file)
            try:
                self._acquire(status.st_nlink)
            except BaseException:
                os.close(self._descriptor)
                raise
            _own_files.add(self.file_id)

    def _acquire(self, link_count: int) -> None:
        self._is_flocked = _flock(self._descriptor, self.file)
        lock_file = Path(f"{self.file}.lock")
        if self._is_flocked and not lock_file.exists():
            return
        if not self._is_flocked and link_count > 1:
            raise DatabaseUnavailable(
                f"the database file {self.file} has {link_count} hard links, and its file system cannot lock them "
                "together: remove the other names, or choose another file with --database-url or RINGBACK_DATABASE_URL"
            )
        self._lock_file = _acquire_lock_file(lock_file, self.file)

    def read_header(self, length: int) -> bytes:
        """Return the first bytes of the file, without opening it a second time."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        return os.read(self._descriptor, length)

    def release(self) -> None:
        """Release the lock. Close SQLite's connections to the file first."""
        with _own_files_lock:
            _own_files.discard(self.file_id)
            if self._is_flocked:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)  # also for forked processes, which share the descriptor
            os.close(self._descriptor)
            if self._lock_file:
                self._lock_file.close()


class WriteAheadLogLock:
    """A lock on the write-ahead log of an open database. It stops servers that open a different file at the same path.

    SQLite itself does not lock this file. If ``flock`` is not supported, or the log does not exist, nothing is locked.
    """

    def __init__(self, log: Path) -> None:
        self._descriptor = None if fcntl is None else _open_existing(log)
        if self._descriptor is not None and not self._lock(self._descriptor):
            os.close(self._descriptor)
            raise DatabaseUnavailable(f"another ringback is using the write-ahead log {log}: stop it")

    @staticmethod
    def _lock(descriptor: int) -> bool:
        """Lock a file. Return False if another server has locked it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # the file system does not support flock
        return True

    @classmethod
    def is_held(cls, log: Path) -> bool:
        """Return whether another server has locked the log."""
        descriptor = None if fcntl is None else _open_existing(log)
        if descriptor is None:
            return False
        try:
            return not cls._lock(descriptor)
        finally:
            os.close(descriptor)

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def file_id(file: Path | str) -> FileId | None:
    """Return the device and inode numbers of the file at a path, or None if the file cannot be reached."""
    try:
        status = os.stat(file)  # noqa: PTH116 - it runs before every commit, and Path.stat takes twice as long
    except OSError:
        return None
    return status.st_dev, status.st_ino


def in_use(file: Path) -> DatabaseUnavailable:
    """Return the error to raise for a file that another server has locked."""
    return DatabaseUnavailable(
        f"another ringback is using the database file {file}: stop it, or "
        "choose another file with --database-url or RINGBACK_DATABASE_URL"
    )


def _check_file_type(file: Path) -> None:
    """Raise DatabaseUnavailable for files that must not be opened: folders, devices, FIFOs, sockets."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return  # opening the file creates it, or fails with the reason
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        raise DatabaseUnavailable(
            f"cannot use {file} as a database because it is {kind}: "
            "choose another file with --database-url or RINGBACK_DATABASE_URL"
        )


def _open(file: Path) -> int:
    try:
        return os.open(file, OPEN_FLAGS, 0o644)
    except OSError as error:
        user = f" for user {os.geteuid()}" if hasattr(os, "geteuid") else ""
        raise DatabaseUnavailable(
            f"cannot open the database file {file} for reading and writing: {error.strerror}. Make the file and "
            f"its folder writable{user}, or choose another file with --database-url or RINGBACK_DATABASE_URL"
        ) from error


def _open_existing(file: Path) -> int | None:
    """Open a file, or return None if it does not exist or cannot be opened."""
    try:
        return os.open(file, OPEN_FLAGS & ~os.O_CREAT)
    except OSError:
        return None


def _flock(descriptor: int, file: Path) -> bool:
    """Lock a file with flock. Return False if this is impossible, or would keep SQLite from locking the file."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise in_use(file) from None
    except OSError:
        return False  # the file system does not support flock
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, PROBE_OFFSET)
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, PROBE_OFFSET)
    except OSError:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return False
    return True


def _acquire_lock_file(lock_file: Path, file: Path) -> sqlite3.Connection:
    """Lock the lock file next to the database, as version 0.1.0 does."""
    connection = sqlite3.connect(lock_file, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & _PRIMARY_CODE in _LOCKED:
            raise in_use(file) from error
        raise
    return connection
