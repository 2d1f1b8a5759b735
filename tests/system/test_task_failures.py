"""A server with a background task that fails permanently: it stops and keeps accepted calls."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from support.servers.server import ACCOUNT_SID, ServerProcess, caller_ids_path
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.slow

FAILING_UPDATE = """
CREATE TRIGGER failing BEFORE UPDATE ON validation_calls
WHEN (SELECT clock_offset FROM accounts WHERE sid = NEW.account_sid) = 1
BEGIN SELECT raise(ABORT, 'a defect'); END
"""
"""Trigger that makes the task `pruning` fail when it updates the calls of an account whose clock was set."""
WORKERS = """
import os, signal, sys, time
from ringback.server.prefork import run_workers


def work(number):
    with open(sys.argv[1], "a+") as starts:
        starts.write("x")
        starts.seek(0)
        if len(starts.read()) <= 2:
            return 70
    os.kill(os.getppid(), signal.SIGTERM)
    time.sleep(60)

sys.exit(run_workers(1, work, is_restarted=lambda status: status == 70))
"""
"""Starts a worker that exits with status 70 twice and then stops its parent."""


def validate(client: httpx.Client, account_sid: str, number: str) -> str:
    """Send a validation request, and return the SID of the call."""
    answer = client.post(f"{caller_ids_path(account_sid)}.json", data={"PhoneNumber": number})
    return str(answer.raise_for_status().json()["call_sid"])


def test_server_stops_when_a_task_fails_too_often_and_keeps_accepted_calls(tmp_path: Path) -> None:
    database = tmp_path / "broken.db"
    server = ServerProcess(database_url=f"sqlite:///{database}", ring_seconds=600, ring_timeout_seconds=600)
    with server, server.client() as client:
        assert server.process is not None
        other = client.post("/_ringback/accounts", json={}).raise_for_status().json()
        with server.client(other["sid"], other["auth_token"]) as other_client:
            answered = {validate(other_client, other["sid"], "+14158675309")}
        with closing(sqlite3.connect(database, timeout=PATIENCE_SECONDS)) as writer, writer:
            writer.execute("UPDATE accounts SET clock_offset = 1 WHERE sid = ?", [other["sid"]])
            writer.execute(FAILING_UPDATE)
        server.wait_for_log(lambda line: line["event"] == "background task failed, restarting")
        answered |= {validate(client, ACCOUNT_SID, f"+1415867{number:04d}") for number in range(10)}
        status = server.process.wait(PATIENCE_SECONDS)

    failures = [line for line in server.log if line["event"] == "background task failed, restarting"]
    [line] = [line for line in server.log if line["event"] == "background task failed too often, stopping"]
    assert {failure["task"] for failure in failures} == {"pruning"}
    assert [failure["seconds"] for failure in failures] == [0.5, 1.0, 2.0, 4.0]
    assert (line["task"], line["level"], status) == ("pruning", "critical", 70)
    with closing(sqlite3.connect(database)) as left:
        kept = {sid for (sid,) in left.execute("SELECT sid FROM validation_calls")}
    assert kept == answered


def test_worker_whose_task_fails_too_often_is_replaced(tmp_path: Path) -> None:
    starts = tmp_path / "starts"

    command = [sys.executable, "-c", WORKERS, str(starts)]
    ended = subprocess.run(command, capture_output=True, timeout=60, check=False)  # noqa: S603

    assert (ended.returncode, starts.read_text(encoding="ascii")) == (0, "xxx")
