"""ringback.testing: servers that cannot start, and their processes."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ringback.testing import ControlError, Server, ServerNotStarted, connect
from ringback.testing.process import Process
from support.receivers.receiver import Answer, CallbackReceiver
from support.waiting import PATIENCE_SECONDS, PROGRAM_SECONDS, eventually

pytestmark = pytest.mark.xdist_group("ringback_server")

SILENT = ["/bin/sh", "-c", "echo not yet >&2; read -r _"]
SHORT_SECONDS = 0.2
DEAF = """
import json, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(json.dumps({"event": "serving", "base_url": "http://127.0.0.1:9"}), file=sys.stderr, flush=True)
sys.stdin.read()
"""
ABANDONING = """
import os, signal
from ringback.testing import Server
print(Server().base_url, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    """Run a server whose control API requires a token."""
    with Server(control_token="a secret of the suite's") as running:
        yield running


def refuses_connections(url: str) -> bool:
    try:
        httpx.get(f"{url}/livez", trust_env=False, timeout=PATIENCE_SECONDS)
    except httpx.ConnectError:
        return True
    except httpx.TransportError:  # the server is stopping
        return False
    return False


def test_invalid_setting_raises_an_error_with_the_servers_log() -> None:
    with pytest.raises(ServerNotStarted, match=r"ended before it was ready; its log:\n  ringback: ring_seconds 'long'"):
        Server(ring_seconds="long")


def test_unknown_setting_raises_an_error_with_the_servers_log() -> None:
    with pytest.raises(ServerNotStarted, match=r"unknown option --ring-second. Did you mean --ring-seconds"):
        Server(ring_second=1)


def test_port_in_use_raises_an_error_with_the_servers_log() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(ServerNotStarted, match=rf"port {port} is already in use"):
            Server(port=port)


def test_server_that_is_not_ready_in_time_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    has_spoken = threading.Event()
    note = Process._add_line  # noqa: SLF001
    wait_until_ready = Process._wait_until_ready  # noqa: SLF001

    def noted(process: Process, line: str) -> None:
        note(process, line)
        has_spoken.set()

    def waited(process: Process, seconds: float) -> str:
        assert has_spoken.wait(PATIENCE_SECONDS)
        return wait_until_ready(process, seconds)

    monkeypatch.setattr(Process, "_add_line", noted)
    monkeypatch.setattr(Process, "_wait_until_ready", waited)

    with pytest.raises(ServerNotStarted, match=r"not ready within 0.2 s; its log:\n  not yet"):
        Process({}, command=SILENT, start_seconds=SHORT_SECONDS)


def test_server_that_ignores_signals_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringback.testing.process.STOP_SECONDS", SHORT_SECONDS)
    process = Process({}, command=[sys.executable, "-c", DEAF])

    status = process.stop()

    assert status == -9


def test_log_level_passed_to_a_server_raises_an_error() -> None:
    with pytest.raises(TypeError, match="log_level"):
        Server(log_level="error")


def test_request_to_a_stopped_server_raises_an_error() -> None:
    server = Server()
    server.stop()

    with pytest.raises(ControlError, match=r"does not answer: .* check that the server is running") as raised:
        server.account()

    assert raised.value.status is None
    assert refuses_connections(server.base_url)
    server.stop()


def test_server_ends_when_its_parent_process_is_killed() -> None:
    started = subprocess.run(  # noqa: S603
        [sys.executable, "-c", ABANDONING], capture_output=True, text=True, check=False, timeout=PROGRAM_SECONDS
    )
    url = started.stdout.strip()

    eventually(lambda: refuses_connections(url), what="the server ends")

    assert (started.returncode, url[:17]) == (-9, "http://127.0.0.1:")


def test_environment_and_env_file_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RINGBACK_CODE_ATTEMPTS=1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RINGBACK_CODE_ATTEMPTS", "2")
    monkeypatch.setenv("RINGBACK_CONTROL_TOKEN", "x")

    with Server() as server:
        account = server.account()
        client = account.client()
        request = client.validation_requests.create("+14158675309", call_delay=60)

        assert account.call(request.call_sid).attempts_left == 3


def test_relative_paths_are_resolved_against_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "seed.toml").write_text(
        '[[accounts]]\nsid = "AC' + "a" * 32 + '"\nauth_token = "x"\n', encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)

    with Server(seed="seed.toml", database_url="sqlite:///kept.db", callback_host_map={"a": "b", "c": "d"}) as server:
        found = server.existing_account("AC" + "a" * 32)

    assert found.auth_token == "x"
    assert (tmp_path / "kept.db").exists()


def test_proxy_url_is_the_address_of_the_proxy(ringback_server: Server, tmp_path: Path) -> None:
    with Server(intercept=True, intercept_port=0, authority_folder=tmp_path) as server:
        answer = httpx.get("http://api.twilio.com/2010-04-01/Accounts.json", proxy=server.proxy_url, trust_env=False)

    assert (answer.status_code, answer.json()["code"]) == (401, 20003)
    assert ringback_server.proxy_url is None


def test_snapshot_restores_a_reset_server() -> None:
    with Server(callback_allowed_hosts=["127.0.0.1", "*.example.test"]) as server:
        account = server.account(friendly_name="Acme")
        placed = account.add_caller_id("+14158675309")
        snapshot = server.snapshot()
        server.reset()
        forgotten = account.account_sid not in {one.account_sid for one in server.accounts()}

        server.restore(snapshot)

        [listed] = server.existing_account(account.account_sid).client().outgoing_caller_ids.list()
        assert (forgotten, listed.sid) == (True, placed.sid)
        assert server.process_id > 0
        assert any('"serving"' in line for line in server.log)


def test_connection_with_the_control_token_can_create_an_account(guarded: Server) -> None:
    with connect(guarded.base_url, "a secret of the suite's") as connection:
        account = connection.account(friendly_name="Ours", owner_email="owner@example.com")

    assert (account.friendly_name, account.owner_email, account.base_url) == (
        "Ours",
        "owner@example.com",
        guarded.base_url,
    )


@pytest.mark.parametrize("token", [None, "another"])
def test_wrong_control_token_raises_an_error_with_a_hint(guarded: Server, token: str | None) -> None:
    with (
        connect(guarded.base_url, token) as connection,
        pytest.raises(ControlError, match=r"requires a token\. Hint: send .*control_token .*accounts: 401") as raised,
    ):
        connection.account()

    assert raised.value.status == 401


def test_url_of_another_http_server_raises_an_error_with_a_hint() -> None:
    with (
        CallbackReceiver(lambda _: Answer(200, {}, b"<p>Hello</p>")) as no_ringback,
        connect(no_ringback.url) as connection,
        pytest.raises(ControlError, match=r"check that the URL is that of a ringback server"),
    ):
        connection.account()
