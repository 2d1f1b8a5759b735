"""pytest's fixtures ``ringback`` and ``ringback_server``; every suite imports this, so it imports next to nothing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ringback.testing.account import Account
    from ringback.testing.connection import Connection

LINES: "pytest.StashKey[list[str]]" = pytest.StashKey()
"""Lines for the end of the report: there from the moment when the session finishes."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names a server which runs already."""
    text = "base URL of a running ringback server to test against [RINGBACK_TEST_URL]; default: start one"
    parser.getgroup("ringback").addoption("--ringback-url", metavar="URL", help=text)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Note that the session finishes: an error in a fixture's teardown would now end pytest with a traceback."""
    session.config.stash[LINES] = []


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Write the lines for the end of the report."""
    for line in config.stash.get(LINES, []):
        terminalreporter.write_line(line)


def _fail(config: pytest.Config, line: str) -> None:
    lines = config.stash.get(LINES, None)
    if lines is None:
        pytest.fail(line, pytrace=False)
    lines.append(line)


@pytest.fixture(scope="session")
def ringback_settings() -> dict[str, Any]:
    """Return the settings of the server to start; a suite's conftest.py may override this fixture."""
    return {}


@pytest.fixture(scope="session")
def ringback_server(request: pytest.FixtureRequest, ringback_settings: dict[str, Any]) -> "Iterator[Connection]":
    """Give a server for the whole session, or this process's part of it: started when first used."""
    from ringback.testing.fixtures import session_server

    with session_server(request.config.getoption("--ringback-url"), ringback_settings) as server:
        yield server


@pytest.fixture
def ringback(request: pytest.FixtureRequest, ringback_server: "Connection") -> "Iterator[Account]":
    """Give an account of the test's own; it is deleted with all that is in it when the test has ended."""
    from ringback.testing.fixtures import account_of_a_test

    with account_of_a_test(ringback_server, request.node.name, lambda line: _fail(request.config, line)) as account:
        yield account
