"""Watchdog that detects when a PostgreSQL server no longer answers, for example because its container is paused.

The kernel of a paused server still acknowledges packets, so TCP timeouts do not apply, and PostgreSQL's own timeouts do
not run. Without the watchdog, an operation that waits for such a server would block its thread until the server
resumes.
"""

import asyncio
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from ringback.storage.errors import DatabaseUnavailable, redacted, unavailable
from ringback.storage.outages import OutageLog, run_on_database
from ringback.storage.postgresql_connection import SERVER_PID, break_off, connect, connect_seconds

T = TypeVar("T")

DATABASE_WATCHDOG = "database_watchdog"
STALLED_SECONDS = 2.0
"""Duration of an operation after which the server is tested. Slow statements and waits for locks may take longer."""
CHECK_SECONDS = 0.25
"""Interval between the watchdog's checks."""
_SERVER_MESSAGE = re.compile(r"[^\s:]:  \S", re.ASCII)
"""The colon and two spaces that libpq writes between the severity and the text of a server's message.

The severity is in the language of the server. libpq does not report the SQLSTATE of a failed connection attempt.
"""
MARGIN_SECONDS = 0.5
"""Difference between the driver's connection timeout and the shorter time limit of the test."""


class Watchdog:
    """Waits for the results of operations, and tests the server if an operation takes too long.

    The test opens a new connection. If the server does not answer, all operations in progress raise
    DatabaseUnavailable, `on_unresponsive` is called, and `check_responsive` raises DatabaseUnavailable until the server
    answers a later test. An abandoned operation must not start again: its caller has been told that it failed.
    """

    def __init__(
        self, url: URL, engine: Engine, outage_log: OutageLog, on_unresponsive: Callable[[DatabaseUnavailable], None]
    ) -> None:
        self._url = url
        self._reason = self._no_answer = f"cannot use the database {redacted(url)}: PostgreSQL does not answer"
        self._engine = engine
        self._outage_log = outage_log
        self._on_unresponsive = on_unresponsive
        self._test_seconds = connect_seconds(url) - MARGIN_SECONDS
        self._tested: psycopg.Connection | None = None
        self._started_at: dict[Future[Any], float] = {}
        self._waiting: set[asyncio.Future[Any]] = set()
        self._abandoned: set[asyncio.Future[Any]] = set()
        self._abandonments = 0
        self._answered_at = 0.0
        self._is_unresponsive = False

    @property
    def in_progress(self) -> set[Future[Any]]:
        """The operations that have not ended yet."""
        return set(self._started_at)

    def check_responsive(self) -> None:
        """Raise DatabaseUnavailable if the server did not answer the last test, so that callers do not wait for it."""
        if self._is_unresponsive:
            raise DatabaseUnavailable(self._reason)

    def abandonment_check(self) -> Callable[[], None]:
        """Return a function that raises DatabaseUnavailable if all operations were abandoned since this call.

        The thread of an operation calls it before each attempt.
        """
        abandonments = self._abandonments

        def check_abandoned() -> None:
            if self._abandonments != abandonments:
                raise DatabaseUnavailable(self._reason)

        return check_abandoned

    async def wait_for(self, running: Future[T]) -> T:
        """Return the result of an operation. Raises DatabaseUnavailable if the server stops answering."""
        self._started_at[running] = time.monotonic()
        running.add_done_callback(self._forget)
        future = asyncio.wrap_future(running)
        self._waiting.add(future)
        try:
            return await future
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if future not in self._abandoned or (task and task.cancelling()):
                raise
            raise DatabaseUnavailable(self._reason) from None
        finally:
            self._waiting.discard(future)
            self._abandoned.discard(future)

    def _forget(self, ended: Future[Any]) -> None:
        """Remove an operation that has ended. This runs in the thread of the operation."""
        self._started_at.pop(ended, None)

    async def run(self) -> None:
        """Watch the server until cancelled."""
        await run_on_database(DATABASE_WATCHDOG, self.check, CHECK_SECONDS, self._outage_log)

    async def check(self) -> None:
        """Test the server if an operation takes too long, or if the last test was not answered."""
        if not self._is_unresponsive and not self._is_stalled():
            return
        started_at = time.monotonic()
        test = asyncio.wrap_future(self._start_test())
        await asyncio.wait({test}, timeout=self._test_seconds)
        if not test.done():
            self._reason = self._no_answer
            self._abandon_operations()
        error = await test  # the driver's own timeout ends the test at the latest
        ended_at = time.monotonic()
        if error is None or is_from_server(error):
            self._is_unresponsive, self._answered_at = False, ended_at
        elif ended_at - started_at < self._test_seconds:
            self._reason = str(unavailable(self._url, error))
            self._abandon_operations()

    def _is_stalled(self) -> bool:
        """Return whether an operation has run for STALLED_SECONDS.

        The time is counted from the last answered test if that was after the start of the operation.
        """
        times = list(self._started_at.values())  # a copy, because threads remove entries
        return bool(times) and time.monotonic() - max(min(times), self._answered_at) > STALLED_SECONDS

    def _start_test(self) -> "Future[psycopg.Error | None]":
        """Test the server in a daemon thread, because a shutdown cannot interrupt a connection attempt."""
        result: Future[psycopg.Error | None] = Future()
        result.set_running_or_notify_cancel()  # a cancelled caller must not cancel it, because the thread sets it

        def run() -> None:
            try:
                result.set_result(self._test())
            except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
                result.set_exception(error)

        threading.Thread(target=run, name="postgresql-watchdog", daemon=True).start()
        return result

    def _test(self) -> psycopg.Error | None:
        """Open and use a new connection. Return the error if that fails. This runs in a thread."""
        try:
            self._tested = connect(self._engine)
            with self._tested:
                self._tested.execute(SERVER_PID)
        except psycopg.Error as error:
            return error
        return None

    def _abandon_operations(self) -> None:
        if self._is_unresponsive:
            return
        self._is_unresponsive = True
        self._abandonments += 1  # before the connections break, because their threads then try to reconnect
        self._abandoned |= self._waiting
        for future in self._abandoned:
            future.cancel()  # prevents operations that are still queued from running
        self._on_unresponsive(DatabaseUnavailable(self._reason))

    def close(self) -> None:
        """End a test in progress. A test that is connecting ends by itself, in its daemon thread."""
        if self._tested is not None:
            break_off(self._tested)


def is_from_server(error: psycopg.Error) -> bool:
    """Return whether a server sent this error, for example because it has too many connections or is starting.

    Otherwise, the server did not answer.
    """
    return error.sqlstate is not None or _SERVER_MESSAGE.search(str(error)) is not None
