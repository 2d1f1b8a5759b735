"""``ringback serve`` as a process: its output, the sources of its settings, and its pages."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.receivers.receiver import Answer, CallbackReceiver
from support.servers.command import Command
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess, caller_ids_path, ringback_with
from support.servers.terminal import Terminal
from support.waiting import PATIENCE_SECONDS, PROGRAM_SECONDS, eventually

pytestmark = pytest.mark.xdist_group("serve")

OTHER_SID = "AC" + "7" * 32


def test_server_on_a_terminal_shows_five_lines_and_logs_text() -> None:
    with Terminal("serve", port=0, database_url="sqlite://") as terminal:
        lines = terminal.read_lines(5)
        url = lines[0].split()[-1]
        eventually(lambda: answers(f"{url}/livez"), what=f"{url} answers")
        httpx.get(
            f"{url}/2010-04-01/Accounts/{ACCOUNT_SID}/OutgoingCallerIds.json", trust_env=False, timeout=PATIENCE_SECONDS
        )
        logged = terminal.read_lines(6)[5]
        status = terminal.stop()

    assert lines == [
        f"base URL:    {url}",
        f"account SID: {ACCOUNT_SID}",
        f"auth token:  {AUTH_TOKEN}",
        f"phone page:  {url}/",
        f"docs:        {url}/docs",
    ]
    assert url.startswith("http://127.0.0.1:")
    assert "request" in logged
    assert not logged.startswith("{")
    assert status == 0


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=PATIENCE_SECONDS).status_code == 200
    except httpx.ConnectError:
        return False


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, ServerProcess]]:
    """Run a server in a folder with an ``.env`` file, with the default database and a misspelled variable."""
    folder = tmp_path_factory.mktemp("home")
    (folder / ".env").write_text(f"RINGBACK_ACCOUNT_SID={OTHER_SID}\nRINGBACK_AUTH_TOKEN=of-the-file\n")
    with ServerProcess(cwd=folder, database_url="", ring_second=3) as server:
        yield folder, server


def test_settings_are_read_from_the_env_file_in_the_working_directory(home: tuple[Path, ServerProcess]) -> None:
    _, server = home

    with server.client(OTHER_SID, "of-the-file") as client:
        answer = client.get(f"{caller_ids_path(OTHER_SID)}.json")

    assert answer.status_code == 200


def test_default_database_is_in_the_working_directory(home: tuple[Path, ServerProcess]) -> None:
    folder, _ = home

    assert (folder / "ringback.db").is_file()


def test_unknown_ringback_variable_causes_a_warning(home: tuple[Path, ServerProcess]) -> None:
    _, server = home

    warning = server.wait_for_log(lambda line: line.get("variable") is not None)

    assert (warning["level"], warning["event"]) == ("warning", "unknown setting")
    assert warning["variable"] == "RINGBACK_RING_SECOND"
    assert warning["hint"] == "did you mean RINGBACK_RING_SECONDS?"


def test_options_override_the_environment_and_the_environment_overrides_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RINGBACK_AUTH_TOKEN=of-the-file\nRINGBACK_ACCOUNT_SID=AC" + "5" * 32 + "\n")
    command = [sys.executable, "-m", "ringback", "serve", "--account-sid", OTHER_SID]

    server = ServerProcess(cwd=tmp_path, command=command, auth_token="of-the-environment", account_sid="AC" + "6" * 32)
    with server, server.client(OTHER_SID, "of-the-environment") as client:
        answer = client.get(f"{caller_ids_path(OTHER_SID)}.json")

    assert answer.status_code == 200


def test_server_uses_a_database_that_was_migrated_before(command: Command, tmp_path: Path) -> None:
    migrated = command("migrate", "--database-url", f"sqlite:///{tmp_path}/ready.db")

    with ServerProcess(database_url=f"sqlite:///{tmp_path}/ready.db") as server, server.client() as client:
        listed = client.get(f"{caller_ids_path()}.json")

    assert migrated.status == 0
    assert listed.json()["outgoing_caller_ids"] == []


def test_database_in_memory_creates_no_file(quick_server: ServerProcess, quick_folder: Path) -> None:
    with quick_server.client() as client:
        client.post(f"{caller_ids_path()}.json", data={"PhoneNumber": "+15005550014"}).raise_for_status()

    assert list(quick_folder.iterdir()) == []


def test_ready_command_checks_the_server_at_the_url(command: Command, quick_server: ServerProcess) -> None:
    asked = command("ready", "--url", f"{quick_server.base_url}/")

    assert (asked.status, asked.out, asked.err) == (0, "", "")


def test_ready_command_ignores_proxy_variables(quick_server: ServerProcess) -> None:
    asked = subprocess.run(  # noqa: S603
        ringback_with(
            {"ringback.commands.ready.TIMEOUT_SECONDS": PATIENCE_SECONDS}, "ready", "--url", quick_server.base_url
        ),
        env={**os.environ, "http_proxy": "http://127.0.0.1:9", "no_proxy": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=PROGRAM_SECONDS,
    )

    assert (asked.returncode, asked.stderr) == (0, "")


def test_ready_command_checks_the_configured_host_and_port_by_default(
    command: Command, quick_server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGBACK_HOST", "0.0.0.0")  # noqa: S104
    monkeypatch.setenv("RINGBACK_PORT", quick_server.base_url.rpartition(":")[2])

    asked = command("ready")

    assert (asked.status, asked.err) == (0, "")


def test_ready_command_accepts_host_and_port_without_a_scheme(command: Command, quick_server: ServerProcess) -> None:
    asked = command("ready", "--url", quick_server.base_url.removeprefix("http://"))

    assert (asked.status, asked.out, asked.err) == (0, "", "")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(503, body=b'{"status": "not ready", "reason": "the schema is old"}'), "the schema is old"),
        (Answer(503, body=b"[]"), "it answers with status 503. Is it a ringback server?"),
        (Answer(404, body=b"<html>"), "it answers with status 404. Is it a ringback server?"),
    ],
)
def test_ready_command_prints_the_reason_why_a_server_is_not_ready(
    command: Command, answer: Answer, reason: str
) -> None:
    with CallbackReceiver(lambda _: answer) as receiver:
        asked = command("ready", "--url", receiver.url)

    assert asked.status == 1
    assert asked.complaints == [f"ringback: {receiver.url} is not ready: {reason}"]


def test_ready_command_prints_one_line_and_exits_with_status_1_if_no_server_listens(command: Command) -> None:
    asked = command("ready", "--url", "http://127.0.0.1:9")

    assert asked.status == 1
    [line] = asked.complaints
    assert line.startswith("ringback: http://127.0.0.1:9 is not ready: ")


def test_chosen_port_is_printed_instead_of_port_0(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ringback", "serve", "--port", "0", "--database-url", "sqlite://"]
    environment = {"PATH": os.environ["PATH"], "RINGBACK_LOG_LEVEL": "error"}

    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        answer = httpx.get(f"{url}/readyz", trust_env=False, timeout=PATIENCE_SECONDS)
        server.terminate()

    assert answer.json() == {"status": "ready"}
    assert server.returncode == 0
