"""Commands whose output cannot be written: they report the error without a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.waiting import PATIENCE_SECONDS

FULL = Path("/dev/full")
COMMANDS = {
    "env": ["env", "--client", "curl", "--intercept-port", "8011"],
    "migrate": ["migrate"],
    "help": ["--help"],
    "help of serve": ["serve", "--help"],
    "version": ["--version"],
}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FULL.exists(), reason="only Linux has a device that is always full"),
]


def run(folder: Path, arguments: list[str], redirection: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in a shell with redirected output."""
    environment = {name: value for name, value in os.environ.items() if not name.upper().startswith("RINGBACK_")}
    own = {"RINGBACK_AUTHORITY_FOLDER": str(folder / "authority")}
    return subprocess.run(  # noqa: S603
        ["sh", "-c", f'"$0" -m ringback "$@" {redirection}', sys.executable, *arguments],  # noqa: S607
        cwd=folder,
        env=environment | own,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("name", ["env", "migrate"])
def test_command_with_unwritable_output_fails_with_a_one_line_error(tmp_path: Path, name: str) -> None:
    ended = run(tmp_path, COMMANDS[name], ">/dev/full")

    lines = ended.stderr.splitlines()
    assert ended.returncode == 1
    assert lines[-1] == "ringback: Cannot write to standard output: No space left on device."
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "redirection", [">/dev/full", "| head -c 1 >/dev/null", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"]
)
@pytest.mark.parametrize("name", COMMANDS)
def test_command_without_output_shows_no_traceback(tmp_path: Path, name: str, redirection: str) -> None:
    ended = run(tmp_path, COMMANDS[name], redirection)

    assert ended.returncode in (0, 1)
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr


@pytest.mark.parametrize("arguments", [["serve", "--port", "nonsense"], ["serv"], ["ready", "--url", "127.0.0.1:1"]])
def test_failed_command_with_unwritable_output_keeps_its_status(tmp_path: Path, arguments: list[str]) -> None:
    shown, full, closed = (run(tmp_path, arguments, where).returncode for where in ("", "2>/dev/full", "2>&-"))

    assert shown in (1, 2)
    assert (full, closed) == (shown, shown)
