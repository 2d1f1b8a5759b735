"""An embedded SQLite database, used by one process through one connection."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection

from ringback.storage.database import Database, ProcessState
from ringback.storage.errors import DatabaseDamaged, DatabaseUnavailable, redacted, unavailable
from ringback.storage.locks import Locks
from ringback.storage.outages import Outage
from ringback.storage.sqlite_checkpoint import WriteAheadLog
from ringback.storage.sqlite_connection import BUSY_TIMEOUT_MS, MEMORY, create_sqlite_engine, prepare, text_or_bytes
from ringback.storage.sqlite_errors import SqliteFailure, failure_of
from ringback.storage.sqlite_files import DatabaseFiles, make_immortal, remove_stale_side_files, wait_for_other_log
from ringback.storage.sqlite_lock import DatabaseFileLock
from ringback.storage.sqlite_owner import check_owner
from ringback.storage.stepwise import Steps, run_steps
from ringback.storage.unit_of_work import Backend, UnitOfWork
from ringback.supervision import BackgroundTask

P = ParamSpec("P")
T = TypeVar("T")

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.000_25, 0.004
"""Backoff for a locked database: the pause doubles with each retry. The first pauses are short, because checkpoints
are short."""
CHECKPOINT_CHANGES = 50
"""Number of changed rows after which the write-ahead log is checkpointed: about 200 KiB of log (ADR 15)."""
SECOND_CHECKPOINT_SECONDS = 0.001
"""Pause before the second checkpoint of a long log. The second checkpoint is skipped if nothing is committed during
the pause."""

BACKEND = Backend(
    "BEGIN IMMEDIATE",
    (sqlite3.IntegrityError, OverflowError),
    lambda _: Locks(),
    counts_changes=True,
)


class SqliteDatabase(Database):
    """A file or in-memory database with one persistent connection.

    Operations take microseconds, and run on the event loop. A commit survives a crash of the process (write-ahead log,
    ``synchronous = NORMAL``). Only one server at a time can use a file: two servers would mistake each other's leases
    for those of a crashed process.
    """

    is_shared = False
    missing_table_errors = sqlite3.OperationalError

    def __init__(self, url: URL, process_state: ProcessState) -> None:
        super().__init__(url, create_sqlite_engine(url), process_state)
        self._lock = None if self.is_in_memory else DatabaseFileLock(Path(str(url.database)))
        self._files: DatabaseFiles | None = None
        self._log: WriteAheadLog | None = None
        try:
            if self._lock:
                check_owner(self._lock)
                remove_stale_side_files(self._lock)
                wait_for_other_log(self._lock)
            self._connect()
        except BaseException:
            self._unlock()
            raise
        self._blocks = True
        self._long_operation = asyncio.Lock()
        self._rows_written_back = 0
        self._unit_of_work = UnitOfWork(
            self.connection,
            self.engine.dialect,
            BACKEND,
            on_commit=process_state.change_notifier.publish,
            journal=process_state.journal,
            metrics=process_state.metrics,
        )
        if self._files:
            self._unit_of_work.before_commit = self._files.check

    def _connect(self) -> None:
        self._connection = self.engine.raw_connection()
        try:
            prepare(self.connection)
            self.read_any_text()
            if self._lock:
                self._log = WriteAheadLog(str(self.url.database), self._page_bytes())
                self._files = DatabaseFiles(self._lock)
        except BaseException:
            self._connection.close()
            raise

    @property
    def unit_of_work(self) -> UnitOfWork:
        return self._unit_of_work

    async def run(self, operation: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a plain function on a unit of work. The function sets the transaction boundaries.

        While another program has the file locked, the operation is rolled back and retried, for at most
        BUSY_TIMEOUT_MS. Other operations continue. Raises DatabaseUnavailable after that time, or if the file cannot be
        used.
        """
        if self.outage.reason is not None:
            self._check_usable()
        if self._blocks:
            self._stop_blocking()
        retry = None
        while True:
            if self._long_operation.locked():
                await self._wait_for_long_operation()
            try:
                return operation(self._unit_of_work, *args, **kwargs)
            except (sqlite3.Error, DatabaseUnavailable) as error:
                retry = retry or _Retry(self)
                retry.check(error)
            await retry.pause()

    async def run_in_steps(
        self, operation: Callable[Concatenate[UnitOfWork, P], Steps[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        self._check_usable()
        if self._blocks:
            self._stop_blocking()
        retry = _Retry(self)
        async with self._long_operation:
            while True:
                try:
                    return await run_steps(operation(self._unit_of_work, *args, **kwargs))
                except (sqlite3.Error, DatabaseUnavailable) as error:
                    retry.check(error)
                await retry.pause()

    def _stop_blocking(self) -> None:
        self.connection.cursor().execute("PRAGMA busy_timeout = 0")
        self.connection.text_factory = str
        self._blocks = False

    def read_any_text(self) -> None:
        """Make the connection read text that is not UTF-8 as bytes.

        This slows reads, so call it only if there is such text.
        """
        self.connection.text_factory = text_or_bytes

    async def _wait_for_long_operation(self) -> None:
        """Wait until no long operation is in progress, because a connection can have only one transaction."""
        try:
            async with asyncio.timeout(BUSY_TIMEOUT_MS / 1000), self._long_operation:
                return
        except TimeoutError as error:
            raise DatabaseUnavailable(f"the database {redacted(self.url)} is busy with a long operation") from error

    def failed(self, error: sqlite3.Error) -> DatabaseUnavailable:
        """Report an outage, and return the error to raise."""
        reported = unavailable(self.url, error)
        if failure_of(error) == SqliteFailure.DAMAGED:
            advice = "stop ringback, restore the file from a backup, and start it again"
            reported = DatabaseDamaged(f"the database file {self.url.database} is damaged ({error}): {advice}")
        self.outage.report(reported)
        return reported

    def _check_usable(self) -> None:
        """Raise DatabaseUnavailable if the file is known to be damaged, or is no longer at its path."""
        if self.outage.reason is None:
            return
        if self.outage.is_permanent:
            raise DatabaseDamaged(str(self.outage.reason))
        self.check_files()

    def check_files(self) -> None:
        if self._files:
            self._files.check()

    async def checkpoint(self) -> None:
        """Check the files, and checkpoint the write-ahead log after enough changes. Raises DatabaseUnavailable.

        A log that must be restarted is checkpointed twice, so that the second checkpoint, which blocks writers, is
        short.
        """
        await self._check_files()
        await super().checkpoint()
        if self._log and self.wants_checkpoint():
            await self._write_back(self._log)
            if self._log.is_long:
                await asyncio.sleep(SECOND_CHECKPOINT_SECONDS)
                if self.wants_checkpoint(1):
                    await self._write_back(self._log)

    async def _check_files(self) -> None:
        """Raise DatabaseUnavailable if a file is no longer at its path.

        Before that, the log is checkpointed into the open file, because a deleted log is lost when the process ends. A
        log that still exists next to a different database is removed, because SQLite would apply it to that database.
        Neither is done while the database file is missing, because it may be put back.
        """
        if not self._files:
            return
        try:
            self._files.check()
        except DatabaseUnavailable as error:
            self.outage.report(error)
            if self._log and not self._files.is_file_missing and self.wants_checkpoint(1):
                await self._write_back(self._log)
            self._files.detach_side_files()
            raise

    async def _write_back(self, log: WriteAheadLog) -> None:
        try:
            is_whole = await asyncio.to_thread(log.write_back)
        except sqlite3.Error as error:
            raise self.failed(error) from error
        if is_whole:  # later changes wait for the next checkpoint
            self._rows_written_back = self._unit_of_work.changed_rows

    def background_tasks(self, on_change: Callable[[], None]) -> list[BackgroundTask]:  # noqa: ARG002
        """Return an empty list, because no other process uses an embedded database."""
        return []

    def wants_checkpoint(self, least_changes: int = CHECKPOINT_CHANGES) -> bool:
        """Return whether enough rows have changed since the last complete checkpoint.

        The length of the log file does not show this, because the file never shrinks.
        """
        changes = self._unit_of_work.changed_rows - self._rows_written_back
        return self._log is not None and changes >= least_changes

    def _page_bytes(self) -> int:
        [size] = self.connection.cursor().execute("PRAGMA page_size").fetchone()
        return int(size)

    @property
    def connection(self) -> DBAPIConnection:
        """The driver's connection, for queries before the schema exists."""
        return self._connection.driver_connection  # type: ignore[return-value]

    @property
    def is_in_memory(self) -> bool:
        return self.url.database in MEMORY

    def close(self) -> None:
        self.outage = Outage("the server is stopping", is_permanent=True)
        if self._files and self._files.are_side_files_replaced:
            make_immortal(self._connection, self._log)
            return
        if self._log:
            self._log.close()
        self._connection.close()
        self.engine.dispose()
        if self._files:
            self._files.release()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock:
            self._lock.release()


class _Retry:
    """The retries of an operation that is blocked by another program's lock."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._deadline: float | None = None
        self._pause_seconds = FIRST_PAUSE_SECONDS

    def check(self, error: sqlite3.Error | DatabaseUnavailable) -> None:
        """Raise DatabaseUnavailable or the error itself, unless the operation must be retried."""
        if isinstance(error, DatabaseUnavailable):  # raised by the check before a commit
            self._database.outage.report(error)
            raise error
        now = time.monotonic()
        self._deadline = self._deadline or now + BUSY_TIMEOUT_MS / 1000
        failure = failure_of(error)
        if failure == SqliteFailure.NOT_UTF8:
            self._database.read_any_text()
            return
        if failure == SqliteFailure.DEFECT:
            raise error
        if failure != SqliteFailure.LOCKED or now >= self._deadline:
            raise self._database.failed(error) from error

    async def pause(self) -> None:
        """Wait before the next retry. The pause doubles each time."""
        await asyncio.sleep(self._pause_seconds)
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
