"""A PostgreSQL database that any number of ringback processes can share, each with several connections."""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import psycopg
import structlog
from psycopg.errors import UndefinedColumn, UndefinedTable
from sqlalchemy import create_engine
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import NullPool

from ringback.storage.database import Database, ProcessState
from ringback.storage.errors import DatabaseDamaged, DatabaseUnavailable, unavailable
from ringback.storage.locks import SharedLocks
from ringback.storage.postgresql_connection import (
    BEGIN_WITH_SETTINGS,
    break_off,
    check_encoding,
    configure,
    connect,
    connect_parameters,
    libpq_parameters,
    prepare_threshold,
)
from ringback.storage.postgresql_errors import PostgresqlFailure, failure_of
from ringback.storage.postgresql_notify import POLL_SECONDS, PostgresNotifier, read_database, send
from ringback.storage.postgresql_watchdog import DATABASE_WATCHDOG, Watchdog
from ringback.storage.stepwise import Steps, finish
from ringback.storage.unit_of_work import Backend, UnitOfWork
from ringback.supervision import BackgroundTask

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 8
"""Maximum number of operations that a process runs concurrently, each on its own connection."""
TRIES = 10
"""Maximum number of attempts at an operation whose transaction PostgreSQL rolls back in favor of another."""
LONGEST_RETRY_PAUSE_SECONDS = 0.02
TRUSTED_SECONDS = 1.0
"""Idle time after which a connection is tested before it is used again."""
SHUTDOWN_SECONDS = 0.5
"""Maximum time that a shutdown waits for operations in progress."""
POOLED_POLL_SECONDS = 1.0
"""Pause between polls for changes if notifications cannot be received through a connection pooler."""


def without_nul(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Replace U+0000 in parameters. It is the only character that PostgreSQL rejects in text."""
    if not any(isinstance(value, str) and "\0" in value for value in parameters.values()):
        return parameters
    return {
        name: value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
        for name, value in parameters.items()
    }


def _never_abandoned() -> None:
    """Do nothing: the caller of an operation at startup waits until it ends."""


BACKEND = Backend("BEGIN", (psycopg.IntegrityError, psycopg.DataError), SharedLocks, without_nul)
POOLED_BACKEND = BACKEND._replace(begin=BEGIN_WITH_SETTINGS)

log = structlog.get_logger()


class PostgresqlDatabase(Database):
    """A PostgreSQL database; operations run in threads, so that the event loop never waits for the network.

    PostgreSQL's settings determine how durable a commit is. `listen_url` connects to the same database without a
    connection pooler, to receive notifications.
    """

    is_shared = True
    missing_table_errors = (UndefinedTable, UndefinedColumn)

    def __init__(self, url: URL, listen_url: URL | None, process_state: ProcessState) -> None:
        engine = create_engine(url, poolclass=NullPool, connect_args=connect_parameters(url))
        super().__init__(url, engine, process_state)
        self.prepare_threshold = prepare_threshold(url)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="postgresql")
        self._own = threading.local()
        self._sessions: set[_Session] = set()
        self._is_closing = False
        self._watchdog = Watchdog(url, engine, self.outage_log, self._break_off_sessions)
        try:
            session = self._session()  # fails now if the server is unreachable
            check_encoding(session.driver, url)
        except BaseException:
            self.close()
            raise
        self._is_polling = session.is_pooled and listen_url is None
        self._notifier = PostgresNotifier(
            None if self._is_polling else libpq_parameters(listen_url or url, self.engine),
            self.process_state.change_notifier,
            lambda messages: self.run(send, messages),
            outage_log=self.outage_log,
            read_database=(lambda: self.run(read_database)) if listen_url else None,
            poll_seconds=POOLED_POLL_SECONDS if self._is_polling else POLL_SECONDS,
        )

    @property
    def unit_of_work(self) -> UnitOfWork:
        return self._session().unit_of_work

    async def run(self, operation: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._watchdog.check_responsive()
        loop = asyncio.get_running_loop()
        check_abandoned = self._watchdog.abandonment_check()
        on_loop = partial(loop.call_soon_threadsafe)
        work = partial(self._run, on_loop, check_abandoned, lambda it: operation(it, *args, **kwargs))
        try:
            running = self._threads.submit(work)
        except RuntimeError as error:  # the threads were shut down
            raise DatabaseUnavailable("the server is stopping") from error
        return await self._watchdog.wait_for(running)

    async def run_in_steps(
        self, operation: Callable[Concatenate[UnitOfWork, P], Steps[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self.run(
            lambda unit_of_work: finish(operation(unit_of_work, *args, **kwargs), _release_interpreter)
        )

    def run_sync(self, operation: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(None, _never_abandoned, lambda unit_of_work: operation(unit_of_work, *args, **kwargs))

    def _run(
        self,
        on_loop: Callable[[Callable[[], None]], object] | None,
        check_abandoned: Callable[[], None],
        operation: Callable[[UnitOfWork], T],
    ) -> T:
        """Run an operation in this thread. Its after-commit callbacks run on the event loop.

        `check_abandoned` raises DatabaseUnavailable if the caller has stopped waiting for the operation.
        """
        for tries_left in reversed(range(TRIES)):
            try:
                session = self._session(check_abandoned)
                check_abandoned()  # connecting takes as long as an outage, which may be over now
                session.on_loop = on_loop
                return operation(session.unit_of_work)
            except psycopg.Error as error:
                self._check(error, is_last=not tries_left)
            time.sleep(random.uniform(0, LONGEST_RETRY_PAUSE_SECONDS))  # noqa: S311 - random, to avoid another conflict
        raise AssertionError

    def _check(self, error: psycopg.Error, *, is_last: bool) -> None:
        """Raise DatabaseUnavailable or the error itself, unless the operation must be retried."""
        failure = failure_of(error)
        if failure == PostgresqlFailure.DEFECT:
            raise error
        if failure == PostgresqlFailure.STALE_SESSION:
            self._drop_own_session()
        if failure in (PostgresqlFailure.UNDONE, PostgresqlFailure.STALE_SESSION) and not is_last:
            return
        reported = unavailable(self.url, error)
        if failure == PostgresqlFailure.DAMAGED:
            reported = DatabaseDamaged(f"{reported}: repair the database, and restart ringback")
        if failure != PostgresqlFailure.UNDONE:
            self.outage.report(reported)
        raise reported from error

    def _drop_own_session(self) -> None:
        session: _Session | None = getattr(self._own, "session", None)
        if session:
            self._own.session = None
            self.drop_session(session)

    def _session(self, check_abandoned: Callable[[], None] = _never_abandoned) -> "_Session":
        """Return this thread's connection. If it is missing or broken, call `check_abandoned` and open a new one."""
        session: _Session | None = getattr(self._own, "session", None)
        if session is None or not session.works():
            self._drop_own_session()
            if self._is_closing:
                raise DatabaseUnavailable("the server is stopping")
            check_abandoned()
            session = self._own.session = _Session(self)
        return session

    def add_session(self, session: "_Session") -> None:
        """Register a connection. Raises DatabaseUnavailable if the server is stopping."""
        self._sessions.add(session)
        if self._is_closing:
            self.drop_session(session)
            raise DatabaseUnavailable("the server is stopping")

    def drop_session(self, session: "_Session") -> None:
        """Close a connection."""
        self._sessions.discard(session)
        session.close()

    def _break_off_sessions(self, reason: DatabaseUnavailable) -> None:
        """Break the connections of the operations in progress, because the server does not answer."""
        self.outage.report(reason)
        for session in list(self._sessions):
            session.break_off()

    def background_tasks(self, on_change: Callable[[], None]) -> list[BackgroundTask]:
        if self._is_polling:
            log.warning(
                "notifications are polled: the database is reached through a connection pooler",
                seconds=POOLED_POLL_SECONDS,
                hint="set database_listen_url to the URL of a direct connection to PostgreSQL",
            )
        return [*self._notifier.background_tasks(on_change), BackgroundTask(DATABASE_WATCHDOG, self._watchdog.run)]

    def committed(self, *accounts: Any) -> None:
        """Notify subscribers of a commit, here and in other processes."""
        self.process_state.change_notifier.publish(*accounts)
        self._notifier.publish(*accounts)

    def close(self) -> None:
        """Close the connections. Operations in progress are interrupted after SHUTDOWN_SECONDS."""
        self._is_closing = True  # otherwise a thread whose connection breaks below would reconnect
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._watchdog.close()
        wait(self._watchdog.in_progress, SHUTDOWN_SECONDS)
        for session in list(self._sessions):
            session.break_off()
        self._threads.shutdown()
        for session in self._sessions:
            session.close()
        self.engine.dispose()


def _release_interpreter() -> None:
    """Release the GIL, because the event loop may be waiting for it."""
    time.sleep(0)


class _Session:
    """The connection of a thread, and the unit of work on it."""

    def __init__(self, database: PostgresqlDatabase) -> None:
        self.driver = connect(database.engine)
        self._is_broken = False
        database.add_session(self)  # before its first query, so that `close` can interrupt it
        try:
            self.is_pooled = configure(self.driver, database.prepare_threshold)
        except BaseException:
            database.drop_session(self)
            raise
        self._used_at = time.monotonic()
        self.on_loop: Callable[[Callable[[], None]], object] | None = None
        self.unit_of_work = UnitOfWork(
            cast("DBAPIConnection", self.driver),
            database.engine.dialect,
            POOLED_BACKEND if self.is_pooled else BACKEND,
            on_commit=database.committed,
            journal=database.process_state.journal,
            metrics=database.process_state.metrics,
            run_on_loop=self._run_on_loop,
        )

    def _run_on_loop(self, callback: Callable[[], None]) -> None:
        """Run a callback on the event loop, or here at startup, before the loop runs."""
        if self.on_loop:
            self.on_loop(callback)
        else:
            callback()

    def works(self) -> bool:
        """Return whether the connection works. A connection used within the last TRUSTED_SECONDS is not tested."""
        now = time.monotonic()
        is_trusted, self._used_at = now - self._used_at < TRUSTED_SECONDS, now
        if self.driver.closed or self._is_broken:
            return False
        if is_trusted:
            return True
        try:
            self.driver.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def break_off(self) -> None:
        """Break the connection, so that a thread that waits for a result on it continues."""
        self._is_broken = True
        break_off(self.driver)

    def close(self) -> None:
        self.driver.close()
