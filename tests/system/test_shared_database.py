"""Processes that share a PostgreSQL database: servers and workers, killed servers, and database outages."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import make_url

from support.databases.postgresql import migrated_database, new_database, postgresql_server
from support.databases.severable_proxy import SeverableProxy
from support.receivers.receiver import CallbackReceiver
from support.sampling import WHOLE
from support.servers.command import Command
from support.servers.seeds import number_at
from support.servers.server import ACCOUNT_SID, ServerProcess, caller_ids_path
from support.waiting import eventually

NUMBER = "+14158675309"
QUICK: dict[str, Any] = {"ring_seconds": 0.1, "key_seconds": 0.1}
OUTAGE_SECONDS = 10 if WHOLE else 3
LIST = f"{caller_ids_path()}.json"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    with migrated_database() as url:
        yield url


@pytest.fixture
def workers(database_url: str) -> Iterator[ServerProcess]:
    """Run two workers, and reset the server after the test."""
    with ServerProcess(database_url=database_url, workers=2, **QUICK) as server:
        eventually(lambda: len(children(server)) == 2, what="two workers")
        yield server


def children(server: ServerProcess) -> set[int]:
    assert server.process is not None
    tasks = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return {int(pid) for pid in tasks.read_text(encoding="ascii").split()}


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def verified(http: httpx.Client) -> set[str]:
    answer = http.get(LIST, params={"PageSize": 1000}).raise_for_status()
    return {caller_id["phone_number"] for caller_id in answer.json()["outgoing_caller_ids"]}


def test_every_worker_verifies_numbers(workers: ServerProcess) -> None:
    numbers = {number_at(position) for position in range(20)}
    for number in numbers:
        with workers.client() as http:  # separate connections, so that both workers get requests
            assert http.post(LIST, data={"PhoneNumber": number}).status_code == httpx.codes.OK

    with workers.client() as http:
        eventually(lambda: verified(http) >= numbers, what="all verified")


def test_killed_worker_is_replaced_and_loses_nothing(workers: ServerProcess) -> None:
    before = children(workers)
    numbers = {number_at(position) for position in range(100, 120)}
    with workers.client() as http:
        for number in numbers:
            http.post(LIST, data={"PhoneNumber": number}).raise_for_status()

    for pid in before:
        os.kill(pid, signal.SIGKILL)
        eventually(lambda killed=pid: len(children(workers) - {killed}) == 2, what="another worker")  # type: ignore[misc]

    with workers.client() as http:
        eventually(lambda: verified(http) >= numbers, what="all verified")
    assert before & children(workers) == set()


def test_worker_without_a_database_is_restarted_without_stopping_the_others(database_url: str) -> None:
    with (
        SeverableProxy(make_url(database_url)) as line,
        ServerProcess(database_url=line.url, workers=2, **QUICK) as server,
        server.client() as http,
    ):
        eventually(lambda: len(children(server)) == 2, what="two workers")
        line.cut()
        os.kill(min(children(server)), signal.SIGKILL)
        server.wait_for_log(lambda log: log.get("status") == 1)
        line.restore()

        eventually(lambda: len(children(server)) == 2, what="two workers again")
        eventually(lambda: http.get("/readyz").is_success, what="ready again")


def test_unrelated_child_process_does_not_disturb_the_parent(database_url: str) -> None:
    serve = [sys.executable, "-m", "ringback", "serve"]
    with ServerProcess(
        command=["sh", "-c", f"sleep 0.1 & exec {' '.join(serve)}"], database_url=database_url, workers=2
    ) as server:
        eventually(lambda: len(children(server)) == 2, what="two workers, and no sleeper")
        with server.client() as http:
            assert http.get("/readyz").is_success


def test_workers_stop_in_time_after_sigterm(workers: ServerProcess) -> None:
    running = children(workers)

    status = workers.stop()

    assert status == 0
    assert not any(map(is_running, running))


def test_workers_end_with_their_parent_process(workers: ServerProcess) -> None:
    running = children(workers)

    workers.kill()

    eventually(lambda: not any(map(is_running, running)), what="no worker")


def test_password_anywhere_in_the_url_is_not_repeated(command: Command, database_url: str) -> None:
    url = make_url(database_url)
    good = url.update_query_dict({"password": "s3cret"}).render_as_string(hide_password=False)
    wrong = "postgresql+psycopg://127.0.0.1:1/nothing?password=s3cret"

    done = command("migrate", "--database-url", good)
    refused = command("migrate", "--database-url", wrong)
    mistyped = command("migrate", "--database-url", "postgresql+psycopg:/u:s3cret@127.0.0.1/nothing")

    assert (done.status, refused.status, mistyped.status) == (0, 1, 2)
    assert "s3cret" not in "".join(one.out + one.err for one in (done, refused, mistyped))


def test_unmigrated_database_is_reported_in_one_line(command: Command) -> None:
    with new_database(postgresql_server()) as url:
        text = url.render_as_string(hide_password=False)
        one = command("serve", "--port", "0", "--database-url", text)
        two = command("serve", "--port", "0", "--workers", "2", "--database-url", text)

    for finished in (one, two):
        [line] = finished.err.splitlines()
        assert finished.status == 1
        assert line.endswith("run `ringback migrate` first")


def test_server_stops_in_time_while_the_database_does_not_respond(database_url: str) -> None:
    with SeverableProxy(make_url(database_url)) as line, ServerProcess(database_url=line.url, **QUICK) as server:
        with server.client() as http:
            http.post(LIST, data={"PhoneNumber": number_at(300)}).raise_for_status()
        line.hang()
        with server.client() as http, pytest.raises(httpx.TimeoutException):
            http.get(LIST, timeout=0.2)

        status = server.stop()

    assert status == 0


def test_database_outage_loses_nothing_and_work_continues_afterwards(database_url: str) -> None:
    asked = {number_at(position) for position in range(200, 210)}
    with (
        SeverableProxy(make_url(database_url)) as line,
        CallbackReceiver() as receiver,
        ServerProcess(database_url=line.url, **QUICK) as server,
        server.client() as http,
    ):
        for number in asked:
            http.post(LIST, data={"PhoneNumber": number, "StatusCallback": receiver.url}).raise_for_status()

        line.cut()
        refused = http.post(LIST, data={"PhoneNumber": NUMBER})
        control = http.get(f"/_ringback/accounts/{ACCOUNT_SID}/calls")
        live, ready = http.get("/livez"), http.get("/readyz")
        threading.Event().wait(OUTAGE_SECONDS)  # the test needs an outage of this length
        line.restore()

        eventually(lambda: http.get("/readyz").is_success, what="ready again")
        eventually(lambda: verified(http) >= asked, what="all verified")
        eventually(lambda: len(receiver.received) >= len(asked), what="all callbacks")
        tokens = {received.headers["I-Twilio-Idempotency-Token"] for received in receiver.received}

    assert (refused.status_code, refused.json()["code"]) == (503, 20503)
    assert (control.status_code, set(control.json())) == (503, {"error", "hint"})
    assert (live.status_code, ready.status_code) == (200, 503)
    assert len(tokens) == len(asked)
    assert [line for line in server.log if "Traceback" in str(line)] == []
