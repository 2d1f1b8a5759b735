"""Embedded SQLite: one process, one connection, no server."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import NullPool, Pool, StaticPool

from ringback.stepwise import Steps, run_steps
from ringback.storage.database import Database, DatabaseUnavailable, shown, unavailable
from ringback.storage.locks import Locks
from ringback.storage.unit_of_work import Traits, UnitOfWork
from ringback.storage.write_ahead_log import LOG_FILE_BYTES, WriteAheadLog
from ringback.supervision import BackgroundTask

P = ParamSpec("P")
T = TypeVar("T")

BUSY_TIMEOUT_MS = 5_000
"""How long a write waits for another program's."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.000_25, 0.004
"""How long to leave a locked database alone before trying again: each time twice as long. A checkpoint is soon over."""
CHECKPOINT_CHANGES = 50
"""How many rows may be changed before it is worth writing the write-ahead log back: some 200 KiB of it (ADR 15)."""
MOMENT_SECONDS = 0.001
"""Enough for something to be committed where the write-ahead log has become long."""

PAGE_BYTES = 2_048
"""Of a new file; one that was there keeps its own. A commit writes whole pages, for a request ten (ADR 14)."""

PRAGMAS = (
    f"PRAGMA page_size = {PAGE_BYTES}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA wal_autocheckpoint = 0",  # a request would pay for it; `tidy` does it beside them
    f"PRAGMA journal_size_limit = {LOG_FILE_BYTES}",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA temp_store = MEMORY",
)
MEMORY = (None, "", ":memory:")
"""How SQLAlchemy's URLs name a database that is no file."""
TRAITS = Traits(
    "BEGIN IMMEDIATE",
    (sqlite3.IntegrityError, OverflowError),
    lambda _: Locks(),
    counts_changes=True,
)
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_PRIMARY_CODE = 0xFF


class EmbeddedDatabase(Database):
    """A file, or memory: one persistent connection, operations run where they are called, in microseconds.

    A commit survives the end of the process at any moment (write-ahead log, ``synchronous = NORMAL``). A file is one
    server's alone: a second one is refused, for each would take the other's deliveries for those of a dead process.
    """

    is_shared = False
    no_table = sqlite3.OperationalError

    def __init__(self, url: URL) -> None:
        super().__init__(url, _create_engine(url))
        self._lock = _lock(url)
        try:
            self._connection = self.engine.raw_connection()
            for pragma in PRAGMAS:
                self.connection.cursor().execute(pragma)
        except sqlite3.Error:
            self._unlock()
            raise
        self._log = None if self.is_in_memory else WriteAheadLog(str(url.database), self._page_bytes())
        self._blocks = True
        self._long_operation = asyncio.Lock()
        self._rows_written_back = 0
        self._unit_of_work = UnitOfWork(
            self.connection,
            self.engine.dialect,
            TRAITS,
            on_commit=self.notifications.publish,
            journal=self.journal,
            meters=self.meters,
        )

    @property
    def unit_of_work(self) -> UnitOfWork:
        return self._unit_of_work

    async def run(self, operation: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a plain function on a unit of work; it alone decides what is one transaction.

        While another program holds the file, others go on and this waits, at most BUSY_TIMEOUT_MS; what was begun is
        undone and begun anew. Raises DatabaseUnavailable then, and when the file cannot be read or written.
        """
        if self._blocks:
            self._stop_blocking()
        retry = None
        while True:
            if self._long_operation.locked():
                await self._wait_for_long_operation()
            try:
                return operation(self._unit_of_work, *args, **kwargs)
            except sqlite3.OperationalError as error:
                retry = retry or _Retry(self.url)
                retry.check(error)
            await retry.pause()

    async def run_in_steps(
        self, operation: Callable[Concatenate[UnitOfWork, P], Steps[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._blocks:
            self._stop_blocking()
        retry = _Retry(self.url)
        async with self._long_operation:
            while True:
                try:
                    return await run_steps(operation(self._unit_of_work, *args, **kwargs))
                except sqlite3.OperationalError as error:
                    retry.check(error)
                await retry.pause()

    def _stop_blocking(self) -> None:
        self.connection.cursor().execute("PRAGMA busy_timeout = 0")
        self._blocks = False

    async def _wait_for_long_operation(self) -> None:
        """Wait until no long operation is under way: there is one connection, and so one transaction."""
        try:
            async with asyncio.timeout(BUSY_TIMEOUT_MS / 1000), self._long_operation:
                return
        except TimeoutError as error:
            raise DatabaseUnavailable(f"the database {shown(self.url)} is busy with a long operation") from error

    async def tidy(self) -> None:
        """Write the write-ahead log back when it is worth it. Raises DatabaseUnavailable.

        One that is to begin anew is written back twice, so that little is left for when nobody else can write.
        """
        if self._log and self.wants_checkpoint():
            await self._write_back(self._log)
            if self._log.is_long:
                await asyncio.sleep(MOMENT_SECONDS)
                if self.wants_checkpoint(1):
                    await self._write_back(self._log)

    async def _write_back(self, log: WriteAheadLog) -> None:
        try:
            is_whole = await asyncio.to_thread(log.write_back)
        except sqlite3.Error as error:
            raise unavailable(self.url, error) from error
        if is_whole:  # as it was a moment ago: what came meanwhile may wait
            self._rows_written_back = self._unit_of_work.changed_rows

    def background_tasks(self, on_news: Callable[[], None]) -> list[BackgroundTask]:  # noqa: ARG002
        """Return none: no other process works with an embedded database."""
        return []

    def wants_checkpoint(self, least_changes: int = CHECKPOINT_CHANGES) -> bool:
        """Tell whether enough was changed that writing the write-ahead log back is worth it.

        The log's file does not tell: it stays as long as it was.
        """
        changes = self._unit_of_work.changed_rows - self._rows_written_back
        return self._log is not None and changes >= least_changes

    def _page_bytes(self) -> int:
        [size] = self.connection.cursor().execute("PRAGMA page_size").fetchone()
        return int(size)

    @property
    def connection(self) -> DBAPIConnection:
        """The driver's connection, for the few questions that are asked before there is a schema."""
        return self._connection.driver_connection  # type: ignore[return-value]

    @property
    def is_in_memory(self) -> bool:
        return self.url.database in MEMORY

    def close(self) -> None:
        if self._log:
            self._log.close()
        self._connection.close()
        self.engine.dispose()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock:
            self._lock.close()


class _Retry:
    """How long an operation is tried that another program's lock keeps from running."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._deadline: float | None = None
        self._pause_seconds = FIRST_PAUSE_SECONDS

    def check(self, error: sqlite3.OperationalError) -> None:
        """Return where the operation is to be tried again. Raises DatabaseUnavailable, or the error itself."""
        now = time.monotonic()
        self._deadline = self._deadline or now + BUSY_TIMEOUT_MS / 1000
        code = error.sqlite_errorcode & _PRIMARY_CODE
        if code == sqlite3.SQLITE_ERROR:
            raise error  # a statement that is wrong itself: retrying does not help
        if code not in _LOCKED or now >= self._deadline:
            raise unavailable(self._url, error) from error

    async def pause(self) -> None:
        """Leave the locked database alone for a moment, each time twice as long."""
        await asyncio.sleep(self._pause_seconds)
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)


def located(url: URL) -> URL:
    """Return the URL with its file's full path. Raises DatabaseUnavailable where the file's folder is missing."""
    if url.database in MEMORY:
        return url
    file = Path(str(url.database)).expanduser().resolve()
    if not file.parent.is_dir():
        raise DatabaseUnavailable(f"cannot open the database {file}: there is no folder {file.parent}")
    return url.set(database=str(file))


def _lock(url: URL) -> sqlite3.Connection | None:
    """Hold the file beside the database that says it is in use, till this process ends in whatever way.

    SQLite's own locking does that on every system, and leaves nothing behind that somebody would have to clear away.
    Raises DatabaseUnavailable when another process holds it.
    """
    if url.database in MEMORY or Path(str(url.database)).is_dir():
        return None
    lock = sqlite3.connect(f"{url.database}.lock", timeout=0, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if error.sqlite_errorcode & _PRIMARY_CODE in _LOCKED:
            raise DatabaseUnavailable(f"another ringback is using the database {url.database}") from error
        raise
    return lock


def _create_engine(url: URL) -> Engine:
    pool: type[Pool] = StaticPool if url.database in MEMORY else NullPool
    arguments = {"check_same_thread": False, "isolation_level": None, "cached_statements": 256}
    return create_engine(url, poolclass=pool, paramstyle="named", connect_args=arguments)
