"""The page: the tables, with all that a reader needs to judge them."""

import os
import platform
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.sections import Section

PACKAGES = ("ringback", "fastapi", "starlette", "uvicorn", "uvloop", "httptools", "sqlalchemy", "lxml", "orjson")
QUIET_SHARE = 0.15
"""How much of the processors others may use before a warning stands on the page."""
BUSY = """**The machine was busy with other work.** That slows hello more than ringback, so that the shares flatter;
and it makes the starts and whatever else is counted in seconds longer. Repeat this on a quiet machine before relying
on it.
"""

HEAD = """# Performance

Written by `python -m benchmarks --write docs/performance.md`, not edited by hand; `make bench` only prints.

The yardstick is a bare uvicorn that answers `hello` (httptools, uvloop, no access log). It and ringback are measured
in turn, round by round, by wrk over kept-alive connections, so that a busy machine slows both. What counts is each
request's share of hello *in its own round*; requests a second are only good for this machine. ringback runs as
`ringback serve` does: one worker, a SQLite file, authentication on, every request logged at level info. A POST asks
for a new number each time, and its call is rung, answered and keyed in while the POSTs go on. After each round of
POSTs all calls are let end before the next round begins. Every single answer was a good one, or there would be no
figures here.
"""


def page(sections: Sequence[Section], *, wrk: str, busy_shares: tuple[float, float]) -> str:
    """Return the page as Markdown."""
    warning = [BUSY] if max(busy_shares) > QUIET_SHARE else []
    return "\n".join([HEAD, *warning, *map(str, sections), *_machine(wrk, busy_shares)])


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
