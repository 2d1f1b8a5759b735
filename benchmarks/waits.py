"""How long a test waits: for an account's time to pass, and to be told of an event."""

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx

from benchmarks import servers
from benchmarks.load import BenchmarkFailed

ADVANCED_SECONDS = 60
CALL_DELAY_SECONDS = 50
MANY_CALLS = 1_000
ROUNDS = {1: 9, MANY_CALLS: 3}
EVENTS = 50
OK, CREATED = 200, 201
NO_CONTENT = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
CONTENT_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")


@dataclass(frozen=True, slots=True)
class Waits:
    """The milliseconds of each advance, by the number of pending calls, and of each event on its way."""

    advance_ms: dict[int, list[float]]
    event_ms: list[float]


@dataclass(frozen=True, slots=True)
class _Account:
    http: httpx.Client
    sid: str
    token: str

    @property
    def control(self) -> str:
        return f"/_ringback/accounts/{self.sid}"

    def validate(self, number: int, **parameters: str) -> None:
        answer = self.http.post(
            f"/2010-04-01/Accounts/{self.sid}/OutgoingCallerIds.json",
            data={"PhoneNumber": f"+1415867{number:04d}", **parameters},
            auth=(self.sid, self.token),
        )
        _expect(answer, OK)


def measure_waits(folder: Path) -> Waits:
    """Advance clocks over one pending call and over a thousand, each with a callback; then wait for events."""
    with servers.ringback(folder, "waits.db") as server, _receiver() as receiver, _client(server.url) as http:
        _advance(_account(http), 1, receiver)  # the first callback loads what callbacks need
        advances = {
            calls: [_advance(_account(http), calls, receiver) for _ in range(rounds)]
            for calls, rounds in ROUNDS.items()
        }
        return Waits(advances, _events(_account(http), server.url))


def _account(http: httpx.Client) -> _Account:
    made = _expect(http.post("/_ringback/accounts"), CREATED).json()
    return _Account(http, made["sid"], made["auth_token"])


def _advance(account: _Account, calls: int, receiver: str) -> float:
    """Return the milliseconds it takes to advance a clock past the end of so many calls."""
    for number in range(calls):
        account.validate(number, CallDelay=str(CALL_DELAY_SECONDS), StatusCallback=receiver)
    began = time.perf_counter()
    _expect(account.http.post(f"{account.control}/clock/advance", json={"seconds": ADVANCED_SECONDS}), OK)
    elapsed_ms = (time.perf_counter() - began) * 1000
    told = _expect(account.http.get(f"{account.control}/events", params={"type": "callback.delivered"}), OK).json()
    if len(told["events"]) != calls:
        raise BenchmarkFailed(f"of {calls} callbacks {len(told['events'])} were delivered")
    return elapsed_ms


def _events(account: _Account, url: str) -> list[float]:
    """Return how many milliseconds after it happened each event was in the hands of one who waited for it."""
    last_id, found = 0, []
    with _client(url) as waiter, ThreadPoolExecutor(1) as pool:
        for number in range(EVENTS):
            query: dict[str, str | int] = {"after": last_id, "type": "call.queued"}
            waiting = pool.submit(_timed, waiter, f"{account.control}/events", query)
            account.validate(number, CallDelay="60")
            answer, received = waiting.result()
            [event] = answer.json()["events"]
            last_id = event["id"]
            found.append((received - datetime.fromisoformat(event["at"]).timestamp()) * 1000)
    return found


def _timed(http: httpx.Client, path: str, query: dict[str, str | int]) -> tuple[httpx.Response, float]:
    return http.get(path, params=query), time.time()


def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=120, trust_env=False)


def _expect(answer: httpx.Response, status: int) -> httpx.Response:
    if answer.status_code != status:
        raise BenchmarkFailed(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}")
    return answer


@contextmanager
def _receiver() -> Iterator[str]:
    """Run a receiver of callbacks that does next to nothing, and give its URL."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(_receive, servers.HOST, 0, backlog=512))
    running = threading.Thread(target=loop.run_forever, daemon=True)
    running.start()
    try:
        yield f"http://{servers.HOST}:{server.sockets[0].getsockname()[1]}/"
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        running.join()
        loop.close()


async def _receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = CONTENT_LENGTH.search(head)
    await reader.readexactly(int(length[1]) if length else 0)
    writer.write(NO_CONTENT)
    await writer.drain()
    writer.close()
