"""What every test may ask for."""

import gc
import os
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib import import_module
from pkgutil import walk_packages
from zlib import crc32

import pytest
from hypothesis import HealthCheck, settings

import ringback
from support.extent import WHOLE
from support.receiver import CallbackReceiver

SAMPLED_EVERY = 8
SAMPLED_EVERY_OF_POSTGRESQL = 4
"""What is sampled by the other number must be sampled by this one, too: of these the coverage is measured."""
MEASURED_EVERY_OF_PROCESSES = 4
"""In one test of so many the coverage of the processes that it starts is measured."""
ABOUT_THE_NETWORK = frozenset(
    f"test_callback_{what}" for what in ("delivery", "hosts", "hostile", "redirects", "retries", "tls")
)
IN_THE_BROWSER = frozenset(
    f"test_phone_page_{what}" for what in ("accessibility", "pictures", "server", "stage", "sync", "trace", "views")
)

settings.register_profile("ringback", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ringback")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--base-url", help="run the contract tests against this server instead of one of their own")


def pytest_report_header() -> str:
    """Say that not all is run: what pytest-xdist leaves out, it does not tell."""
    if WHOLE:
        return "the whole suite is run"
    return "of what takes long a sample is run, see tests/conftest.py; RINGBACK_TEST_WHOLE=1 runs the whole"


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Collect in two thirds of the time, which every process spends before its first test.

    What is collected lives to the end: the garbage collector need not look at it. And only what the coverage is
    measured of is imported under the tracer.
    """
    if sys.gettrace() is not None and not _hands_tests_to_others(session.config):
        for module in walk_packages(ringback.__path__, "ringback."):
            import_module(module.name)
    gc.disable()
    with _untraced():
        collected = yield
    gc.freeze()
    gc.enable()
    return collected


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Trace nothing in a process that hands the tests to others: it has none to measure."""
    if not _hands_tests_to_others(session.config):
        return (yield)
    with _untraced():
        return (yield)


def _hands_tests_to_others(config: pytest.Config) -> bool:
    return config.pluginmanager.has_plugin("dsession")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run a sample of what takes long, unless the whole is run or one file is asked for.

    On PostgreSQL, a small one of the tests of the control API and of what callbacks meet in the network, and a quarter
    of the others that run on SQLite too. In the browser, of all but the calls themselves.
    """
    if WHOLE or len({item.path for item in items}) == 1:
        return
    left_out = {item for item in items if not _is_sampled(item, _sampled_every(item))}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure the coverage of the tests in this process alone: it makes them half as quick again.

    That is the unit and integration tests, on SQLite; and on PostgreSQL what is not run on SQLite too, and a sample. Of
    the processes that they start, which take twice as long to import everything, those of a sample are measured.
    """
    if sys.gettrace() is None or (_is_measured(item) and _is_measured_in_its_processes(item)):
        return (yield)
    with _processes_untraced() if _is_measured(item) else _untraced():
        return (yield)


@contextmanager
def _untraced() -> Iterator[None]:
    """Take the tracer from this thread, from those that begin meanwhile, and from processes that are started."""
    tracer, threads_tracer = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        with _processes_untraced():
            yield
    finally:
        threading.settrace(threads_tracer)
        sys.settrace(tracer)


@contextmanager
def _processes_untraced() -> Iterator[None]:
    inherited = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("COVERAGE_")}
    try:
        yield
    finally:
        os.environ.update(inherited)


def _is_measured(item: pytest.Item) -> bool:
    if item.path.parent.name not in {"unit", "integration"}:
        return False
    return not _is_on_postgresql_too(item) or _is_sampled(item)


def _is_measured_in_its_processes(item: pytest.Item) -> bool:
    return WHOLE or _is_sampled(item, MEASURED_EVERY_OF_PROCESSES)


def _is_on_postgresql_too(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and callspec.params.get("migrated") == "postgresql"


def _is_above_postgresql(item: pytest.Item) -> bool:
    return _is_on_postgresql_too(item) and (
        "controlled" in getattr(item, "fixturenames", ()) or item.path.stem in ABOUT_THE_NETWORK
    )


def _is_in_the_browser(item: pytest.Item) -> bool:
    return item.path.stem in IN_THE_BROWSER


def _sampled_every(item: pytest.Item) -> int:
    if _is_above_postgresql(item) or _is_in_the_browser(item):
        return SAMPLED_EVERY
    return SAMPLED_EVERY_OF_POSTGRESQL if _is_on_postgresql_too(item) else 1


def _is_sampled(item: pytest.Item, every: int = SAMPLED_EVERY) -> bool:
    return crc32(item.nodeid.encode()) % every == 0


@pytest.fixture
def receiver() -> Iterator[CallbackReceiver]:
    """Run a callback receiver that answers 204 to everything."""
    with CallbackReceiver() as running:
        yield running
