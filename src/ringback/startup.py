"""The lifespan of the application: its background tasks start and stop with it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from fastapi import FastAPI

from ringback.callback_delivery.sender import CALLBACK_LEASES, CALLBACK_SENDER, CallbackSender
from ringback.domain.timestamps import Instant
from ringback.monitoring.log_writer import LogWriter
from ringback.monitoring.metrics import Meters
from ringback.simulator.call_runner import CALL_RUNNER, Runner
from ringback.simulator.housekeeping import CHECKPOINT, PRUNING, Housekeeper
from ringback.simulator.journal_writer import REQUEST_JOURNAL, JournalWriter
from ringback.storage.database import Database
from ringback.supervision import BackgroundTask, Supervisor

WARM_UP, LOG_WRITER = "warm_up", "log_writer"
TASK_NAMES = (
    CALL_RUNNER,
    CALLBACK_SENDER,
    CALLBACK_LEASES,
    CHECKPOINT,
    PRUNING,
    REQUEST_JOURNAL,
    "notification_publisher",
    "notification_listener",
    "notification_poll",
    WARM_UP,
    LOG_WRITER,
)
"""All background tasks, in any configuration (ADR 16)."""
CALLBACK_GRACE_SECONDS = 2.0
"""How long callbacks under way may take to end when the server stops."""

log = structlog.get_logger()


class Background:
    """The supervised background tasks of an application, and what must be closed after them."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], Instant],
        runner: Runner,
        sender: CallbackSender,
        *,
        wake: Callable[[], None],
        warm_up: Callable[[], Awaitable[None]],
    ) -> None:
        self._database = database
        self._sender = sender
        self._journal_writer = JournalWriter(database)
        housekeeper = Housekeeper(database, now)
        tasks = [
            BackgroundTask(CALL_RUNNER, runner.run),
            BackgroundTask(CALLBACK_SENDER, sender.run),
            BackgroundTask(CALLBACK_LEASES, sender.renew_leases),
            BackgroundTask(PRUNING, housekeeper.run_pruning),
            BackgroundTask(REQUEST_JOURNAL, self._journal_writer.run),
            BackgroundTask(WARM_UP, warm_up, finite=True),
            *database.background_tasks(wake),
        ]
        if not database.is_shared:
            tasks.append(BackgroundTask(CHECKPOINT, housekeeper.run_checkpoints))
        self.supervisor = Supervisor(tasks, _Reports(database.meters))

    def watch_log(self, writer: LogWriter) -> None:
        """Supervise the thread that writes the log, and count the lines that it drops."""
        self.supervisor.add(BackgroundTask(LOG_WRITER, writer.watch))
        self._database.meters.dropped_log_lines = lambda: writer.dropped_lines

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Run the background tasks; afterwards nothing that was acknowledged is lost."""
        async with AsyncExitStack() as at_the_end:
            at_the_end.callback(self._database.close)
            at_the_end.push_async_callback(self._sender.close, CALLBACK_GRACE_SECONDS)
            at_the_end.push_async_callback(self._journal_writer.close)
            at_the_end.push_async_callback(self.supervisor.stop)
            self.supervisor.start()
            yield


class _Reports:
    """Passes on what happens to background tasks: to the metrics and to the log."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters

    def started(self, name: str) -> None:
        self._meters.task_started(name)
        log.debug("background task started", task=name)

    def failed(self, name: str, failure: BaseException, restart_seconds: float | None) -> None:
        self._meters.task_failed(name)
        if restart_seconds is None:
            log.critical("background task failed too often, stopping", task=name, exc_info=failure)
        else:
            log.error("background task failed, restarting", task=name, seconds=restart_seconds, exc_info=failure)
