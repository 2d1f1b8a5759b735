"""The pytest plugin in test suites that use it little or not at all."""

import re
from pathlib import Path

import pytest

from support.packaging.suites import run_suite

pytestmark = pytest.mark.slow

UNUSED = """
import sys


def test_unused_plugin_imports_no_modules():
    heavy = {"httpx", "pydantic", "fastapi", "sqlalchemy", "twilio"} & set(sys.modules)
    assert heavy == set()
"""
UNKNOWN = """
def test_account_is_available(ringback):
    pass
"""
DELETED = """
def test_account_is_deleted(ringback):
    ringback.delete()


def test_server_is_stopped(ringback_server, ringback):
    ringback_server.stop()
"""
LATER = """

def test_server_is_used_later(ringback):
    pass
"""
INVALID_SETTINGS = """
import pytest


@pytest.fixture(scope="session")
def ringback_settings():
    return {"ring_seconds": "long"}
"""


def test_unused_plugin_has_no_effect_on_a_suite(tmp_path: Path) -> None:
    finished = run_suite(tmp_path, {"test_unused.py": UNUSED})

    assert (finished.status, finished.tests, finished.failed) == (0, 1, 0), finished.out


def test_plugin_can_be_disabled(tmp_path: Path) -> None:
    finished = run_suite(tmp_path, {"test_unknown.py": UNKNOWN}, "-p", "no:ringback")

    assert (finished.status, finished.failed) == (1, 1)
    assert "fixture 'ringback' not found" in finished.out


def test_test_may_delete_its_account_and_stop_its_server(tmp_path: Path) -> None:
    finished = run_suite(tmp_path, {"test_deleted.py": DELETED}, "-p", "no:randomly")

    assert (finished.status, finished.failed) == (0, 0), finished.out
    assert "2 passed" in finished.out


def test_server_that_was_stopped_fails_later_tests_in_one_line(tmp_path: Path) -> None:
    finished = run_suite(tmp_path, {"test_deleted.py": DELETED + LATER}, "-p", "no:randomly")

    assert "2 passed, 1 error" in finished.out
    assert re.search(r"ringback: the server at http://127\.0\.0\.1:\d+ was stopped", finished.out)
    assert "Traceback" not in finished.out


def test_server_that_cannot_start_fails_a_test_without_a_traceback(tmp_path: Path) -> None:
    finished = run_suite(tmp_path, {"conftest.py": INVALID_SETTINGS, "test_unknown.py": UNKNOWN})

    assert (finished.status, finished.failed) == (1, 1), finished.out
    assert "ringback: the server ended before it was ready; its log:" in finished.out
    assert "process.py" not in finished.out
