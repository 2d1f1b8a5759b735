"""pytest plugin with the fixtures ``ringback`` and ``ringback_server``.

pytest imports it in every test suite, so it imports other modules only when a fixture is used.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ringback.testing.account import Account
    from ringback.testing.connection import Connection

LINES: "pytest.StashKey[list[str]]" = pytest.StashKey()
"""Lines for the end of the report. They are stored when the session finishes."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for the URL of a running server."""
    description = "base URL of a running ringback server to test against [RINGBACK_TEST_URL]; default: start a server"
    parser.getgroup("ringback").addoption("--ringback-url", metavar="URL", help=description)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Collect failures from now on. Raised in a fixture's teardown, they would end pytest with a traceback."""
    session.config.stash[LINES] = []


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Write the collected failures at the end of the report."""
    for line in config.stash.get(LINES, []):
        terminalreporter.write_line(line)


def _fail(config: pytest.Config, line: str) -> None:
    lines = config.stash.get(LINES, None)
    if lines is None:
        pytest.fail(line, pytrace=False)
    lines.append(line)


@pytest.fixture(scope="session")
def ringback_settings() -> dict[str, Any]:
    """Settings of the server to start. Override this fixture in conftest.py."""
    return {}


@pytest.fixture(scope="session")
def ringback_server(request: pytest.FixtureRequest, ringback_settings: dict[str, Any]) -> "Iterator[Connection]":
    """A server for the whole session (with pytest-xdist, for one worker). It starts when it is first used."""
    from ringback.testing.fixtures import session_server  # 190 ms

    with session_server(request.config.getoption("--ringback-url"), ringback_settings) as server:
        yield server


@pytest.fixture
def ringback(request: pytest.FixtureRequest, ringback_server: "Connection") -> "Iterator[Account]":
    """An account for this test. It is deleted with everything in it when the test ends."""
    from ringback.testing.fixtures import temporary_account  # 190 ms

    with temporary_account(ringback_server, request.node.name, lambda line: _fail(request.config, line)) as account:
        yield account
