"""The one place that knows everything: it opens the database, makes the parts and puts them together."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback import __version__, health, phone_page
from ringback.callback_delivery.delivery import CallbackDelivery
from ringback.callback_delivery.egress import EgressPolicy
from ringback.callback_delivery.sender import CallbackSender
from ringback.clock import Clock, SystemClock
from ringback.config.settings import Settings
from ringback.control_api import reference_page as docs_page
from ringback.control_api.services import ControlServices
from ringback.domain.callbacks import VALIDATION_CALLER
from ringback.domain.geography import geography
from ringback.operations.id_generator import IdGenerator
from ringback.operations.refused_requests import RefusedRequests
from ringback.simulator.call_runner import CallRunner
from ringback.simulator.clock_advancer import ClockAdvancer
from ringback.startup import Background, Beginnings, call_policy, delivery_policy
from ringback.storage.database import Database
from ringback.storage.schema import find_unready_reason
from ringback.supervision import Supervisor
from ringback.twilio_api import accounts, calls
from ringback.twilio_api import caller_id as outgoing_caller_id_instance
from ringback.twilio_api import caller_ids as outgoing_caller_id_list
from ringback.twilio_api.app import TwilioApp, answer_http_exception
from ringback.twilio_api.routes import Routes
from ringback.twilio_api.services import Services

if TYPE_CHECKING:
    import httpx

WARM_UP_AFTER_SECONDS = 0.5
"""How long after the start what will be wanted first is looked up: the start itself is to be quick."""
CONTROL_PATH = "/_ringback"
MIB = 1024 * 1024
DOCS_PATH, OPENAPI_PATH = "/docs", "/openapi.json"
OTHER_PATHS = frozenset(
    {*phone_page.PATHS, health.LIVE_PATH, health.READY_PATH, health.METRICS_PATH, DOCS_PATH, OPENAPI_PATH}
)

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
    identifiers = IdGenerator(settings.random_seed, settings.validation_code_format)
    policy = call_policy(settings)
    beginnings = Beginnings(settings, identifiers)
    database = beginnings.open_database(the_clock.now())
    refusals = RefusedRequests(the_clock.now)
    egress = EgressPolicy.of(settings.callback_allowed_hosts, settings.callback_host_map)
    deliverer = CallbackDelivery(database, the_clock, delivery_policy(settings), egress, callback_transport)
    sender = CallbackSender(database, the_clock, deliverer, identifiers.draw)
    runner = CallRunner(database, the_clock, policy, identifiers, on_call_ended=sender.wake)

    def wake() -> None:
        runner.wake()
        sender.wake()

    services = Services(
        database,
        the_clock.now,
        identifiers,
        policy,
        settings.number_validation,
        settings.validation_code_format,
        wake_runner=runner.wake,
        wake_sender=sender.wake,
    )
    advancer = ClockAdvancer(
        database, the_clock, policy, identifiers, on_call_ended=sender.wake, on_advanced=runner.wake
    )

    async def reset_all() -> None:
        await database.run_in_steps(beginnings.make_anew_steps, the_clock.now())
        refusals.clear()

    control = LazyApplication(
        lambda: _control_application(
            ControlServices(
                database,
                the_clock.now,
                identifiers,
                policy,
                settings.number_validation,
                wake=wake,
                advance=advancer.advance,
                reset_all=reset_all,
                refusals=refusals,
                snapshot_limit_bytes=settings.snapshot_limit_mib * MIB,
            ),
            settings,
        )
    )
    background = Background(database, the_clock.now, runner, sender, wake=wake, warm_up=lambda: _warm_up(control))
    app = Application(
        title="ringback",
        version=__version__,
        description=DESCRIPTION,
        lifespan=background.lifespan,
        redirect_slashes=False,
        redoc_url=None,
        docs_url=None,
        openapi_url=OPENAPI_PATH,
        exception_handlers={HTTPException: answer_http_exception},
    )
    app.state.end_waits = database.change_notifier.close
    app.state.refusals = refusals
    app.state.supervisor = background.supervisor
    app.state.watch_log = background.watch_log
    for router in (
        outgoing_caller_id_list.router,
        outgoing_caller_id_instance.router,
        accounts.router,
        calls.router,
        health.health_router(_readiness(database, background.supervisor)),
        health.metrics_router(database, the_clock.now),
        phone_page.router,
    ):
        app.router.routes.extend(router.routes)  # include_router would match every request twice
    app.add_api_route(DOCS_PATH, _docs, methods=["GET"], include_in_schema=False)
    app.mount(CONTROL_PATH, control)
    app.edge = TwilioApp(app.answer_others, services, Routes(app.routes), OTHER_PATHS, f"{CONTROL_PATH}/")
    return app


class Application(FastAPI):
    """FastAPI's application behind the Twilio edge: what is the edge's goes through none of FastAPI's layers."""

    edge: TwilioApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.edge(scope, receive, send)

    async def answer_others(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is not the Twilio surface's."""
        await super().__call__(scope, receive, send)


async def _docs(request: Request) -> HTMLResponse:
    page = docs_page.render(request.app.openapi(), request.scope.get("root_path", ""))
    return HTMLResponse(page, headers=docs_page.SECURITY_HEADERS)


def _control_application(services: ControlServices, settings: Settings) -> ASGIApp:
    from ringback.control_api.application import ErrorLoggingMiddleware, control_application

    app = control_application(services, settings.control_token, settings.host)
    app.add_api_route(DOCS_PATH, _docs, methods=["GET"], include_in_schema=False)
    return ErrorLoggingMiddleware(app)


class LazyApplication:
    """An application that is made when it is first asked, beside the event loop: the start is not to wait for it."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._app: ASGIApp | None = None
        self._making = asyncio.Lock()

    async def made(self) -> ASGIApp:
        """Return the application."""
        async with self._making:
            if self._app is None:
                self._app = await asyncio.to_thread(self._make)
            return self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = await self.made()
        await app(scope, receive, send)


def _readiness(database: Database, supervisor: Supervisor) -> Callable[[], Awaitable[str | None]]:
    async def reason_not_ready() -> str | None:
        return await find_unready_reason(database) or supervisor.trouble()

    return reason_not_ready


async def _warm_up(control: LazyApplication) -> None:
    """Make beside the event loop what will be wanted soon, and not before the server is ready."""
    await asyncio.sleep(WARM_UP_AFTER_SECONDS)
    await asyncio.to_thread(geography, VALIDATION_CALLER)
    await control.made()
    if gc.get_freeze_count():  # as the command did at its start: a full collection would take more than 10 ms
        gc.freeze()
