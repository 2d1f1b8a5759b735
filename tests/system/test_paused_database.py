"""A PostgreSQL server that is paused while ringback uses it: clients, health checks, background tasks and the log."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from ringback.storage.database_factory import open_database
from ringback.storage.schema import migrate
from support.databases.pausable_postgresql import PausablePostgresql
from support.databases.postgresql import new_database
from support.receivers.receiver import CallbackReceiver
from support.servers.seeds import number_at
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess, caller_ids_path
from support.waiting import PATIENCE_SECONDS, eventually

LIST = f"{caller_ids_path()}.json"
QUICK: dict[str, Any] = {"ring_seconds": 0.1, "key_seconds": 0.1}
REQUESTS = 24
"""Requests during a pause: three for each of the threads that wait for PostgreSQL."""
WITHOUT_CREDENTIALS = 4
"""Requests without credentials, some of which wait for a connection that was opened before the pause."""

pytestmark = [pytest.mark.postgresql, pytest.mark.slow]


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PausablePostgresql]:
    with PausablePostgresql() as server:
        yield server


@pytest.fixture
def server(postgresql: PausablePostgresql) -> Iterator[ServerProcess]:
    """Run a server on a new database of the pausable PostgreSQL."""
    with new_database(postgresql.url) as url:
        text = url.render_as_string(hide_password=False)
        database = open_database(text)
        migrate(database)
        database.close()
        with ServerProcess(database_url=text, **QUICK) as running:
            yield running


def outcome(answer: httpx.Response) -> tuple[int, int]:
    return answer.status_code, answer.json()["code"]


def has_traceback(server: ServerProcess) -> bool:
    return "Traceback" in str(server.log)


def test_readyz_is_503_while_the_database_is_paused(server: ServerProcess, postgresql: PausablePostgresql) -> None:
    with server.client() as http:
        with postgresql.paused():
            started = time.monotonic()
            not_ready = [http.get("/readyz") for _ in range(3)]
            seconds = time.monotonic() - started
            live = http.get("/livez")
        resumed = time.monotonic()
        eventually(lambda: http.get("/readyz").is_success, what="ready again")

    print(f"3 times 503 in {seconds:.1f} s, 200 after {time.monotonic() - resumed:.1f} s")  # noqa: T201
    assert [answer.status_code for answer in not_ready] == [503] * 3
    assert all("answer" in answer.json()["reason"] for answer in not_ready)
    assert live.status_code == 200


def test_requests_while_the_database_is_paused_get_a_twilio_503(
    server: ServerProcess, postgresql: PausablePostgresql
) -> None:
    def ask(position: int) -> httpx.Response:
        auth = (ACCOUNT_SID, AUTH_TOKEN if position % 3 else "wrong")
        with server.client(*auth) as http:
            return http.post(LIST, data={"PhoneNumber": number_at(position)}) if position % 2 else http.get(LIST)

    with ThreadPoolExecutor(REQUESTS) as threads, server.client() as http:
        with postgresql.paused():
            answers = list(threads.map(ask, range(REQUESTS)))
            started = time.monotonic()
            control = http.get(f"/_ringback/accounts/{ACCOUNT_SID}/calls")
            later = http.get(LIST)
            seconds = time.monotonic() - started
        eventually(lambda: http.get(LIST).is_success, what="the list again")

    slowest = max(answer.elapsed.total_seconds() for answer in answers)
    print(f"slowest of {REQUESTS} requests {slowest:.1f} s, two later ones {seconds:.2f} s")  # noqa: T201
    assert {outcome(answer) for answer in answers} == {(503, 20503)}
    assert outcome(later) == (503, 20503)
    assert (control.status_code, set(control.json())) == (503, {"error", "hint"})
    assert not has_traceback(server)


def test_calls_and_callbacks_continue_after_a_pause_of_the_database(
    server: ServerProcess, postgresql: PausablePostgresql
) -> None:
    with CallbackReceiver() as receiver, server.client() as http:
        with postgresql.paused():
            assert outcome(http.get(LIST)) == (503, 20503)
        eventually(lambda: http.get("/readyz").is_success, what="ready again")
        asked = {number_at(position) for position in range(10)}
        for number in asked:
            http.post(LIST, data={"PhoneNumber": number, "StatusCallback": receiver.url}).raise_for_status()
        with postgresql.paused():
            server.wait_for_log(lambda line: "call_runner" in line.get("tasks", []))
        eventually(lambda: len(receiver.received) >= len(asked), what="all callbacks")

        found = {caller_id["phone_number"] for caller_id in http.get(LIST).json()["outgoing_caller_ids"]}

    assert found == asked
    assert not has_traceback(server)


def test_request_without_credentials_is_logged_in_one_line_while_the_database_is_paused(
    server: ServerProcess, postgresql: PausablePostgresql
) -> None:
    with postgresql.paused():
        answer = httpx.get(f"{server.base_url}{LIST}", timeout=PATIENCE_SECONDS, trust_env=False)
        line = server.wait_for_log(lambda line: line.get("path") == LIST)

    assert outcome(answer) == (401, 20003)
    assert (line["event"], line["reason"]) == ("request", "no Authorization header")
    assert line["hint"].startswith("not in the request journal: cannot use the database")
    assert "account lookup failed" not in str(server.log)


def test_server_stopped_while_the_database_is_paused_logs_no_traceback(
    server: ServerProcess, postgresql: PausablePostgresql
) -> None:
    with postgresql.paused():
        answers = [
            httpx.get(f"{server.base_url}{LIST}", timeout=PATIENCE_SECONDS, trust_env=False)
            for _ in range(WITHOUT_CREDENTIALS)
        ]
        status = server.stop()

    assert [outcome(answer) for answer in answers] == [(401, 20003)] * WITHOUT_CREDENTIALS
    assert status == 0
    assert not has_traceback(server)
