"""pytest plugin with fixtures for tests of the control API. It needs the plugin support.simulation_fixtures."""

from collections.abc import AsyncIterator

import httpx
import pytest

from ringback import startup
from ringback.app import create_app
from ringback.config.settings import Settings
from ringback.monitoring.log_writer import LogWriter
from support.clocks import FakeClock
from support.control import Controlled, ControlledAccount
from support.templates import Template


@pytest.fixture
def settings() -> Settings:
    """Return the settings of the application. A test module can override this fixture."""
    return Settings(database_url="sqlite://")


@pytest.fixture
async def controlled(
    settings: Settings, migrated: Template, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Controlled]:
    """Run an application with its background tasks and a stopped clock."""
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
