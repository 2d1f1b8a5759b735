"""Long polls and event streams over real connections: their latency, processor time, and end at shutdown."""

import http.client
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

from support.sampling import WHOLE
from support.servers.server import ACCOUNT_SID, ServerProcess, caller_ids_path, serve_with
from support.waiting import PATIENCE_SECONDS

EVENTS = f"/_ringback/accounts/{ACCOUNT_SID}/events"
CLOCK = f"/_ringback/accounts/{ACCOUNT_SID}/clock"
WAITERS = 200 if WHOLE else 50
IDLE_SECONDS = 2.0
IDLE_SHARE = 0.05
IDLE_PERIODS = 10
"""Maximum number of measured periods. On a busy machine, the first ones may include the server's warm-up."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(cwd=tmp_path, database_url=f"sqlite:///{tmp_path / 'events.db'}") as running:
        yield running


def validate(client: httpx.Client, number: str = "+14158675309") -> str:
    answer = client.post(f"{caller_ids_path()}.json", data={"PhoneNumber": number})
    assert answer.status_code == 200, answer.text
    sid: str = answer.json()["call_sid"]
    return sid


def lines_of(server: ServerProcess, query: str, headers: dict[str, str], wanted: int) -> list[str]:
    """Read the event stream until it has sent `wanted` events, and return its lines."""
    found: list[str] = []
    with (
        server.client() as client,
        client.stream("GET", f"{EVENTS}/stream?{query}", headers=headers, timeout=PATIENCE_SECONDS) as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line and not line.startswith(":"):
                found.append(line)
            if sum(line.startswith("data: ") for line in found) == wanted and not line:
                return found
    return found


def test_event_stream_sends_past_events_and_then_new_ones(server: ServerProcess) -> None:
    with server.client() as client:
        client.put(CLOCK, json={"mode": "frozen"})
        validate(client)
        with ThreadPoolExecutor(1) as pool:
            following = pool.submit(lines_of, server, "", {}, 6)
            client.post(f"{CLOCK}/advance", json={"seconds": 2})
            lines = following.result(PATIENCE_SECONDS)
        listed = client.get(f"{EVENTS}?wait_seconds=0").json()["events"]

    assert [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")] == listed
    assert [line for line in lines if line.startswith("id: ")] == [f"id: {event['id']}" for event in listed]
    assert [line for line in lines if line.startswith("event: ")] == [f"event: {event['type']}" for event in listed]


def test_event_stream_client_that_reconnects_misses_no_event(server: ServerProcess) -> None:
    with server.client() as client:
        validate(client)
        client.post(f"{CLOCK}/advance", json={"seconds": 60})
        listed = client.get(f"{EVENTS}?wait_seconds=0").json()["events"]

    lines = lines_of(server, "after=0", {"Last-Event-ID": str(listed[2]["id"])}, 3)

    ids = [int(line.removeprefix("id: ")) for line in lines if line.startswith("id: ")]
    assert ids == [event["id"] for event in listed[3:]]


def test_events_are_not_lost_across_a_restart(tmp_path: Path) -> None:
    settings = {"cwd": tmp_path, "database_url": f"sqlite:///{tmp_path / 'kept.db'}"}
    with ServerProcess(**settings) as server, server.client() as client:  # type: ignore[arg-type]
        client.put(CLOCK, json={"mode": "frozen"})
        validate(client)
        [queued] = client.get(f"{EVENTS}?wait_seconds=0&type=call.queued").json()["events"]
        server.kill()
    with ServerProcess(**settings) as server, server.client() as client:  # type: ignore[arg-type]
        client.post(f"{CLOCK}/advance", json={"seconds": 60})
        later = client.get(f"{EVENTS}?after={queued['id']}").json()["events"]

    assert [event["type"] for event in later] == [
        "call.ringing",
        "call.answered",
        "call.digits",
        "caller-id.created",
        "call.ended",
    ]


def processor_seconds(server: ServerProcess) -> float:
    """Return the processor time that a server has used."""
    assert server.process is not None
    fields = Path(f"/proc/{server.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def send_request(server: ServerProcess, path: str) -> http.client.HTTPConnection:
    """Send a request, and return the connection on which its response is read later."""
    connection = http.client.HTTPConnection(server.base_url.removeprefix("http://"), timeout=PATIENCE_SECONDS)
    connection.request("GET", path)
    return connection


def wait_until_handled(client: httpx.Client) -> None:
    """Wait until the server has read all earlier requests: it reads from its connections in turn."""
    for _ in range(3):
        client.get("/livez").raise_for_status()


def wait_without_events(server: ServerProcess, seconds: float) -> None:
    """Wait for an event that never occurs, for `seconds`."""
    with server.client() as client:
        answer = client.get(f"{EVENTS}?type=callback.failed&wait_seconds={seconds}", timeout=seconds + PATIENCE_SECONDS)
        assert answer.json() == {"events": []}


def idle_share(server: ServerProcess) -> float:
    """Return the share of one processor that a server uses while clients wait."""
    before, began = processor_seconds(server), time.perf_counter()
    wait_without_events(server, IDLE_SECONDS)
    return (processor_seconds(server) - before) / (time.perf_counter() - began)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processor time is read from /proc")
def test_many_waiting_clients_use_little_cpu_time_and_receive_all_events(server: ServerProcess) -> None:
    with server.client() as client, ExitStack() as opened:
        client.put(CLOCK, json={"mode": "frozen"})
        waits = [send_request(server, f"{EVENTS}?type=caller-id.created&wait_seconds=300") for _ in range(WAITERS)]
        for wait in waits:
            opened.callback(wait.close)
        wait_until_handled(client)
        shares = [idle_share(server)]
        while shares[-1] >= IDLE_SHARE and len(shares) < IDLE_PERIODS:
            shares.append(idle_share(server))
        validate(client)
        client.post(f"{CLOCK}/advance", json={"seconds": 2})
        answered = [len(json.loads(wait.getresponse().read())["events"]) for wait in waits]

    assert answered == [1] * WAITERS
    assert shares[-1] < IDLE_SHARE, shares


def test_event_wait_ends_when_the_server_stops() -> None:
    patient = serve_with({"ringback.server.uvicorn_server.STOP_SECONDS": 2 * PATIENCE_SECONDS})
    with (
        ServerProcess(command=patient) as server,
        server.client() as client,
        closing(send_request(server, f"{EVENTS}?type=callback.failed&wait_seconds=300")) as waiting,
        closing(send_request(server, f"{EVENTS}/stream?type=callback.failed")) as following,
    ):
        validate(client)
        wait_until_handled(client)

        status = server.stop()

        assert json.loads(waiting.getresponse().read()) == {"events": []}
        assert b"data:" not in following.getresponse().read()
    assert status == 0
    assert [line for line in server.log if line.get("level") in ("error", "critical")] == []
