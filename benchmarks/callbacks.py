"""The delivery rate of StatusCallbacks, and the delay of callbacks while another receiver hangs."""

import time
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from benchmarks import servers
from benchmarks.client import PENDING_CALL, PENDING_CALLBACK, reading, validate, wait_while
from benchmarks.fill import multiply, sid
from benchmarks.load import BenchmarkFailed
from benchmarks.receiver import receiver
from benchmarks.sections import Bench, Section, at_least, at_most, percentile

CALLBACKS = 10_000
RATE_TARGET = 600.0
START_SECONDS = 3.0
"""Seconds between filling the database and the due time of its callbacks, enough for the server to start."""
HANGING, SINGLE, APART_SECONDS = 200, 200, 0.02
"""Number of callbacks to the hanging receiver, all due at once, and to the other receiver, due at this interval."""
LATE_TARGET_MS = 50.0
DELIVERED = "SELECT count(*) FROM events WHERE type = 'callback.delivered'"
PENDING_SINGLE_CALLBACKS = "SELECT EXISTS (SELECT 1 FROM status_callbacks WHERE due_at IS NOT NULL AND url = '{}')"
ARRIVED = "SELECT call_sid, at + elapsed_ms * 1000 FROM callback_attempts WHERE url = '{}' AND status_code = 204"
WORDS = f"""{CALLBACKS:,} callbacks of one account to one receiver on this machine become due at the same time; the
time ends when the last one is delivered and recorded. Then {SINGLE} become due one by one,
{APART_SECONDS * 1000:.0f} ms apart: alone, and again while {HANGING} others of the same account are pending to a
receiver that accepts connections and never answers. The delay of a callback is the time from its due time until its
receiver has answered."""


def measure_callbacks(bench: Bench) -> Section:
    """Measure the delivery rate of a batch, and the delay of single callbacks with and without a hanging receiver."""
    rate = _rate(bench.folder)
    bench.say(f"{rate:,.0f} callbacks/s")
    alone = _delays_ms(bench.folder, "alone.db", hanging_callbacks=0)
    beside = _delays_ms(bench.folder, "beside.db", hanging_callbacks=HANGING)
    rows = [
        [f"{CALLBACKS:,} callbacks", f"{rate:,.0f}/s", at_least(rate, RATE_TARGET, "{:.0f}/s")],
        ["delay alone, median and maximum", f"{median(alone):.0f} ms, {max(alone):.0f} ms", ""],
        ["median delay while another receiver hangs", f"{median(beside):.0f} ms", ""],
        ["p99 delay while another receiver hangs", f"{percentile(beside, 99):.0f} ms", ""],
        [
            "maximum delay while another receiver hangs",
            f"{max(beside):.0f} ms",
            at_most(max(beside), LATE_TARGET_MS, "{:.0f} ms"),
        ],
    ]
    return Section("StatusCallbacks", WORDS, ("", "measured", "target"), rows)


def _rate(folder: Path) -> float:
    """Return the number of callbacks delivered and recorded per second."""
    with receiver() as url:
        database = _with_one_call(folder, "many-callbacks.db", url)
        due_at = time.time() + START_SECONDS
        _add_callbacks(database, [(sid("CA", number), due_at, url) for number in range(1, CALLBACKS + 1)])
        with servers.ringback(folder, database.name):
            _sleep_until(due_at)
            seconds = wait_while(database, PENDING_CALLBACK) - due_at
    with reading(database) as connection:
        [delivered] = connection.execute(DELIVERED).fetchone()
    if delivered < CALLBACKS:
        raise BenchmarkFailed(f"only {delivered} of {CALLBACKS} callbacks were delivered and recorded")
    return CALLBACKS / seconds


def _delays_ms(folder: Path, name: str, *, hanging_callbacks: int) -> list[float]:
    """Return the delays of callbacks that fall due one after another."""
    with receiver() as url, receiver(is_hanging=True) as hanging_url:
        database = _with_one_call(folder, name, url)
        all_due = time.time() + START_SECONDS
        due = {sid("CA", number): all_due + 1 + number * APART_SECONDS for number in range(SINGLE)}
        warming_up = [(sid("CA", SINGLE), all_due, f"{url}warm")]
        hanging = [(sid("CA", SINGLE + number), all_due, hanging_url) for number in range(1, hanging_callbacks + 1)]
        _add_callbacks(database, [*warming_up, *hanging, *((call, at, url) for call, at in due.items())])
        with servers.ringback(folder, name):
            _sleep_until(max(due.values()))
            wait_while(database, PENDING_SINGLE_CALLBACKS.format(url))
    with reading(database) as connection:
        arrived = {call: at for call, at in connection.execute(ARRIVED.format(url)) if call in due}
    if len(arrived) != SINGLE:
        raise BenchmarkFailed(f"only {len(arrived)} of {SINGLE} callbacks arrived")
    return [(arrived[call] / 1_000_000 - at) * 1000 for call, at in due.items()]


def _with_one_call(folder: Path, name: str, url: str) -> Path:
    """Create a database with one ended call whose callback was delivered."""
    database = folder / name
    with servers.ringback(folder, name, "--ring-seconds=0", "--key-seconds=0") as server:
        validate(server.url, "+14158670000", StatusCallback=f"{url}first")
        wait_while(database, PENDING_CALL)
        wait_while(database, PENDING_CALLBACK)
    return database


def _add_callbacks(database: Path, callbacks: list[tuple[str, float, str]]) -> None:
    """Add ended calls with pending callbacks, each with a due time and a URL."""
    multiply(database, "validation_calls", ({"sid": call} for call, _, _ in callbacks))
    multiply(database, "status_callbacks", (_callback_row(*callback) for callback in callbacks))


def _callback_row(call: str, due: float, url: str) -> dict[str, Any]:
    return {
        "call_sid": call,
        "url": url,
        "receiver": urlsplit(url).netloc,
        "idempotency_token": f"{call[2:10]}-{call[10:14]}-{call[14:18]}-{call[18:22]}-{call[22:]}",
        "status": "pending",
        "attempts": 0,
        "due_at": round(due * 1_000_000),
        "leased_until": None,
    }


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))
