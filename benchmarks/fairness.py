"""The latency of a small request during a large operation."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from benchmarks import servers
from benchmarks.client import ACCOUNT_SID, AUTH_TOKEN, LIST_PATH
from benchmarks.load import BenchmarkFailed
from benchmarks.sections import Bench, Section, at_most

ROUNDS = 3
PROBES = 1_000
MIN_PROBES = 300
"""Minimum number of GETs that start during the operation. Fewer are not significant."""
CALLS, MESSAGES, SNAPSHOT_MESSAGES = 10_000, 1_000, 400
MESSAGE_BYTES = 65_531
LEAST_TARGET_MS, TIMES_IDLE = 20.0, 3.0
CONTROL = "/_ringback"
ACCOUNT = f"{CONTROL}/accounts/{ACCOUNT_SID}"
SECONDS = 300.0
WORDS = f"""The 99th percentile of the latency of {PROBES:,} requests `GET /livez` that another process sends one after
the other, first on an idle server, then while the operation runs repeatedly; the best of {ROUNDS} rounds. The target
is the larger of {LEAST_TARGET_MS:.0f} ms and {TIMES_IDLE:.0f} times the idle latency."""


def measure_fairness(bench: Bench) -> Section:
    """Measure GET /livez while a clock is advanced, a snapshot is restored and an inbox is listed."""
    rows = []
    with servers.ringback(bench.folder, "fairness.db") as server, _client(server.url) as client:
        for name, operation in {
            f"a clock with {CALLS:,} pending calls is advanced": _advance(client),
            "a snapshot of 52 MB is restored": _restore(client),
            f"{MESSAGES:,} messages of 64 KiB are listed": _list(client),
        }.items():
            bench.say(f"fairness: {name}")
            idle_ms, busy_ms = min((_round(server, operation) for _ in range(ROUNDS)), key=lambda figures: figures[1])
            target = max(LEAST_TARGET_MS, TIMES_IDLE * idle_ms)
            verdict = at_most(busy_ms, target, "{:.1f} ms")
            rows.append([f"while {name}", f"{idle_ms:.2f} ms", f"{busy_ms:.2f} ms", verdict])
    return Section("Small requests during a large operation", WORDS, ("", "idle p99", "busy p99", "target"), rows)


Prepare = Callable[[], object]
Operation = tuple[Prepare, Callable[[], object]]
"""A function that prepares each run, and the large operation, during which GET /livez is measured."""


def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, auth=(ACCOUNT_SID, AUTH_TOKEN), timeout=SECONDS, trust_env=False)


def _ask(client: httpx.Client, method: str, path: str, **options: object) -> httpx.Response:
    answer = client.request(method, path, **options)  # type: ignore[arg-type]
    if not answer.is_success:
        raise BenchmarkFailed(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
    return answer


def _advance(client: httpx.Client) -> Operation:
    """Return an operation that advances the clock of many calls, and a preparation that restores the pending calls."""
    _ask(client, "PUT", f"{ACCOUNT}/clock", json={"mode": "frozen"})
    for place in range(CALLS):
        number = {"PhoneNumber": f"+1415{2_000_000 + place:07d}", "CallDelay": "10"}
        _ask(client, "POST", f"{LIST_PATH}.json", data=number)
    pending = _ask(client, "GET", f"{CONTROL}/snapshot").content
    return (
        lambda: _ask(client, "PUT", f"{CONTROL}/snapshot", content=pending),
        lambda: _ask(client, "POST", f"{ACCOUNT}/clock/advance", json={"seconds": 90}),
    )


def _restore(client: httpx.Client) -> Operation:
    _fill_inbox(client, SNAPSHOT_MESSAGES)
    snapshot = _ask(client, "GET", f"{CONTROL}/snapshot").content
    return lambda: None, lambda: _ask(client, "PUT", f"{CONTROL}/snapshot", content=snapshot)


def _list(client: httpx.Client) -> Operation:
    _fill_inbox(client, MESSAGES)
    return lambda: None, lambda: _ask(client, "GET", f"{ACCOUNT}/inbox/any/messages?limit={MESSAGES}")


def _fill_inbox(client: httpx.Client, messages: int) -> None:
    _ask(client, "POST", f"{CONTROL}/reset")
    for _ in range(messages):
        _ask(client, "POST", f"{ACCOUNT}/inbox/any", data={"Body": "x" * MESSAGE_BYTES})


def _round(server: servers.Server, operation: Operation) -> tuple[float, float]:
    """Return the 99th percentiles of the latency of GET /livez in milliseconds: when idle, and during the operation."""
    prepare, run = operation
    prepare()
    idle = [ms for _, ms in _probe(server.port)]
    with ThreadPoolExecutor() as threads:
        probing = threads.submit(_probe, server.port)
        spans = []
        while not probing.done():
            began = time.monotonic()
            run()
            spans.append((began, time.monotonic()))
            prepare()
        busy = [ms for at, ms in probing.result() if any(begin <= at <= end for begin, end in spans)]
    if len(busy) < MIN_PROBES:
        raise BenchmarkFailed(f"only {len(busy)} of {PROBES} GETs began while the operation ran")
    return _p99(idle), _p99(busy)


def _probe(port: int) -> list[tuple[float, float]]:
    command = [sys.executable, "-m", "benchmarks.livez_probe", str(port), str(PROBES)]
    output = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, check=True).stdout
    return [(at, ms) for at, ms in json.loads(output)]


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]
