"""Incremental checkpoints of SQLite's write-ahead log, which run concurrently with other writers (ADR 15)."""

import sqlite3
from threading import Lock

LOG_FILE_BYTES = 64 * 1024 * 1024
"""Length at which the log is restarted from its beginning. The file keeps that length, because overwriting it takes
half as long as extending it."""
BUSY_TIMEOUT_MS = 20
"""Longest wait for other readers and writers when the log is restarted. Writers are blocked for part of the wait."""

_PASSIVE, _RESTART = "PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(RESTART)"


class WriteAheadLog:
    """The write-ahead log of a SQLite file. `page_bytes` is the page size.

    A separate connection checkpoints the log, so any thread may do it.
    """

    def __init__(self, file: str, page_bytes: int) -> None:
        self._file = file
        self._long_pages = self._restart_at_pages = LOG_FILE_BYTES // page_bytes
        self._pages = 0
        self._is_closed = False
        self._in_use = Lock()
        self._connection = self._connect()

    @property
    def is_long(self) -> bool:
        """Whether the next `write_back` restarts the log."""
        return self._pages >= self._restart_at_pages

    def write_back(self) -> bool:
        """Checkpoint the log.

        Return False if another program that is reading from the log prevents a complete checkpoint. Call this only if
        there has been a commit since the last complete checkpoint; otherwise SQLite may lose data (ADR 15). Other
        writers continue, and extend the log until they pause. If they never pause, a long log is restarted, which
        blocks writers. After `close`, it does nothing and returns False. Raises sqlite3.Error.
        """
        with self._in_use:
            if self._is_closed:
                return False
            is_long = self.is_long
            is_busy, pages, written = self._connection.execute(_RESTART if is_long else _PASSIVE).fetchone()
            if pages >= 0:  # otherwise another program is running a checkpoint
                self._note_length(0 if is_long and not is_busy else pages, is_failed_restart=is_long and is_busy)
            return bool(written == pages)

    def _note_length(self, pages: int, *, is_failed_restart: bool) -> None:
        """Record the length of the log, and the length at which to restart it.

        The log cannot be restarted while another program is reading from it. After a failed restart, the next attempt
        is made when the log has grown by another LOG_FILE_BYTES. An earlier attempt would probably fail too, and would
        block writers.
        """
        if is_failed_restart:
            self._restart_at_pages = pages + self._long_pages
        elif pages < self._pages:
            self._restart_at_pages = self._long_pages
        self._pages = pages

    def _connect(self) -> sqlite3.Connection:
        """Open the file and its log now, because the file at the path may be a different one later."""
        timeout_seconds = BUSY_TIMEOUT_MS / 1000
        connection = sqlite3.connect(self._file, timeout=timeout_seconds, isolation_level=None, check_same_thread=False)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return connection

    def close(self) -> None:
        """Close the connection after any `write_back` in progress."""
        with self._in_use:
            self._is_closed = True
            self._connection.close()
