"""pytest hooks that measure the coverage of unit and integration tests only.

The tracer makes a test twice as slow. Contract and system tests run the same code again, on real servers.
"""

import gc
import os
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib import import_module
from pkgutil import walk_packages

import pytest

import ringback

MEASURED_FOLDERS = frozenset({"unit", "integration"})


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Collect tests without the tracer and the garbage collector, which would take two thirds of the time.

    Collected items live until the end, so the garbage collector need not scan them. Only ringback itself is imported
    with the tracer.
    """
    if sys.gettrace() is not None and not _is_xdist_controller(session.config):
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
    """Disable the tracer in the controller of pytest-xdist, which runs no tests."""
    if not _is_xdist_controller(session.config):
        return (yield)
    with _untraced():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Trace the tests of MEASURED_FOLDERS, except repetitions on another database."""
    is_measured = item.path.parent.name in MEASURED_FOLDERS and item.get_closest_marker("repeated") is None
    if sys.gettrace() is None or is_measured:
        return (yield)
    with _untraced():
        return (yield)


def _is_xdist_controller(config: pytest.Config) -> bool:
    return config.pluginmanager.has_plugin("dsession")


@contextmanager
def _untraced() -> Iterator[None]:
    """Disable the tracer in this thread, and in the threads and processes that it starts."""
    tracer, threads_tracer = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    variables = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("COVERAGE_")}
    try:
        yield
    finally:
        os.environ.update(variables)
        threading.settrace(threads_tracer)
        sys.settrace(tracer)
