"""A hundred thousand queued calls: their cost while the server is idle, and the delay of due calls."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import servers
from benchmarks.client import EVENTS_PATH, get, validate, wait_while
from benchmarks.fill import multiply, sid
from benchmarks.sections import Bench, Section, at_most, percentile
from benchmarks.servers import Server

PENDING = 100_000
AHEAD_MICROSECONDS = 3_600 * 1_000_000
"""Time until the first queued call is due. The others follow within a day."""
APART_MICROSECONDS = 800_000
IDLE_SECONDS, SETTLE_SECONDS = 8.0, 1.0
DUE_CALLS, DUE_APART_SECONDS, DELAY_SECONDS = 200, 0.05, 2
CPU_TARGET, GROWTH_TARGET_MB, LATE_TARGET_MS = 0.02, 30.0, 50.0
LAST_EVENT = f"SELECT count(*) < {DUE_CALLS} FROM events WHERE type = 'call.ended'"  # noqa: S608 - our own tables
WORDS = f"""{DUE_CALLS} other calls become due one by one over {DUE_CALLS * DUE_APART_SECONDS:.0f} s, while the
pending ones wait. The delay of a call is the time from its due time until a client that follows the account's events
has received the event. The server is idle for {IDLE_SECONDS:.0f} s; memory is measured at the end."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Measurements of a server: the share of one processor that it uses while idle, its memory, and delays of calls."""

    idle_share: float
    megabytes: float
    late_ms: list[float]


def measure_pending(bench: Bench) -> Section:
    """Measure a server without pending calls, then one with a hundred thousand."""
    none = _observed(bench.folder, _database(bench.folder, "none.db", 0))
    many = _observed(bench.folder, _database(bench.folder, "many.db", PENDING))
    growth = many.megabytes - none.megabytes
    late = percentile(many.late_ms, 99)
    rows = [
        ["CPU use while idle", f"{none.idle_share:.2%}", f"{many.idle_share:.2%}"],
        ["resident memory", f"{none.megabytes:.0f} MB", f"{many.megabytes:.0f} MB"],
        ["delay of dialing, median", f"{median(none.late_ms):.0f} ms", f"{median(many.late_ms):.0f} ms"],
        ["delay of dialing, p99", f"{percentile(none.late_ms, 99):.0f} ms", f"{late:.0f} ms"],
    ]
    targets = [
        at_most(many.idle_share, CPU_TARGET, "{:.0%}"),
        at_most(growth, GROWTH_TARGET_MB, "{:.0f} MB more"),
        "",
        at_most(late, LATE_TARGET_MS, "{:.0f} ms"),
    ]
    head = ("", "nothing pending", f"{PENDING:,} pending", "target")
    return Section("Pending calls", WORDS, head, [[*row, target] for row, target in zip(rows, targets, strict=True)])


def _database(folder: Path, name: str, calls: int) -> Path:
    """Create a database with `calls` calls that are due later."""
    database = folder / name
    with servers.ringback(folder, name) as server:
        if calls:
            validate(server.url, "+16502530000", CallDelay="60")
    if calls:
        multiply(database, "validation_calls", _copies(calls))
    return database


def _copies(calls: int) -> Iterator[dict[str, Any]]:
    first_due = int(time.time() * 1_000_000) + AHEAD_MICROSECONDS
    for number in range(1, calls + 1):
        due = first_due + number * APART_MICROSECONDS
        yield {
            "sid": sid("CA", number),
            "phone_number": f"+1212{2_000_000 + number}",
            "due_at": due,
            "real_due_at": due,
        }


def _observed(folder: Path, database: Path) -> Waiting:
    with servers.ringback(folder, database.name) as server:
        time.sleep(SETTLE_SECONDS)
        before = server.processor_seconds
        time.sleep(IDLE_SECONDS)
        idle_share = (server.processor_seconds - before) / IDLE_SECONDS
        late_ms = _delays_ms(server)
        wait_while(database, LAST_EVENT)
        return Waiting(idle_share, server.resident_megabytes, late_ms)


def _delays_ms(server: Server) -> list[float]:
    """Create calls that fall due one by one, and return their delays."""
    with ThreadPoolExecutor(1) as pool:
        heard = pool.submit(_followed, server.url)
        for number in range(DUE_CALLS):
            validate(server.url, f"+1415867{number:04d}", CallDelay=str(DELAY_SECONDS))
            time.sleep(DUE_APART_SECONDS)
        rung = heard.result()
    queued = {event["call_sid"]: event["at"] for event in _events(server.url, "call.queued", 0)}
    due = {call: datetime.fromisoformat(at).timestamp() + DELAY_SECONDS for call, at in queued.items()}
    return [(at - due[call]) * 1000 for call, at in rung.items()]


def _followed(server_url: str) -> dict[str, float]:
    """Return when the first event of each ringing call arrived, in seconds since 1970."""
    rung: dict[str, float] = {}
    last_id = 0
    while len(rung) < DUE_CALLS:
        found = _events(server_url, "call.ringing", last_id)
        heard = time.time()
        rung |= {event["call_sid"]: heard for event in found}
        last_id = found[-1]["id"]
    return rung


def _events(server_url: str, kind: str, after: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get(f"{server_url}{EVENTS_PATH}?type={kind}&after={after}")["events"]
    return found
