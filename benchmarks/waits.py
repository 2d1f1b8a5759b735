"""How long tests wait for an advance of the clock, and for events."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from statistics import median

import httpx

from benchmarks import servers
from benchmarks.load import BenchmarkFailed
from benchmarks.receiver import receiver
from benchmarks.sections import Bench, Section, at_most, span

ADVANCED_SECONDS = 60
CALL_DELAY_SECONDS = 50
MANY_CALLS = 1_000
ROUNDS = {1: 9, MANY_CALLS: 3}
EVENTS = 50
OK, CREATED = 200, 201
ADVANCE_TARGETS_MS = {1: 250.0, MANY_CALLS: 5_000.0}
EVENT_TARGET_MS = 50.0
WORDS = f"""The time for advancing an account's clock by {ADVANCED_SECONDS} s, during which calls ring, are answered and
get the code, until each callback is delivered to a local receiver; and the time from an event until a waiting client
has received it."""


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


def measure_waits(bench: Bench) -> Section:
    """Measure advancing the clock of an account with one pending call, or a thousand; then measure waiting for events.

    Each call has a callback.
    """
    with servers.ringback(bench.folder, "waits.db") as server, receiver() as url, _client(server.url) as http:
        _advance(_account(http), 1, url)  # the first callback imports modules that later ones do not
        rows = [
            _cells(f"advance, {calls:,} pending", [_advance(_account(http), calls, url) for _ in range(rounds)], target)
            for (calls, rounds), target in zip(ROUNDS.items(), ADVANCE_TARGETS_MS.values(), strict=True)
        ]
        events_ms = _events(_account(http), server.url)
        rows.append(_cells("time until a client receives an event", events_ms, EVENT_TARGET_MS))
    return Section("Clock and events", WORDS, ("", "median", "least to most", "target"), rows)


def _cells(name: str, measured_ms: list[float], target_ms: float) -> list[str]:
    form, middle = "{:,.0f} ms", median(measured_ms)
    return [name, form.format(middle), span(measured_ms, form), at_most(middle, target_ms, form)]


def _account(http: httpx.Client) -> _Account:
    made = _expect(http.post("/_ringback/accounts"), CREATED).json()
    return _Account(http, made["sid"], made["auth_token"])


def _advance(account: _Account, calls: int, receiver_url: str) -> float:
    """Return how long an advance of the clock past the end of `calls` calls takes, in milliseconds."""
    for number in range(calls):
        account.validate(number, CallDelay=str(CALL_DELAY_SECONDS), StatusCallback=receiver_url)
    began = time.perf_counter()
    _expect(account.http.post(f"{account.control}/clock/advance", json={"seconds": ADVANCED_SECONDS}), OK)
    elapsed_ms = (time.perf_counter() - began) * 1000
    told = _expect(account.http.get(f"{account.control}/events", params={"type": "callback.delivered"}), OK).json()
    if len(told["events"]) != calls:
        raise BenchmarkFailed(f"only {len(told['events'])} of {calls} callbacks were delivered")
    return elapsed_ms


def _events(account: _Account, url: str) -> list[float]:
    """Return the time from each event until its arrival at a waiting client, in milliseconds."""
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
