"""SQLite's write-ahead log: writing it back into the file, a little at a time, beside those who write on (ADR 15)."""

import sqlite3
from threading import Lock

LOG_FILE_BYTES = 64 * 1024 * 1024
"""How long the log may become before it is made to begin anew, and its file stay: to write over it costs half of what
making it longer does."""
BUSY_TIMEOUT_MS = 20
"""How long to wait for those who write or read when the log is to begin anew; for part of it nobody else can write."""

_BESIDE_OTHERS, _TO_THE_END = "PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(RESTART)"


class WriteAheadLog:
    """The log of a file with pages of so many bytes, written back through a connection of its own, in any thread."""

    def __init__(self, file: str, page_bytes: int) -> None:
        self._file = file
        self._long_pages = self._anew_at_pages = LOG_FILE_BYTES // page_bytes
        self._connection: sqlite3.Connection | None = None
        self._is_closed = False
        self._in_use = Lock()

    def write_back(self) -> bool:
        """Write the log back into the file, and return whether all of it was; not where another program reads on.

        Others write on meanwhile, and so the log goes on as well, till they pause. Where they never do, it is made to
        begin anew when it has become long. Once closed, nothing is written. Raises sqlite3.Error.
        """
        with self._in_use:
            if self._is_closed:
                return False
            connection = self._connection = self._connection or self._connect()
            _, pages, written = connection.execute(_BESIDE_OTHERS).fetchone()
            if pages < self._long_pages:
                self._anew_at_pages = self._long_pages
            elif pages >= self._anew_at_pages:
                self._begin_anew(connection)
            return bool(written == pages)

    def _begin_anew(self, connection: sqlite3.Connection) -> None:
        """Let the next change be written where the log begins; for a few milliseconds nobody can write.

        What came while the log was written back is written back first, so that less is left for those milliseconds.
        While another program reads on the log cannot begin anew. It is tried again when it is as much longer once more,
        not each time: those who write would wait for nothing.
        """
        connection.execute(_BESIDE_OTHERS).fetchone()
        is_busy, pages, _ = connection.execute(_TO_THE_END).fetchone()
        self._anew_at_pages = self._long_pages + (pages if is_busy else 0)

    def _connect(self) -> sqlite3.Connection:
        timeout_seconds = BUSY_TIMEOUT_MS / 1000
        return sqlite3.connect(self._file, timeout=timeout_seconds, isolation_level=None, check_same_thread=False)

    def close(self) -> None:
        """Let go of the file, once nothing is being written back."""
        with self._in_use:
            self._is_closed = True
            if self._connection:
                self._connection.close()
