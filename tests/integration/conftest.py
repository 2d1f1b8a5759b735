"""Fixtures of the integration tests: simulations, applications and proxies in the test's process."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from ringback import startup
from ringback.app import create_app
from ringback.clock import SystemClock
from ringback.config.settings import Settings
from ringback.monitoring.log_writer import LogWriter
from ringback.operations.refused_requests import RefusedRequests
from ringback.proxy.certificate_authority import open_authority
from ringback.proxy.proxy import Proxy
from ringback.proxy.tls_contexts import Certificates
from ringback.proxy.tunnel import ProxyLimits
from ringback.server.uvicorn_server import listen
from ringback.storage.database import Database
from ringback.storage.database_factory import open_database
from ringback.storage.unit_of_work import UnitOfWork
from support.clocks import FakeClock
from support.databases.templates import BOTH, PostgresqlTemplate, Template, template
from support.http.bare_proxy import LONG_LIMITS
from support.in_process.control import Controlled, ControlledAccount
from support.in_process.outbox import Outbox
from support.in_process.replicas import Replicas
from support.in_process.simulation import Simulation, a_simulation
from support.waiting import PATIENCE_SECONDS


@pytest.fixture
def anyio_backend() -> str:
    """Run coroutine tests on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session", params=BOTH)
def migrated(request: pytest.FixtureRequest) -> Iterator[Template]:
    """Yield the template of a migrated database, one for SQLite and one for PostgreSQL.

    Tests that need one kind of database have a mark, such as ``@only(SQLITE)``.
    """
    with template(request.param) as made:
        yield made


@pytest.fixture
def simulation(migrated: Template) -> Iterator[Simulation]:
    """Yield a simulation with a new database, the default account, and a fake clock."""
    simulation = a_simulation(migrated)
    yield simulation
    simulation.database.close()


@pytest.fixture
def database(simulation: Simulation) -> Database:
    """Return a new migrated database."""
    return simulation.database


@pytest.fixture
def unit_of_work(simulation: Simulation) -> UnitOfWork:
    """Return the unit of work of a new database."""
    return simulation.unit_of_work


@pytest.fixture
def clock(simulation: Simulation) -> FakeClock:
    """Return the simulation's clock."""
    return simulation.clock


@pytest.fixture
def outbox(simulation: Simulation) -> Outbox:
    """Return an outbox of pending StatusCallbacks."""
    return Outbox(simulation)


@pytest.fixture
def settings() -> Settings:
    """Return the settings of the application. Test modules can override this fixture."""
    return Settings(database_url="sqlite://")


@pytest.fixture
async def controlled(
    settings: Settings, migrated: Template, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Controlled]:
    """Run an application with its background tasks and a fake clock."""
    monkeypatch.setattr(startup, "open_database", lambda _url, _listen_url, process_state: migrated.copy(process_state))
    clock = FakeClock()
    app = create_app(settings, clock=clock)
    app.state.watch_log(LogWriter(len, lambda count: f"{count} lines dropped".encode()))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as http,
    ):
        yield Controlled(app, http, clock)


@pytest.fixture
async def account(controlled: Controlled) -> ControlledAccount:
    """Create an account for the test."""
    return await controlled.account()


@pytest.fixture
async def no_errors(controlled: Controlled) -> AsyncIterator[None]:
    """Check after the test that no error was logged and that every account settles."""
    with capture_logs() as lines:
        yield
        tables = (await controlled.ask("GET", "/snapshot")).json()["tables"]
    assert [line for line in lines if line["log_level"] in ("error", "critical")] == []
    frozen = {account["sid"]: account["clock_frozen_at"] for account in tables["accounts"]}
    for call in tables["validation_calls"]:
        frozen_at = frozen[call["account_sid"]]
        waits = call["ended_at"] is not None or (frozen_at is not None and call["due_at"] > frozen_at)
        assert (call["real_due_at"] is None) == waits, call
    assert [row for row in tables["status_callbacks"] if row["due_at"] is None and row["status"] == "pending"] == []


@pytest.fixture
def databases(migrated: PostgresqlTemplate) -> list[Database]:
    """Return two open instances of one database, as in two processes. The test closes both."""
    return [migrated.copy(), open_database(migrated.url)]


@pytest.fixture
async def replicas(migrated: PostgresqlTemplate, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Replicas]:
    """Run two applications on one database."""
    remaining = iter((migrated.copy, partial(open_database, migrated.url, None)))
    monkeypatch.setattr(
        startup, "open_database", lambda _url, _listen_url, process_state: next(remaining)(process_state)
    )
    clock = FakeClock()
    async with AsyncExitStack() as stack:
        running = []
        for _ in range(2):
            app = create_app(Settings(database_url="sqlite://"), clock=clock)
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            await stack.enter_async_context(app.router.lifespan_context(app))
            http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://test"))
            running.append(Controlled(app, http, clock))
        yield Replicas(*running)


@pytest.fixture
def refusals() -> RefusedRequests:
    return RefusedRequests(SystemClock().now)


@pytest.fixture
def proxy_limits() -> ProxyLimits:
    """Return long time limits. The mark `limited` selects other limits for a test."""
    return LONG_LIMITS


@pytest.fixture
async def proxy(tmp_path: Path, refusals: RefusedRequests, proxy_limits: ProxyLimits) -> AsyncIterator[tuple[str, int]]:
    """Run a proxy and yield its address. After the test, check that no task of the proxy is still running."""
    now = SystemClock().now
    listener = listen("127.0.0.1", 0)
    running = Proxy(listener, Certificates(open_authority(tmp_path, now()), now), refusals, proxy_limits)
    await running.start(lambda _: asyncio.Protocol())
    yield listener.getsockname()
    running.stop_accepting()
    await asyncio.wait_for(running.close(), PATIENCE_SECONDS)
    assert [task for task in asyncio.all_tasks() if "/ringback/proxy/" in code_of(task)] == []


def code_of(task: "asyncio.Task[object]") -> str:
    """Return the source file of the coroutine that a task runs."""
    return str(getattr(task.get_coro(), "cr_code", ""))
