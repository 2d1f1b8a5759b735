"""Runs the test suites of docs/testing.md as printed."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringback.testing import Server
from support.code_blocks import ROOT, block_names, docs_page, readme_block
from support.packaging.suites import run_suite
from support.sampling import WHOLE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("testing_page")]

PAGE = docs_page("testing")
BLOCKS = [name for name in block_names(PAGE) if name.startswith("pytest-")]
OUTCOMES = {"enter-wrong-code", "mistype-once", "enter-nothing", "hang-up", "busy", "no-answer", "unreachable"}
LINES = 12
"""Maximum number of lines of a test of one outcome, including its helpers."""
PROCESSES, REPETITIONS = (8, 25) if WHOLE else (2, 3)
"""Number of processes, and of repetitions of each outcome: 200 tests, or a sample."""
MANY = f"""
import os


def pytest_generate_tests(metafunc):
    metafunc.fixturenames.append("repetition")
    metafunc.parametrize("repetition", range({REPETITIONS}))


def pytest_sessionfinish(session):
    with open("worker-" + os.environ.get("PYTEST_XDIST_WORKER", "none"), "w") as file:
        file.write(str(session.testscollected))
"""
ONE_ATTEMPT = """
def test_suite_stops_at_the_first_error(ringback):
    ringback.phone("+14158675309").will("mistype-once")
    request = ringback.client().validation_requests.create("+14158675309")

    ended = ringback.wait_for("call.ended", call_sid=request.call_sid)

    assert ended.data["verification_status"] == "failed"
    call = ringback.call(request.call_sid)
    assert (call.attempts_left, call.phone.ring_seconds) == (0, 0.5)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Run a server for this module."""
    with Server() as running:
        yield running


def test_outcome_examples_pass_on_a_running_server(server: Server, tmp_path: Path) -> None:
    modules = {"test_outcomes.py": readme_block("pytest-outcomes", page=PAGE)}

    finished = run_suite(tmp_path, modules, "--ringback-url", server.base_url)

    assert (finished.status, finished.tests, finished.failed) == (0, 8, 0), finished.out


def test_outcome_examples_in_many_processes_share_one_server(server: Server, tmp_path: Path) -> None:
    modules = {"test_outcomes.py": readme_block("pytest-outcomes", page=PAGE), "conftest.py": MANY}
    before = [account.account_sid for account in server.accounts()]

    finished = run_suite(tmp_path, modules, "-n", str(PROCESSES), environment={"RINGBACK_TEST_URL": server.base_url})

    assert (finished.status, finished.tests, finished.failed) == (0, 8 * REPETITIONS, 0), finished.out
    assert len(list(tmp_path.glob("worker-gw*"))) == PROCESSES
    assert [account.account_sid for account in server.accounts()] == before


def test_other_documented_examples_pass_on_a_server_that_the_suite_starts(tmp_path: Path) -> None:
    modules = {
        "test_more.py": readme_block("pytest-more", page=PAGE),
        "test_first.py": readme_block("quick-start", page=docs_page("quick-start")),
    }

    finished = run_suite(tmp_path, modules)

    assert (finished.status, finished.tests, finished.failed) == (0, 6, 0), finished.out


def test_asynchronous_pytest_example_passes(tmp_path: Path) -> None:
    modules = {"test_async.py": readme_block("pytest-async", page=PAGE)}
    ignored = [f"ignore:{text}:DeprecationWarning" for text in ("BasicAuth is deprecated", "The 'auth' parameter is")]

    finished = run_suite(tmp_path, modules, *(option for text in ignored for option in ("-W", text)))

    assert (finished.status, finished.tests, finished.failed) == (0, 1, 0), finished.out


def test_conftest_settings_reach_the_server(tmp_path: Path) -> None:
    modules = {"conftest.py": readme_block("pytest-settings", page=PAGE), "test_settings.py": ONE_ATTEMPT}

    finished = run_suite(tmp_path, modules)

    assert (finished.status, finished.tests, finished.failed) == (0, 1, 0), finished.out


def test_outcome_examples_are_complete_and_at_most_twelve_lines_long() -> None:
    source = readme_block("pytest-outcomes", page=PAGE)
    functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    lengths = {name: (node.end_lineno or 0) - node.lineno + 1 for name, node in functions.items()}
    helpers = sum(length for name, length in lengths.items() if not name.startswith("test_"))

    too_long = [name for name, length in lengths.items() if name.startswith("test_") and length + helpers > LINES]

    assert too_long == []
    assert {text for text in re.findall(r'"([a-z-]+)"', source) if text in OUTCOMES} == OUTCOMES


def test_documented_examples_and_the_testing_package_never_sleep() -> None:
    sources = {path.name: path.read_text(encoding="utf-8") for path in ROOT.glob("src/ringback/testing/**/*.py")}
    sources |= {name: readme_block(name, page=PAGE) for name in BLOCKS}

    asleep = [name for name, source in sources.items() if re.search(r"\bsleep", source)]

    assert len(sources) > len(BLOCKS) >= 3
    assert asleep == []
