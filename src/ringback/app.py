"""`create_app`, which builds the parts of a server and connects them."""

from functools import partial
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from ringback import __version__, health, phone_page
from ringback.callback_delivery.delivery import CallbackDelivery
from ringback.callback_delivery.sender import CallbackSender
from ringback.clock import Clock, SystemClock
from ringback.config.settings import Settings
from ringback.control_api import reference_page
from ringback.operations.id_generator import IdGenerator
from ringback.operations.refused_requests import RefusedRequests
from ringback.operations.services import Services
from ringback.simulator.call_runner import CallRunner
from ringback.simulator.clock_advancer import ClockAdvancer
from ringback.startup import InitialState, LazyApplication, Lifespan, call_policy, delivery_options
from ringback.storage.database import ProcessState
from ringback.twilio_api.app import Application, TwilioApp, answer_http_exception
from ringback.twilio_api.routes import api_router

if TYPE_CHECKING:
    import httpx

CONTROL_PATH = "/_ringback"
DOCS_PATH, OPENAPI_PATH = "/docs", "/openapi.json"
NON_TWILIO_PATHS = frozenset({*phone_page.PATHS, *health.PATHS, DOCS_PATH, OPENAPI_PATH})
MIB = 1024 * 1024

DESCRIPTION = """A local stand-in for Twilio's OutgoingCallerIds REST API. Paths without a suffix, or with .xml, return
XML; with .json, JSON; with .csv, CSV. Authenticate with HTTP Basic: account SID and auth token, or API key and
secret."""


def create_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    callback_transport: "httpx.AsyncBaseTransport | None" = None,
) -> Application:
    """Open, migrate and seed the database, and return the application. Its lifespan runs the background tasks.

    Tests replace the system clock with `clock` and the network with `callback_transport`. Raises DatabaseUnavailable or
    SeedError with a message for the user.
    """
    clock = clock or SystemClock()
    id_generator = IdGenerator(settings.random_seed, settings.validation_code_format)
    policy = call_policy(settings)
    process_state = ProcessState()
    initial_state = InitialState(settings, id_generator)
    database = initial_state.open_database(clock.now(), process_state)
    refused_requests = RefusedRequests(clock.now)
    delivery = CallbackDelivery(database, clock, delivery_options(settings), callback_transport)
    sender = CallbackSender(database, clock, delivery, id_generator.random_fraction)
    runner = CallRunner(database, clock, policy, id_generator, on_call_ended=sender.wake, metrics=process_state.metrics)
    advancer = ClockAdvancer(
        database,
        clock,
        policy,
        id_generator,
        change_notifier=process_state.change_notifier,
        on_call_ended=sender.wake,
        on_advanced=runner.wake,
    )

    async def reset_all() -> None:
        await database.run_in_steps(initial_state.reset_steps, clock.now())
        refused_requests.clear()

    services = Services(
        database=database,
        metrics=process_state.metrics,
        journal=process_state.journal,
        change_notifier=process_state.change_notifier,
        refused_requests=refused_requests,
        id_generator=id_generator,
        call_policy=policy,
        number_validation=settings.number_validation,
        validation_code_format=settings.validation_code_format,
        snapshot_limit_bytes=settings.snapshot_limit_mib * MIB,
        system_now=clock.now,
        wake_runner=runner.wake,
        wake_sender=sender.wake,
        advance=advancer.advance,
        reset_all=reset_all,
    )
    control_app = LazyApplication(partial(_control_app, services, settings))
    app = _application(services, Lifespan(services, runner, sender, control_app), control_app)
    app.state.auth_token = initial_state.auth_token
    return app


def _application(services: Services, lifespan: Lifespan, control_app: ASGIApp) -> Application:
    app = Application(
        title="ringback",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
        docs_url=None,
        openapi_url=OPENAPI_PATH,
        exception_handlers={HTTPException: answer_http_exception},
    )
    app.state.end_waits = services.change_notifier.close
    app.state.refused_requests = services.refused_requests
    app.state.supervisor = lifespan.supervisor
    app.state.watch_log = lifespan.watch_log
    for router in (
        api_router,
        health.health_router(services.database, lifespan.supervisor),
        health.metrics_router(services),
        phone_page.router,
    ):
        app.router.routes.extend(router.routes)  # include_router would match every request twice
    app.add_api_route(DOCS_PATH, reference_page.show, methods=["GET"], include_in_schema=False)
    app.mount(CONTROL_PATH, control_app)
    app.twilio_app = TwilioApp(app.answer_non_twilio, services, NON_TWILIO_PATHS, f"{CONTROL_PATH}/")
    return app


def _control_app(services: Services, settings: Settings) -> ASGIApp:
    from ringback.control_api.application import ErrorLoggingMiddleware, create_control_app  # 150 ms

    app = create_control_app(services, settings.control_token, settings.host)
    app.add_api_route(DOCS_PATH, reference_page.show, methods=["GET"], include_in_schema=False)
    return ErrorLoggingMiddleware(app)
