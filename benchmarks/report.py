"""The page: the tables, with the information that readers need to judge them."""

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
"""CPU utilization by other programs above which the page has a warning, as a fraction of all CPUs."""
BUSY = """**The machine was busy with other work.** This slows hello more than ringback, so the shares are too high,
and all measured times are too long. Repeat the benchmarks on an idle machine.
"""

HEAD = """# Performance

See how fast ringback is, how soon it is ready, and how much memory it uses. `python -m benchmarks --write
docs/performance.md` generates this page; `make bench` only prints it.

The reference is a bare uvicorn that answers `hello` (httptools, uvloop, no access log). wrk measures it and ringback
in turn, round by round, over keep-alive connections, so that a busy machine slows both. Compare each request's *share
of hello in its own round*; requests per second are valid for this machine only.

ringback runs as with `ringback serve`: one worker, a SQLite file, authentication, every request logged at level info.
Each POST is for a different number; its call rings, is answered and gets the code while further POSTs are sent. All
calls have ended before the next round starts. Every response was the expected one; otherwise no numbers are printed.
"""


def page(sections: Sequence[Section], *, wrk: str, busy_shares: tuple[float, float]) -> str:
    """Return the page as Markdown."""
    warning = [BUSY] if max(busy_shares) > QUIET_SHARE else []
    return "\n".join([HEAD, *warning, *map(str, sections), *_machine(wrk, busy_shares)])


def _machine(wrk: str, busy_shares: tuple[float, float]) -> list[str]:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [
        "## Machine and versions",
        "",
        f"- {datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} processors ({_processor()}), Linux {platform.release()}",
        f"- CPU time used by other programs: {busy_shares[0]:.0%} before, {busy_shares[1]:.0%} after",
        f"- {platform.python_implementation()} {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {wrk}",
        f"- {packages}",
        "",
    ]


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
