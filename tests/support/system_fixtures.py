"""Fixtures of the system tests: the servers they share, and the command line.

A test module asks for them by ``pytest_plugins = ["support.system_fixtures"]``.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import Command, command_in
from support.seeds import many_caller_ids
from support.server import ServerProcess

NUMBERS = 120
AWAY = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "TWILIO_REGION", "TWILIO_EDGE")


@pytest.fixture(scope="session")
def quick_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the empty folder in which `quick_server` is started."""
    return tmp_path_factory.mktemp("quick")


@pytest.fixture(scope="session")
def quick_server(quick_folder: Path) -> Iterator[ServerProcess]:
    """Run a server whose phones answer and key at once; every test verifies numbers of its own on it."""
    with ServerProcess(cwd=quick_folder, ring_seconds=0.02, key_seconds=0.02) as running:
        yield running


@pytest.fixture(scope="session")
def full_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Run a server whose account has 120 verified numbers, which no test changes."""
    seed = tmp_path_factory.mktemp("seed") / "numbers.toml"
    seed.write_text(many_caller_ids(NUMBERS), encoding="utf-8")
    with ServerProcess(seed=seed) as running:
        yield running


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Twilio's libraries reach 127.0.0.1 directly, whatever proxies, regions and edges the machine has set."""
    for name in AWAY:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Run commands inside this process, in the test's own folder."""
    with command_in(tmp_path, monkeypatch, capsys) as runnable:
        yield runnable
