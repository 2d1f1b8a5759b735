"""The health check of containers: it has the results of ``ringback ready --url``, but imports little."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from ringback.commands import health_check
from support.receivers.receiver import Answer, CallbackReceiver
from support.servers.command import Command
from support.waiting import PATIENCE_SECONDS, PROGRAM_SECONDS

PRINT_IMPORTS = """
import atexit, sys
from ringback.__main__ import main
atexit.register(lambda: print(*sys.modules))
sys.exit(main())
"""
SLOW_TO_IMPORT = {"http.client", "pydantic", "ringback.config.settings", "ssl", "urllib.request"}


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int | None]:
    """Run the health check of the server at a URL in this process."""
    monkeypatch.setattr(health_check, "TIMEOUT_SECONDS", PATIENCE_SECONDS)

    def run(url: str) -> int | None:
        monkeypatch.setenv("RINGBACK_HOST", "127.0.0.1")
        monkeypatch.setenv("RINGBACK_PORT", url.rpartition(":")[2])
        return health_check.run()

    return run


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, body=b'{"status": "ready"}'),
        Answer(503, body=b'{"status": "not ready", "reason": "the schema is old"}'),
        Answer(503, body=b"[]"),
        Answer(404, body=b"<html>"),
    ],
    ids=["ready", "not ready", "503 without a reason", "404"],
)
def test_health_check_has_the_exit_status_and_the_output_of_the_ready_command(
    answer: Answer, check: Callable[[str], int | None], command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with CallbackReceiver(lambda _: answer) as receiver:
        status, printed = check(receiver.url), capsys.readouterr()
        asked = command("ready", "--url", receiver.url)

    assert [received.target for received in receiver.received] == ["/readyz"] * 2
    assert (status, printed.out, printed.err) == (asked.status, asked.out, asked.err)


def test_health_check_without_a_server_has_the_exit_status_and_the_output_of_the_ready_command(
    check: Callable[[str], int | None], command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    status, printed = check("http://127.0.0.1:9"), capsys.readouterr()
    asked = command("ready", "--url", "http://127.0.0.1:9")

    assert (status, printed.err) == (asked.status, asked.err)
    assert status == 1
    assert printed.err.startswith("ringback: http://127.0.0.1:9 is not ready: nothing listens there.")


@pytest.mark.usefixtures("command")
@pytest.mark.parametrize("answers", [True, False])
def test_health_check_imports_neither_the_settings_nor_an_http_client(*, answers: bool) -> None:
    with CallbackReceiver(lambda _: Answer(200 if answers else 503)) as receiver:
        asked = subprocess.run(  # noqa: S603
            [sys.executable, "-c", PRINT_IMPORTS, "ready"],
            env={**os.environ, "RINGBACK_PORT": receiver.url.rpartition(":")[2]},
            capture_output=True,
            text=True,
            check=False,
            timeout=PROGRAM_SECONDS,
        )

    imported = set(asked.stdout.split())
    assert asked.returncode == (0 if answers else 1)
    assert "ringback.commands.health_check" in imported
    assert imported & SLOW_TO_IMPORT == set()
