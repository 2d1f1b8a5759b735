"""What every test may ask for."""

from collections.abc import Iterator

import pytest

from support.receiver import CallbackReceiver


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--base-url", help="run the contract tests against this server instead of one of their own")


@pytest.fixture
def receiver() -> Iterator[CallbackReceiver]:
    """Run a callback receiver that answers 204 to everything."""
    with CallbackReceiver() as running:
        yield running
