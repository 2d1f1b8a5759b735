"""Long operations, during which the event loop must remain responsive.

The tests assert thread time, which is independent of other processes on the machine.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import ringback.testing
from support.sampling import WHOLE
from support.servers import loop_watch
from support.servers.loop_watch import LONGEST_CALLBACK_MS, Callback, WatchedServer, assert_yields
from support.servers.server import ACCOUNT_SID, caller_ids_path

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("event loop fairness")]

CALLS = 10_000 if WHOLE else 600
LISTED = 1_000
MESSAGES = 1_000 if WHOLE else 50
CONTROL = "/_ringback"
ACCOUNT = f"{CONTROL}/accounts/{ACCOUNT_SID}"
INBOX = f"{ACCOUNT}/inbox/any"
SNAPSHOTS: dict[int, bytes] = {}
"""Snapshots by their number of pending calls."""
MAX_SECONDS = 600.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedServer]:
    """Run a server with a watched event loop, and warm it up so that caches are filled."""
    folder: Path = tmp_path_factory.mktemp("fairness")
    report = folder / "report"
    report.touch()
    with WatchedServer(report, database_url=f"sqlite:///{folder}/ringback.db") as server, server.client() as http:
        for path in (f"{CONTROL}/openapi.json", f"{CONTROL}/docs", f"{ACCOUNT}/calls", f"{caller_ids_path()}.json"):
            ask(http, "GET", path)
        yield server


@pytest.fixture
def http(server: WatchedServer) -> Iterator[httpx.Client]:
    """Yield a client, and afterwards delete everything but the default account."""
    with server.client() as http:
        http.timeout = httpx.Timeout(MAX_SECONDS)
        yield http
        ask(http, "POST", f"{CONTROL}/reset")


def ask(http: httpx.Client, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
    answer = http.request(method, path, json=body, **options)
    assert answer.status_code < 300, answer.text[:1_000]
    return answer


def make_calls(http: httpx.Client, count: int = CALLS) -> None:
    """Freeze the account's clock and create `count` pending calls.

    From the second time on, restore a snapshot of them instead.
    """
    if count in SNAPSHOTS:
        ask(http, "PUT", f"{CONTROL}/snapshot", content=SNAPSHOTS[count])
        return
    ask(http, "PUT", f"{ACCOUNT}/clock", {"mode": "frozen"})
    for place in range(count):
        number = {"PhoneNumber": f"+1415{2_000_000 + place:07d}", "CallDelay": "10"}
        ask(http, "POST", f"{caller_ids_path()}.json", data=number)
    SNAPSHOTS[count] = ask(http, "GET", f"{CONTROL}/snapshot").content


def watch(
    server: WatchedServer,
    http: httpx.Client,
    method: str,
    path: str,
    body: Any = None,
    *,
    prepare: Callable[[], object] = lambda: None,
) -> httpx.Response:
    """Send a request that takes a long time, and assert that every event loop callback is short.

    `prepare` is called before each run.
    """
    answers: list[httpx.Response] = []

    def operation() -> list[Callback]:
        prepare()
        with server.watched() as callbacks:
            answers.append(
                ask(http, method, path, **({"content": body} if isinstance(body, bytes) else {"body": body}))
            )
        return callbacks

    assert_yields(operation)
    return answers[-1]


SPIN = """
import asyncio, sys, time
from pathlib import Path
from support.servers.loop_watch import install

async def spin():
    end = time.thread_time() + 0.02
    while time.thread_time() < end:
        pass

install(Path(sys.argv[1]))
asyncio.run(spin())
"""


def test_watched_event_loop_records_a_long_callback(tmp_path: Path) -> None:
    report = tmp_path / "report"
    path = {**os.environ, "PYTHONPATH": str(loop_watch.TESTS)}

    subprocess.run([sys.executable, "-c", SPIN, str(report)], env=path, check=True)  # noqa: S603

    [ms, _] = json.loads(report.read_text())
    assert ms > LONGEST_CALLBACK_MS


def test_advance_yields_to_requests(server: WatchedServer, http: httpx.Client) -> None:
    watch(server, http, "POST", f"{ACCOUNT}/clock/advance", {"seconds": 90}, prepare=lambda: make_calls(http))

    calls = ask(http, "GET", f"{ACCOUNT}/calls?limit=10").json()["calls"]
    assert {call["status"] for call in calls} == {"completed"}


def test_setting_a_clock_yields_to_requests(server: WatchedServer, http: httpx.Client) -> None:
    make_calls(http)

    watch(server, http, "PUT", f"{ACCOUNT}/clock", {"mode": "running", "now": "2020-01-01T00:00:00Z"})
    watch(server, http, "PUT", f"{ACCOUNT}/clock", {"mode": "frozen", "now": "2030-01-01T00:00:00Z"})


@pytest.mark.parametrize("path", [f"{ACCOUNT}/reset", f"{CONTROL}/reset"])
def test_reset_yields_to_requests(server: WatchedServer, http: httpx.Client, path: str) -> None:
    watch(server, http, "POST", path, prepare=lambda: make_calls(http))

    assert ask(http, "GET", f"{ACCOUNT}/calls").json() == {"calls": []}


def test_deleting_an_account_yields_to_requests(server: WatchedServer, http: httpx.Client) -> None:
    watch(server, http, "DELETE", ACCOUNT, prepare=lambda: make_calls(http))

    assert http.get(ACCOUNT).status_code == 404


def test_snapshot_is_taken_and_restored_while_requests_are_served(server: WatchedServer, http: httpx.Client) -> None:
    make_calls(http)
    make_messages(http, MESSAGES)
    before = ask(http, "GET", f"{INBOX}/messages").json()

    snapshot = watch(server, http, "GET", f"{CONTROL}/snapshot").content
    watch(
        server,
        http,
        "PUT",
        f"{CONTROL}/snapshot",
        snapshot,
        prepare=lambda: ask(http, "POST", f"{CONTROL}/reset"),
    )

    assert ask(http, "GET", f"{INBOX}/messages").json() == before
    assert ask(http, "GET", f"{CONTROL}/snapshot").content == snapshot


def test_snapshot_of_a_large_inbox_is_restored(server: WatchedServer, http: httpx.Client) -> None:
    make_messages(http, MESSAGES)

    with ringback.testing.connect(server.base_url) as connection:
        snapshot = connection.snapshot()
        connection.reset()
        connection.restore(snapshot)

        assert connection.snapshot() == snapshot
    assert len(snapshot["tables"]["inbox_messages"]) == MESSAGES


def test_large_inbox_is_listed_while_requests_are_served(server: WatchedServer, http: httpx.Client) -> None:
    make_messages(http, MESSAGES)

    listed = watch(server, http, "GET", f"{INBOX}/messages?limit=1000").json()["messages"]

    assert [len(message["body"]) for message in listed] == [65_536] * MESSAGES
    assert [message["id"] for message in listed] == sorted(message["id"] for message in listed)


def test_long_lists_are_written_while_requests_are_served(server: WatchedServer, http: httpx.Client) -> None:
    make_calls(http, LISTED)
    ask(http, "POST", f"{ACCOUNT}/clock/advance", {"seconds": 90})

    for name, path in {
        "events": f"{ACCOUNT}/events?wait_seconds=0",
        "calls": f"{ACCOUNT}/calls?limit=1000",
        "requests": f"{ACCOUNT}/requests?limit=1000",
        "caller_ids": f"{ACCOUNT}/caller-ids?limit=1000",
    }.items():
        assert len(watch(server, http, "GET", path).json()[name]) == LISTED
    for suffix in ("json", "xml", "csv"):
        for path in (caller_ids_path(), caller_ids_path().replace("OutgoingCallerIds", "Calls")):
            watch(server, http, "GET", f"{path}.{suffix}?PageSize=1000")


def make_messages(http: httpx.Client, count: int) -> None:
    """Send messages of 64 KiB to an inbox. A snapshot contains each twice: as a body and as a parameter."""
    for _ in range(count):
        ask(http, "POST", INBOX, data={"Body": "x" * 65_531})
