"""What every test may ask for."""

from collections.abc import Iterator
from zlib import crc32

import pytest

from support.extent import WHOLE
from support.receiver import CallbackReceiver

SAMPLED_EVERY = 8


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--base-url", help="run the contract tests against this server instead of one of their own")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the control API's tests, run a sample on PostgreSQL, unless the whole is run.

    What PostgreSQL may have otherwise is below that API, where all tests run on it.
    """
    if WHOLE:
        return
    left_out = [item for item in items if _is_of_control_on_postgresql(item) and not _is_sampled(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _is_of_control_on_postgresql(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    is_on_postgresql = callspec is not None and callspec.params.get("migrated") == "postgresql"
    return is_on_postgresql and "controlled" in getattr(item, "fixturenames", ())


def _is_sampled(item: pytest.Item) -> bool:
    return crc32(item.nodeid.encode()) % SAMPLED_EVERY == 0


@pytest.fixture
def receiver() -> Iterator[CallbackReceiver]:
    """Run a callback receiver that answers 204 to everything."""
    with CallbackReceiver() as running:
        yield running
