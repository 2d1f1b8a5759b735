"""A plugin: two applications over one PostgreSQL database; it needs the fixtures of support.simulation_fixtures."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial

import httpx
import pytest

from ringback import startup
from ringback.app import create_app
from ringback.config.settings import Settings
from ringback.storage.database import Database
from ringback.storage.database_factory import open_database
from support.clocks import FakeClock
from support.control import Controlled
from support.replicas import Replicas
from support.templates import PostgresqlTemplate


@pytest.fixture
def databases(migrated: PostgresqlTemplate) -> list[Database]:
    """Open the same database twice, as two processes do; the test closes both."""
    return [migrated.copy(), open_database(migrated.url)]


@pytest.fixture
async def replicas(migrated: PostgresqlTemplate, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Replicas]:
    """Run two applications."""
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
