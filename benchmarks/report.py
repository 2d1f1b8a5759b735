"""The figures as a page, with all that a reader needs to judge them."""

import os
import platform
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.rates import HELLO, TARGETS, Rates
from benchmarks.starts import STARTS, Starts
from benchmarks.waits import Waits

PACKAGES = ("ringback", "fastapi", "starlette", "uvicorn", "uvloop", "httptools", "sqlalchemy", "lxml", "orjson")
NEW_TARGET_SECONDS = 2.0
EXISTING_TARGET_SECONDS = 1.0
MEMORY_TARGET_MB = 110.0
ADVANCE_TARGETS_MS = {1: 250.0, 1_000: 5_000.0}
EVENT_TARGET_MS = 50.0
QUIET_SHARE = 0.15
"""How much of the processors others may use before a warning stands on the page."""
BUSY = """**The machine was busy with other work.** That slows hello more than ringback, so that the shares flatter;
and it makes the starts longer. Repeat this on a quiet machine before relying on it.
"""

HEAD = """# Performance

Written by `python -m benchmarks --write docs/performance.md`, not edited by hand; `make bench` only prints.

The yardstick is a bare uvicorn that answers `hello` (httptools, uvloop, no access log). It and ringback are measured
in turn, round by round, by wrk over 16 kept-alive connections, so that a busy machine slows both. What counts is each
request's share of hello *in its own round*; requests a second are only good for this machine. ringback runs as
`ringback serve` does: one worker, a SQLite file, authentication on, every request logged at level info. A POST asks
for a new number each time, and its call is rung, answered and keyed in while the POSTs go on. After each round of
POSTs all calls are let end before the next round begins. Every single answer was a good one, or there would be no
figures here.
"""


HAND = """Advancing an account's clock by 60 s, over calls that are rung, answered and keyed in, until the callback of
each is delivered to a local receiver; and the way of an event from when it happened to one who waits for it.
"""


def page(
    rates: Rates, starts: Starts, waits: Waits, *, wrk: str, seconds: int, busy_shares: tuple[float, float]
) -> str:
    """Return the page as Markdown."""
    rounds = len(rates.rounds[HELLO])
    warning = [BUSY] if max(busy_shares) > QUIET_SHARE else []
    return "\n".join(
        [
            HEAD,
            *warning,
            *_rates(rates, rounds, seconds),
            "",
            *_starts(rates, starts),
            "",
            *_waits(waits),
            "",
            *_machine(wrk, busy_shares),
        ]
    )


def _rates(rates: Rates, rounds: int, seconds: int) -> list[str]:
    lines = [
        f"## Requests\n\nMedians of {rounds} rounds of {seconds} s each.\n",
        "| request | requests/s | p50 | p99 | share of hello | least to most | target |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for name in (HELLO, *TARGETS):
        shares = rates.shares(name)
        cells = [
            name,
            f"{rates.requests_per_second(name):,.0f}",
            f"{rates.p50_ms(name):.2f} ms",
            f"{rates.p99_ms(name):.2f} ms",
            f"{median(shares):.3f}",
            f"{min(shares):.3f} to {max(shares):.3f}",
            _verdict(is_met=median(shares) >= TARGETS[name], target=f"{TARGETS[name]:.3f}") if name in TARGETS else "",
        ]
        lines.append(_row(cells))
    return lines


def _starts(rates: Rates, starts: Starts) -> list[str]:
    lines = [
        "## Start and memory\n",
        f"From the start of the process to `/readyz` answering 200; medians of {STARTS} starts.\n",
        "| | measured | least to most | target |",
        "|---|---:|---:|---|",
    ]
    for database, all_seconds, most in (
        ("a new database", starts.new_seconds, NEW_TARGET_SECONDS),
        ("an existing database", starts.existing_seconds, EXISTING_TARGET_SECONDS),
    ):
        measured = f"{median(all_seconds):.2f} s"
        span = f"{min(all_seconds):.2f} to {max(all_seconds):.2f} s"
        verdict = _verdict(is_met=median(all_seconds) <= most, target=f"{most:.1f} s")
        lines.append(_row([f"ready on {database}", measured, span, verdict]))
    for when, megabytes in (
        ("when ready", starts.resident_megabytes),
        ("after the rounds above", rates.resident_megabytes),
    ):
        verdict = _verdict(is_met=megabytes <= MEMORY_TARGET_MB, target=f"{MEMORY_TARGET_MB:.0f} MB")
        lines.append(_row([f"resident memory {when}", f"{megabytes:.0f} MB", "", verdict]))
    return lines


def _waits(waits: Waits) -> list[str]:
    lines = [
        "## In a test's hand\n",
        HAND,
        "| | median | least to most | target |",
        "|---|---:|---:|---|",
    ]
    for calls, measured in waits.advance_ms.items():
        lines.append(_wait_row(f"advance, {calls:,} pending", measured, ADVANCE_TARGETS_MS[calls]))
    lines.append(_wait_row("an event on its way", waits.event_ms, EVENT_TARGET_MS))
    return lines


def _wait_row(name: str, measured_ms: list[float], target_ms: float) -> str:
    span = f"{min(measured_ms):,.0f} to {max(measured_ms):,.0f} ms"
    verdict = _verdict(is_met=median(measured_ms) <= target_ms, target=f"{target_ms:,.0f} ms")
    return _row([name, f"{median(measured_ms):,.0f} ms", span, verdict])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _machine(wrk: str, busy_shares: tuple[float, float]) -> list[str]:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [
        "## Where",
        "",
        f"- {datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} processors ({_processor()}), Linux {platform.release()}",
        f"- processors used by others just before: {busy_shares[0]:.0%}, just after: {busy_shares[1]:.0%}",
        f"- {platform.python_implementation()} {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {wrk}",
        f"- {packages}",
        "",
    ]


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _verdict(*, is_met: bool, target: str) -> str:
    return f"{target}, {'met' if is_met else '**missed**'}"
