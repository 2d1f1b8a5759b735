"""Startup and shutdown: open, migrate and seed the database; run the background tasks during the lifespan."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager

import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.callback_delivery.delivery import DeliveryOptions
from ringback.callback_delivery.egress import EgressPolicy
from ringback.callback_delivery.sender import CALLBACK_LEASES, CALLBACK_SENDER, CallbackSender
from ringback.config.seed_file import read_seed
from ringback.config.settings import Settings
from ringback.config.validators import trusted_certificates
from ringback.domain.callbacks import VALIDATION_CALLER
from ringback.domain.geography import geography
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
from ringback.operations.clocks import bring_pending_work_forward, recompute_due_times
from ringback.operations.id_generator import IdGenerator
from ringback.operations.seed import InvalidSeed, apply_seed
from ringback.operations.services import Services
from ringback.simulator.background import CHECKPOINT, PRUNING, REQUEST_JOURNAL, Housekeeper, JournalWriter
from ringback.simulator.call_runner import CALL_RUNNER, CallRunner
from ringback.storage.database import Database, ProcessState
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
    "database_watchdog",
    WARM_UP,
    LOG_WRITER,
)
"""All background tasks, in any configuration (ADR 16)."""
WARM_UP_AFTER_SECONDS = 0.5
"""Pause between startup and warm-up, so that the server is ready first."""
CALLBACK_GRACE_SECONDS = 2.0
"""Grace period for callback deliveries in progress at shutdown."""
MILLISECONDS = 1000

log = structlog.get_logger()


class LazyApplication:
    """An application that is built in a thread when it is first needed, so that the build does not delay startup."""

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._app: ASGIApp | None = None
        self._building = asyncio.Lock()

    async def get(self) -> ASGIApp:
        """Return the application; build it the first time."""
        async with self._building:
            if self._app is None:
                self._app = await asyncio.to_thread(self._build)
            return self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = await self.get()
        await app(scope, receive, send)


class Lifespan:
    """The supervised background tasks of an application, from its startup to its shutdown."""

    def __init__(
        self, services: Services, runner: CallRunner, sender: CallbackSender, control_app: LazyApplication
    ) -> None:
        database = services.database
        self._database = database
        self._metrics = services.metrics
        self._sender = sender
        self._control_app = control_app
        self._journal_writer = JournalWriter(database)
        housekeeper = Housekeeper(database, services.system_now, services.change_notifier)
        tasks = [
            BackgroundTask(CALL_RUNNER, runner.run),
            BackgroundTask(CALLBACK_SENDER, sender.run),
            BackgroundTask(CALLBACK_LEASES, sender.renew_leases),
            BackgroundTask(PRUNING, housekeeper.run_pruning),
            BackgroundTask(REQUEST_JOURNAL, self._journal_writer.run),
            BackgroundTask(WARM_UP, self._warm_up, finite=True),
            *database.background_tasks(services.wake),
        ]
        if not database.is_shared:
            tasks.append(BackgroundTask(CHECKPOINT, housekeeper.run_checkpoints))
        self.supervisor = Supervisor(tasks, _TaskReports(services.metrics))

    def watch_log(self, writer: LogWriter) -> None:
        """Supervise the thread that writes the log, and count the lines that it drops."""
        self.supervisor.add(BackgroundTask(LOG_WRITER, writer.watch))
        self._metrics.dropped_log_lines = lambda: writer.dropped_lines

    @asynccontextmanager
    async def __call__(self, _: FastAPI) -> AsyncIterator[None]:
        """Run the background tasks, and shut down without losing acknowledged work."""
        async with AsyncExitStack() as shutdown:
            shutdown.callback(self._database.close)
            shutdown.push_async_callback(self._sender.close, CALLBACK_GRACE_SECONDS)
            shutdown.push_async_callback(self._journal_writer.close)
            shutdown.push_async_callback(self.supervisor.stop)
            self.supervisor.start()
            yield

    async def _warm_up(self) -> None:
        """Prepare what the first requests need, after the server is ready."""
        await asyncio.sleep(WARM_UP_AFTER_SECONDS)
        await asyncio.to_thread(geography, VALIDATION_CALLER)
        await self._control_app.get()
        if gc.get_freeze_count():  # frozen at startup: a full collection would take more than 10 ms
            gc.freeze()


class _TaskReports:
    """Counts and logs the starts and failures of background tasks."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def started(self, name: str) -> None:
        self._metrics.task_started(name)
        log.debug("background task started", task=name)

    def failed(self, name: str, failure: BaseException, restart_seconds: float | None) -> None:
        self._metrics.task_failed(name)
        if restart_seconds is None:
            log.critical("background task failed too often, stopping", task=name, exc_info=failure)
        else:
            log.error("background task failed, restarting", task=name, seconds=restart_seconds, exc_info=failure)


class InitialState:
    """The accounts that the settings and the seed file define. Raises SeedError if the file is invalid."""

    def __init__(self, settings: Settings, id_generator: IdGenerator) -> None:
        self._settings = settings
        self._id_generator = id_generator
        self._seed: Seed = _read_seed(settings)
        self._keeps_token = "auth_token" not in settings.model_fields_set
        self.auth_token = settings.auth_token
        """Auth token of the account that the settings name. An existing account keeps its token if the setting has its
        default value, because ringback 0.1.0 had a different default."""

    def open_database(self, system_now: Timestamp, process_state: ProcessState) -> Database:
        """Open the database, migrate it if it is embedded, and seed it.

        Raises DatabaseUnavailable or SeedError with a message for the user.
        """
        settings = self._settings
        database = open_database(settings.database_url, settings.database_listen_url, process_state)
        with ExitStack() as on_failure, reported_as_unavailable(settings.database_url):
            on_failure.callback(database.close)
            if database.is_shared:
                check_is_at_head(database)
            else:
                migrate(database)
            database.run_sync(self.seed, system_now)
            if not database.is_shared:
                database.run_sync(release_all_leases, now=system_now)
            database.run_sync(bring_pending_work_forward, system_now=system_now)
            database.run_sync(recompute_due_times, system_now=system_now)
            on_failure.pop_all()
        return database

    def seed(self, unit_of_work: UnitOfWork, system_now: Timestamp) -> None:
        """Create missing accounts, with their caller IDs and phones."""
        finish(self._seed_steps(unit_of_work, system_now))

    def _seed_steps(self, unit_of_work: UnitOfWork, system_now: Timestamp) -> Steps[None]:
        sid = AccountSid(self._settings.account_sid)
        with unit_of_work:
            unit_of_work.locks.startup()
            ensure_account(unit_of_work, sid, self.auth_token, system_now, keep_token=self._keeps_token)
            try:
                yield from apply_seed.steps(
                    unit_of_work, self._seed, system_now=system_now, id_generator=self._id_generator
                )
            except InvalidSeed as error:
                raise SeedError(f"{self._settings.seed}: {error}") from error
            account = unit_of_work.accounts.find(sid)
        if account and account.auth_token != self.auth_token:
            self.auth_token = account.auth_token
            log.info("account keeps its auth token", account_sid=sid, hint="set auth_token to replace it")

    def reset(self, unit_of_work: UnitOfWork, system_now: Timestamp) -> None:
        """Delete everything, and seed the database again."""
        finish(self.reset_steps(unit_of_work, system_now))

    def reset_steps(self, unit_of_work: UnitOfWork, system_now: Timestamp) -> Steps[None]:
        """Delete everything, and seed the database again, step by step."""
        with unit_of_work:
            unit_of_work.locks.startup()  # before the accounts' locks, as at startup: otherwise both could deadlock
            yield from reset_everything.steps(unit_of_work)
            yield from self._seed_steps(unit_of_work, system_now)
            yield from unit_of_work.commit_in_thread()


def _read_seed(settings: Settings) -> Seed:
    if not settings.seed:
        return ()
    seed = read_seed(settings.seed, settings.number_validation)
    for account in seed:
        if account.sid == settings.account_sid and account.auth_token not in (None, settings.auth_token):
            raise SeedError(
                f"{settings.seed}: account {account.sid}: its auth_token differs from the setting auth_token"
            )
    return seed


def call_policy(settings: Settings) -> CallPolicy:
    """Return the policy of calls that the settings define."""
    return CallPolicy(
        settings.ring_timeout_seconds,
        settings.prompt_timeout_seconds,
        settings.code_attempts,
        Phone(settings.phone_behavior, settings.ring_seconds, settings.key_seconds),
        settings.account_type,
        settings.calls_per_number_and_week,
        settings.code_lifetime_seconds,
        settings.long_friendly_name,
        settings.second_request,
        settings.callback_signed_port,
    )


def delivery_options(settings: Settings) -> DeliveryOptions:
    """Return the options of deliveries that the settings define."""
    total_ms = round(settings.callback_timeout_seconds * MILLISECONDS)
    policy = DeliveryPolicy(
        connect_timeout_ms=round(settings.callback_connect_timeout_seconds * MILLISECONDS),
        read_timeout_ms=total_ms,
        total_timeout_ms=total_ms,
    )
    return DeliveryOptions(
        policy,
        EgressPolicy.of(settings.callback_allowed_hosts, settings.callback_host_map),
        settings.callback_signed_port,
        trusted_certificates(settings.callback_ca_file),
    )
