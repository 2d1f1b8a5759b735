"""pytest's fixtures ``ringback`` and ``ringback_server``; every suite imports this, so it imports next to nothing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ringback.testing.account import Account
    from ringback.testing.connection import Connection


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names a server which runs already."""
    text = "base URL of a running ringback server to test against [RINGBACK_TEST_URL]; default: start one"
    parser.getgroup("ringback").addoption("--ringback-url", metavar="URL", help=text)


@pytest.fixture(scope="session")
def ringback_settings() -> dict[str, Any]:
    """Return the settings of the server to start; a suite's conftest.py may have a fixture of its own."""
    return {}


@pytest.fixture(scope="session")
def ringback_server(request: pytest.FixtureRequest, ringback_settings: dict[str, Any]) -> "Iterator[Connection]":
    """Give a server for the whole session, or this process's part of it: started when first used."""
    from ringback.testing.fixtures import session_server

    with session_server(request.config.getoption("--ringback-url"), ringback_settings) as server:
        yield server


@pytest.fixture
def ringback(ringback_server: "Connection") -> "Iterator[Account]":
    """Give an account of the test's own; it is deleted with all that is in it when the test has ended."""
    from ringback.testing.fixtures import account_of_a_test

    with account_of_a_test(ringback_server) as account:
        yield account
