"""A server whose background task cannot be kept running stops, and keeps what it has answered."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx

from support.server import ServerProcess, caller_ids_path

WORKERS = """
import os, signal, sys, time
from ringback.workers import run_workers

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
"""Starts a worker that exits with status 70 twice, and then has its parent stop."""


def test_a_server_whose_task_fails_too_often_stops_with_a_log_line_and_keeps_what_it_answered(tmp_path: Path) -> None:
    database = tmp_path / "broken.db"
    server = ServerProcess(database_url=f"sqlite:///{database}", ring_seconds=600, ring_timeout_seconds=600)
    with server, server.client() as client:
        assert server.process is not None
        with closing(sqlite3.connect(database, timeout=30)) as other:
            other.execute("DROP TABLE requests")
        answers = [
            client.post(f"{caller_ids_path()}.json", data={"PhoneNumber": f"+1415867{number:04d}"})
            for number in range(10)
        ]
        down = server.wait_for_log(lambda line: line["event"] == "background task failed, restarting", 60)
        status = server.process.wait(60)

    assert [answer.status_code for answer in answers] == [httpx.codes.OK] * 10
    assert (down["task"], down["level"]) == ("request_journal", "error")
    [line] = [line for line in server.log if line["event"] == "background task failed too often, stopping"]
    assert (line["task"], line["level"], status) == ("request_journal", "critical", 70)
    with closing(sqlite3.connect(database)) as left:
        kept = {sid for (sid,) in left.execute("SELECT sid FROM validation_calls")}
    assert kept == {answer.json()["call_sid"] for answer in answers}


def test_a_worker_whose_task_failed_too_often_is_replaced_also_soon_after_the_start(tmp_path: Path) -> None:
    starts = tmp_path / "starts"

    command = [sys.executable, "-c", WORKERS, str(starts)]
    ended = subprocess.run(command, capture_output=True, timeout=60, check=False)  # noqa: S603

    assert (ended.returncode, starts.read_text(encoding="ascii")) == (0, "xxx")
