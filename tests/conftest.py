"""Options, markers and fixtures shared by all tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support.clients.node import reason_node_is_missing
from support.receivers.receiver import CallbackReceiver
from support.sampling import WHOLE
from support.servers.command import Command, command_in
from support.servers.seeds import many_caller_ids
from support.servers.server import ServerProcess
from support.tracing import pytest_collection, pytest_runtest_protocol, pytest_runtestloop

__all__ = ["pytest_collection", "pytest_runtest_protocol", "pytest_runtestloop"]

CALLER_IDS = 120
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "TWILIO_REGION", "TWILIO_EDGE")

settings.register_profile("ringback", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ringback")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--base-url", help="run the contract tests against this server instead of starting one")


def pytest_report_header(config: pytest.Config) -> str:
    """Report which tests this run leaves to CI, because pytest-xdist's summary does not count deselected tests."""
    sizes = "full size" if WHOLE else "small size (full size in CI: RINGBACK_TEST_WHOLE=1)"
    selection = config.getoption("-m")
    return f"load tests and fuzzers: {sizes}; " + (f"selected: -m '{selection}'" if selection else "all tests selected")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests that need a program that is not installed."""
    needed = {name for item in items for name in ("browser", "node") if item.get_closest_marker(name)}
    for name in needed:
        reason = _reason_browser_is_missing() if name == "browser" else reason_node_is_missing()
        if reason:
            for item in items:
                if item.get_closest_marker(name):
                    item.add_marker(pytest.mark.skip(reason))


def _reason_browser_is_missing() -> str | None:
    from support.pages.chromium import CHROMIUM  # noqa: PLC0415 - importing Playwright takes half a second

    return None if CHROMIUM else "chromium is not installed: apt-get install chromium"


@pytest.fixture
def receiver() -> Iterator[CallbackReceiver]:
    """Yield a callback receiver that answers 204 to every request."""
    with CallbackReceiver() as running:
        yield running


@pytest.fixture(scope="session")
def quick_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the empty folder in which `quick_server` is started."""
    return tmp_path_factory.mktemp("quick")


@pytest.fixture(scope="session")
def quick_server(quick_folder: Path) -> Iterator[ServerProcess]:
    """Run a server on which calls are answered and codes entered immediately. Each test uses different numbers."""
    with ServerProcess(cwd=quick_folder, ring_seconds=0.02, key_seconds=0.02) as running:
        yield running


@pytest.fixture(scope="session")
def full_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Run a server whose account has 120 caller IDs. No test changes them."""
    seed = tmp_path_factory.mktemp("seed") / "numbers.toml"
    seed.write_text(many_caller_ids(CALLER_IDS), encoding="utf-8")
    with ServerProcess(seed=seed) as running:
        yield running


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset the variables for proxies, region and edge, so that Twilio's libraries connect directly to 127.0.0.1."""
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Return the command ``ringback``, which runs in this process and in a temporary folder."""
    with command_in(tmp_path, monkeypatch, capsys) as runnable:
        yield runnable
