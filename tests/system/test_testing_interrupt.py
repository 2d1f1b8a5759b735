"""Interrupted and killed pytest runs: the server that the plugin started, the exit status and the output."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ringback.testing import Server
from support.packaging.suites import suite_command, suite_environment
from support.waiting import eventually

pytestmark = pytest.mark.slow

SECONDS = 120
INTERRUPTIBLE = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Starts a command with the default SIGINT handler, so that Ctrl-C interrupts it.

Background processes of a shell ignore SIGINT, and so do their child processes: after `make test &` in a script, pytest
and the suites of these tests would ignore it.
"""

WAITING = """
import os
import signal


def test_pause(ringback, ringback_server):
    with open("started.part", "w") as file:
        file.write(f"{getattr(ringback_server, 'process_id', 0)} {ringback.base_url}")
    os.rename("started.part", "started")
    while True:
        signal.pause()
"""
CATCHING = """
import os
import signal

import pytest

from ringback.testing import connect


def test_interrupt_is_caught(ringback, ringback_server):
    with open("started.part", "w") as file:
        file.write(f"{ringback_server.process_id} {ringback.base_url}")
    os.rename("started.part", "started")
    with pytest.raises(KeyboardInterrupt):
        signal.pause()
    for _ in range(100):
        with connect(ringback.base_url) as server:
            server.existing_account(ringback.account_sid)


def test_later_test_passes(ringback):
    assert ringback.calls() == []
"""
FORKING = """
import os
import signal


def test_child_survives_pytest(ringback, ringback_server):
    child = os.fork()
    if not child:
        signal.pause()
        os._exit(0)
    with open("started.part", "w") as file:
        file.write(f"{ringback_server.process_id} {ringback.base_url} {child}")
    os.rename("started.part", "started")
    while True:
        signal.pause()
"""
LOST = """
import os
import signal

from ringback.testing import ControlError


def test_dead_server_is_used(ringback, ringback_server):
    os.kill(ringback_server.process_id, signal.SIGKILL)
    while True:
        try:
            ringback.calls()
        except ControlError:
            break


def test_server_is_needed(ringback):
    pass
"""


@dataclass(frozen=True)
class RunningSuite:
    """A pytest process that leads a process group, and the data of the server that its first test wrote."""

    process: subprocess.Popen[str]
    server_pid: int
    base_url: str
    others: tuple[int, ...]

    def interrupt(self) -> tuple[int, str]:
        """Send SIGINT to the whole group, as a terminal does on Ctrl-C; return the exit status and the output."""
        os.killpg(self.process.pid, signal.SIGINT)
        out, _ = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, out


@contextmanager
def suite_that_runs(folder: Path, source: str, *arguments: str) -> Iterator[RunningSuite]:
    """Start pytest on one module, and wait until its first test has written the file `started`."""
    (folder / "test_suite.py").write_text(source, encoding="utf-8")
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", INTERRUPTIBLE, *suite_command(*arguments)],
        cwd=folder,
        env=suite_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        started = folder / "started"
        eventually(lambda: started.exists() or process.poll() is not None, what="the test runs", seconds=SECONDS)
        assert process.poll() is None, process.communicate()[0]
        server_pid, base_url, *others = started.read_text(encoding="utf-8").split()
        yield RunningSuite(process, int(server_pid), base_url, tuple(map(int, others)))
    finally:
        process.kill()
        process.communicate()


def has_ended(pid: int) -> Callable[[], bool]:
    def look() -> bool:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError):
            return True
        return stat.rpartition(")")[2].split()[0] == "Z"

    return look


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_ctrl_c_ends_pytest_with_status_2_and_then_the_server(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with suite_that_runs(tmp_path, WAITING, *arguments) as suite:
        status, out = suite.interrupt()

        eventually(has_ended(suite.server_pid), what="the server ends", seconds=SECONDS)

    assert status == pytest.ExitCode.INTERRUPTED, out
    assert "KeyboardInterrupt" in out
    assert [text for text in ("ControlError", "httpx", "ERROR") if text in out] == []


def test_server_survives_an_interrupt_that_a_test_catches(tmp_path: Path) -> None:
    with suite_that_runs(tmp_path, CATCHING, "-p", "no:randomly") as suite:
        status, out = suite.interrupt()

    assert status == 0, out
    assert "2 passed" in out


def test_server_ends_when_pytest_is_killed(tmp_path: Path) -> None:
    with suite_that_runs(tmp_path, WAITING) as suite:
        suite.process.kill()

        eventually(has_ended(suite.server_pid), what="the server ends", seconds=SECONDS)


def test_server_ends_when_pytest_is_killed_and_a_forked_child_continues(tmp_path: Path) -> None:
    with suite_that_runs(tmp_path, FORKING) as suite:
        [child] = suite.others
        suite.process.kill()
        suite.process.wait()
        try:
            eventually(has_ended(suite.server_pid), what="the server ends", seconds=SECONDS)
        finally:
            os.kill(child, signal.SIGKILL)


def test_interrupted_suite_reports_a_dead_server_in_one_line(tmp_path: Path) -> None:
    with Server() as server, suite_that_runs(tmp_path, WAITING, "--ringback-url", server.base_url) as suite:
        server.stop()
        status, out = suite.interrupt()

    assert status == pytest.ExitCode.INTERRUPTED, out
    assert [line for line in out.splitlines() if "does not answer" in line] == [
        f"ringback: the server at {server.base_url} does not answer; could not delete the account of test_pause"
    ]
    assert [text for text in ("ControlError", "httpx", "ERROR") if text in out] == []


def test_dead_server_is_reported_in_one_line_per_test(tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text(LOST, encoding="utf-8")

    finished = subprocess.run(  # noqa: S603
        suite_command("-p", "no:randomly"),
        cwd=tmp_path,
        env=suite_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )

    assert finished.returncode == pytest.ExitCode.TESTS_FAILED, finished.stdout
    assert "1 passed, 2 errors" in finished.stdout
    assert finished.stdout.count("was killed by signal 9") >= 2, finished.stdout
    assert "Traceback" not in finished.stdout
    assert "httpx" not in finished.stdout


def test_server_process_leads_a_separate_session() -> None:
    with Server() as server:
        assert os.getsid(server.process_id) == os.getpgid(server.process_id) == server.process_id
