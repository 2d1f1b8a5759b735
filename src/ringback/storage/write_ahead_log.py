"""SQLite's write-ahead log: writing it back into the file, a little at a time, beside those who write on (ADR 15)."""

import sqlite3
from contextlib import suppress
from threading import Lock

LOG_FILE_BYTES = 64 * 1024 * 1024
"""How long the log may become before it is made to begin anew, and its file stay: to write over it costs half of what
making it longer does."""
BUSY_TIMEOUT_MS = 20
"""How long to wait for those who write or read when the log is to begin anew; for part of it nobody else can write."""


class WriteAheadLog:
    """The log of one file, with a connection of its own; its methods are for a thread beside the event loop."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None
        self._most_pages = 0
        self._is_in_use = Lock()

    def write_back(self) -> None:
        """Write the log back into the file.

        Others write on meanwhile, and so the log goes on as well, till they pause. Where they never do, it is made to
        begin anew when it has become long: for a few milliseconds nobody can write then. While another program reads
        on and on that cannot be, and is tried again the next time. Raises sqlite3.Error.
        """
        with self._is_in_use:
            connection = self._connection or self._connect()
            _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages >= self._most_pages:
                connection.execute("PRAGMA wal_checkpoint(RESTART)")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._file, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )
        [page_bytes] = connection.execute("PRAGMA page_size").fetchone()
        self._most_pages = LOG_FILE_BYTES // page_bytes
        self._connection = connection
        return connection

    def close(self) -> None:
        """Let go of the file, once nothing is being written back; whoever closes it last writes back what is left."""
        with self._is_in_use:
            connection, self._connection = self._connection, None
        if connection:
            with suppress(sqlite3.Error):
                connection.close()
