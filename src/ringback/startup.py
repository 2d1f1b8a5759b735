"""Startup and shutdown: open, migrate and seed the database, then run the background tasks for the lifespan."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager

import structlog
from fastapi import FastAPI

from ringback.callback_delivery.sender import CALLBACK_LEASES, CALLBACK_SENDER, CallbackSender
from ringback.config.settings import Settings
from ringback.domain.phones import Phone
from ringback.domain.policies import CallPolicy
from ringback.domain.retry_policy import DeliveryPolicy
from ringback.domain.seed import Seed, SeedError
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.monitoring.log_writer import LogWriter
from ringback.monitoring.metrics import Metrics
from ringback.operations.accounts import ensure_account, reset_everything
from ringback.operations.callbacks import release_all_leases
from ringback.operations.clock_recovery import bring_pending_work_forward
from ringback.operations.clocks import recompute_due_times
from ringback.operations.id_generator import IdGenerator
from ringback.operations.seed import UnknownAccount, apply_seed
from ringback.simulator.call_runner import CALL_RUNNER, CallRunner
from ringback.simulator.housekeeping import CHECKPOINT, PRUNING, Housekeeper
from ringback.simulator.journal_writer import REQUEST_JOURNAL, JournalWriter
from ringback.storage.database import Database
from ringback.storage.database_factory import open_database
from ringback.storage.errors import reported_as_unavailable
from ringback.storage.schema import check_is_at_head, migrate
from ringback.storage.stepwise import Steps, finish
from ringback.storage.unit_of_work import UnitOfWork
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
        now: Callable[[], Timestamp],
        runner: CallRunner,
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
        self.supervisor = Supervisor(tasks, _Reports(database.metrics))

    def watch_log(self, writer: LogWriter) -> None:
        """Supervise the thread that writes the log, and count the lines that it drops."""
        self.supervisor.add(BackgroundTask(LOG_WRITER, writer.watch))
        self._database.metrics.dropped_log_lines = lambda: writer.dropped_lines

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

    def __init__(self, metrics: Metrics) -> None:
        self._meters = metrics

    def started(self, name: str) -> None:
        self._meters.task_started(name)
        log.debug("background task started", task=name)

    def failed(self, name: str, failure: BaseException, restart_seconds: float | None) -> None:
        self._meters.task_failed(name)
        if restart_seconds is None:
            log.critical("background task failed too often, stopping", task=name, exc_info=failure)
        else:
            log.error("background task failed, restarting", task=name, seconds=restart_seconds, exc_info=failure)


MILLISECONDS = 1000


class Beginnings:
    """The accounts that settings and seed file name. Raises SeedError where the file holds mistakes."""

    def __init__(self, settings: Settings, identifiers: IdGenerator) -> None:
        self._settings = settings
        self._identifiers = identifiers
        self._seed: Seed = _read_seed(settings)

    def open_database(self, now: Timestamp) -> Database:
        """Open the database, bring an embedded one to head, and give it what it is to begin with.

        Raises DatabaseUnavailable or SeedError, each a message for the user.
        """
        database = open_database(self._settings.database_url, self._settings.database_listen_url)
        with ExitStack() as on_failure, reported_as_unavailable(self._settings.database_url):
            on_failure.callback(database.close)
            if database.is_shared:
                check_is_at_head(database)
            else:
                migrate(database)
            database.run_sync(self.make, now)
            if not database.is_shared:
                database.run_sync(release_all_leases, now=now)
            database.run_sync(bring_pending_work_forward, system_now=now)
            database.run_sync(recompute_due_times, system_now=now)
            on_failure.pop_all()
        return database

    def make(self, unit_of_work: UnitOfWork, now: Timestamp) -> None:
        """Make the accounts that are missing, and what is theirs."""
        finish(self._making(unit_of_work, now))

    def _making(self, unit_of_work: UnitOfWork, now: Timestamp) -> Steps[None]:
        sid = AccountSid(self._settings.account_sid)
        with unit_of_work:
            unit_of_work.locks.startup()
            ensure_account(unit_of_work, sid, self._settings.auth_token, now)
            try:
                yield from apply_seed.steps(unit_of_work, self._seed, now=now, identifiers=self._identifiers)
            except UnknownAccount as error:
                raise SeedError(f"{self._settings.seed}: {error}") from error

    def make_anew(self, unit_of_work: UnitOfWork, now: Timestamp) -> None:
        """Forget everything there is, and start again."""
        finish(self.make_anew_steps(unit_of_work, now))

    def make_anew_steps(self, unit_of_work: UnitOfWork, now: Timestamp) -> Steps[None]:
        """Forget everything there is, and start again, step by step."""
        with unit_of_work:
            unit_of_work.locks.startup()  # before all accounts, as those who start have it
            yield from reset_everything.steps(unit_of_work)
            yield from self._making(unit_of_work, now)
            yield from unit_of_work.commit_in_thread()


def _read_seed(settings: Settings) -> Seed:
    if not settings.seed:
        return ()
    from ringback.config.seed_file import read_seed

    seed = read_seed(settings.seed, settings.number_validation)
    for account in seed:
        if account.sid == settings.account_sid and account.auth_token not in (None, settings.auth_token):
            raise SeedError(f"{settings.seed}: account {account.sid}: its auth_token is not the one of the settings")
    return seed


def call_policy(settings: Settings) -> CallPolicy:
    """Return how calls go, as the settings have it."""
    return CallPolicy(
        settings.ring_timeout_seconds,
        settings.prompt_timeout_seconds,
        settings.code_attempts,
        Phone(settings.phone_behavior, settings.ring_seconds, settings.key_seconds),
        settings.account_type,
        settings.calls_per_number_and_week,
        settings.code_lifetime_seconds,
    )


def delivery_policy(settings: Settings) -> DeliveryPolicy:
    """Return how patiently StatusCallbacks are delivered, as the settings have it."""
    total_ms = round(settings.callback_timeout_seconds * MILLISECONDS)
    return DeliveryPolicy(
        connect_timeout_ms=round(settings.callback_connect_timeout_seconds * MILLISECONDS),
        read_timeout_ms=total_ms,
        total_timeout_ms=total_ms,
    )
