"""SQLite's write-ahead log: writing it back into the file, a little at a time, beside those who write on (ADR 15)."""

import sqlite3
from threading import Lock

LOG_FILE_BYTES = 64 * 1024 * 1024
"""How long the log may become before it is made to begin anew, and its file stay: to write over it costs half of what
making it longer does."""
BUSY_TIMEOUT_MS = 20
"""How long to wait for those who write or read when the log is to begin anew; for part of it nobody else can write."""

_BESIDE_OTHERS, _ALONE = "PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(RESTART)"


class WriteAheadLog:
    """The log of a file with pages of so many bytes, written back through a connection of its own, in any thread."""

    def __init__(self, file: str, page_bytes: int) -> None:
        self._file = file
        self._long_pages = self._anew_at_pages = LOG_FILE_BYTES // page_bytes
        self._pages = 0
        self._is_closed = False
        self._in_use = Lock()
        self._connection = self._connect()

    @property
    def is_long(self) -> bool:
        """Whether it is to begin anew when it is written back the next time."""
        return self._pages >= self._anew_at_pages

    def write_back(self) -> bool:
        """Write the log back into the file, and return whether all of it was; not where another program reads on.

        To be called only where something was committed since all of it was (ADR 15: what SQLite may lose otherwise).
        Others write on meanwhile, and so the log goes on as well, till they pause. Where they never do, it is made to
        begin anew when it has become long: nobody can write then. Once closed, nothing is written. Raises
        sqlite3.Error.
        """
        with self._in_use:
            if self._is_closed:
                return False
            is_long = self.is_long
            is_busy, pages, written = self._connection.execute(_ALONE if is_long else _BESIDE_OTHERS).fetchone()
            if pages >= 0:  # else another program is writing back
                self._note_length(0 if is_long and not is_busy else pages, in_vain=is_long and is_busy)
            return bool(written == pages)

    def _note_length(self, pages: int, *, in_vain: bool) -> None:
        """Note how long the log is, and how long it may become.

        While another program reads on the log cannot begin anew. That is tried again when it is as much longer once
        more, not each time: those who write would wait for nothing.
        """
        if in_vain:
            self._anew_at_pages = pages + self._long_pages
        elif pages < self._pages:
            self._anew_at_pages = self._long_pages
        self._pages = pages

    def _connect(self) -> sqlite3.Connection:
        """Open the file and its log now: later another file might be at its path."""
        timeout_seconds = BUSY_TIMEOUT_MS / 1000
        connection = sqlite3.connect(self._file, timeout=timeout_seconds, isolation_level=None, check_same_thread=False)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return connection

    def close(self) -> None:
        """Let go of the file, once nothing is being written back."""
        with self._in_use:
            self._is_closed = True
            self._connection.close()
