"""The one place that knows everything: it opens the database, makes the parts and puts them together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ringback import __version__, docs_page, phone_page
from ringback.api import health, outgoing_caller_id_instance, outgoing_caller_id_list
from ringback.api.edge import TwilioEdge, answer_http_exception
from ringback.api.services import Services
from ringback.domain.call_plan import CallPolicy
from ringback.domain.callbacks import VALIDATION_CALLER
from ringback.domain.delivery import DeliveryPolicy
from ringback.domain.geography import geography
from ringback.domain.instants import Instant
from ringback.domain.phone_numbers import NumberValidation
from ringback.domain.phones import Phone
from ringback.domain.seed import Seed, SeedError
from ringback.domain.sids import AccountSid
from ringback.operations.accounts import ensure_account
from ringback.operations.callbacks import release_leases
from ringback.operations.identifiers import Identifiers
from ringback.operations.seed import UnknownAccount, apply_seed
from ringback.settings import Settings
from ringback.simulator.callback_sender import CallbackSender
from ringback.simulator.clock import Clock, SystemClock
from ringback.simulator.egress import EgressPolicy
from ringback.simulator.housekeeper import Housekeeper
from ringback.simulator.runner import Runner
from ringback.storage.database import Database, open_database, reported_as_unavailable
from ringback.storage.schema import is_at_head, migrate

if TYPE_CHECKING:
    import httpx

WARM_UP_AFTER_SECONDS = 0.5
"""How long after the start what will be wanted first is looked up: the start itself is to be quick."""
CALLBACK_GRACE_SECONDS = 2.0
"""How long callbacks under way may take to end when the server stops."""
OTHER_PREFIX = "/_ringback/"
DOCS_PATH, OPENAPI_PATH = "/docs", "/openapi.json"
OTHER_PATHS = frozenset({phone_page.PATH, health.LIVE_PATH, health.READY_PATH, DOCS_PATH, OPENAPI_PATH})
MILLISECONDS = 1000

DESCRIPTION = """A local stand-in for Twilio's OutgoingCallerIds REST API. Paths without suffix, or with .xml, answer
XML; with .json, JSON; with .csv, CSV. Authenticate by HTTP Basic: account SID and auth token, or API key and
secret."""


def create_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    callback_transport: "httpx.AsyncBaseTransport | None" = None,
) -> FastAPI:
    """Return the application over an opened, migrated and seeded database; its lifespan runs the simulator.

    `clock` and `callback_transport` stand in for the machine's time and network in tests. Raises
    DatabaseUnavailable or SeedError, each a message for the user, before anything is served.
    """
    the_clock = clock or SystemClock()
    identifiers = Identifiers(settings.random_seed, settings.validation_code_format)
    policy = call_policy(settings)
    database = prepare_database(settings, the_clock, identifiers)
    sender = CallbackSender(
        database,
        the_clock,
        delivery_policy(settings),
        EgressPolicy.of(settings.callback_allowed_hosts, settings.callback_host_map),
        callback_transport,
    )
    runner = Runner(database, the_clock, policy, identifiers, on_call_ended=sender.wake)

    def wake() -> None:
        runner.wake()
        sender.wake()  # a request that supersedes a call owes that call's StatusCallback at once

    services = Services(
        database,
        the_clock.now,
        identifiers,
        policy,
        settings.number_validation,
        settings.validation_code_format,
        wake_runner=wake,
    )
    app = FastAPI(
        title="ringback",
        version=__version__,
        description=DESCRIPTION,
        lifespan=_lifespan(database, runner, sender),
        redirect_slashes=False,
        redoc_url=None,
        docs_url=None,
        openapi_url=OPENAPI_PATH,
        exception_handlers={HTTPException: answer_http_exception},
    )
    for router in (
        outgoing_caller_id_list.router,
        outgoing_caller_id_instance.router,
        health.health_router(_readiness(database, runner)),
        phone_page.router,
    ):
        app.router.routes.extend(router.routes)  # include_router would match every request twice
    app.add_api_route(DOCS_PATH, _docs, methods=["GET"], include_in_schema=False)
    app.add_middleware(TwilioEdge, services=services, other_paths=OTHER_PATHS, other_prefix=OTHER_PREFIX)
    return app


async def _docs(request: Request) -> HTMLResponse:
    return HTMLResponse(docs_page.render(request.app.openapi()), headers=docs_page.SECURITY_HEADERS)


def prepare_database(settings: Settings, clock: Clock, identifiers: Identifiers) -> Database:
    """Open the database, bring it to head, and give it the accounts that settings and seed file name."""
    seed = _read_seed(settings.seed, settings.number_validation) if settings.seed else None
    database = open_database(settings.database_url)
    now = clock.now()
    with ExitStack() as on_failure, reported_as_unavailable(settings.database_url):
        on_failure.callback(database.close)
        migrate(database)
        ensure_account(database.unit_of_work, AccountSid(settings.account_sid), settings.auth_token, now)
        if seed:
            _apply_seed(settings, database, seed, now, identifiers)
        release_leases(database.unit_of_work, now=now)
        on_failure.pop_all()
    return database


def _read_seed(file: str, validation: NumberValidation) -> Seed:
    from ringback.seed import read_seed

    return read_seed(file, validation)


def _apply_seed(settings: Settings, database: Database, seed: Seed, now: Instant, identifiers: Identifiers) -> None:
    for account in seed:
        if account.sid == settings.account_sid and account.auth_token not in (None, settings.auth_token):
            raise SeedError(f"{settings.seed}: account {account.sid}: its auth_token is not the one of the settings")
    try:
        apply_seed(database.unit_of_work, seed, now=now, identifiers=identifiers)
    except UnknownAccount as error:
        raise SeedError(f"{settings.seed}: {error}") from error


def call_policy(settings: Settings) -> CallPolicy:
    """Return how calls go, as the settings have it."""
    return CallPolicy(
        settings.ring_timeout_seconds,
        settings.prompt_timeout_seconds,
        settings.code_attempts,
        Phone(settings.phone_behavior, settings.ring_seconds, settings.key_seconds),
    )


def delivery_policy(settings: Settings) -> DeliveryPolicy:
    """Return how patiently StatusCallbacks are delivered, as the settings have it."""
    total_ms = round(settings.callback_timeout_seconds * MILLISECONDS)
    return DeliveryPolicy(
        connect_timeout_ms=round(settings.callback_connect_timeout_seconds * MILLISECONDS),
        read_timeout_ms=total_ms,
        total_timeout_ms=total_ms,
    )


def _readiness(database: Database, runner: Runner) -> Callable[[], str | None]:
    def reason_not_ready() -> str | None:
        if not is_at_head(database):
            return "the database's schema is not at head, or the database cannot be read"
        return None if runner.is_alive else "the runner that moves calls is not alive"

    return reason_not_ready


async def _warm_up() -> None:
    """Look up a first place beside the event loop, for that reads files, and not before the server is ready."""
    await asyncio.sleep(WARM_UP_AFTER_SECONDS)
    await asyncio.to_thread(geography, VALIDATION_CALLER)


def _lifespan(
    database: Database, runner: Runner, sender: CallbackSender
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        works = (runner.run(), sender.run(), Housekeeper(database).run(), _warm_up())
        async with AsyncExitStack() as at_the_end:
            at_the_end.callback(database.close)
            at_the_end.push_async_callback(sender.close, CALLBACK_GRACE_SECONDS)
            for task in map(asyncio.create_task, works):
                at_the_end.push_async_callback(_stop, task)
            yield

    return lifespan


async def _stop(task: asyncio.Task[None]) -> None:
    """End a task; one that failed has no say in how the server stops."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
