"""Startup time and memory of a new process."""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.sections import Bench, Section, at_most, span
from benchmarks.servers import environment, ringback

STARTS = 7
NEW_TARGET_SECONDS = 2.0
EXISTING_TARGET_SECONDS = 0.8
MEMORY_TARGET_MB = 95.0
HELP_TARGET_SECONDS = 0.3


def measure_starts(bench: Bench) -> Section:
    """After a warm-up, start a server on seven new databases, then seven times on an existing one."""
    with ringback(bench.folder, "existing.db"):
        pass
    new_seconds, existing_seconds, megabytes = [], [], []
    for number in range(STARTS):
        with ringback(bench.folder, f"new-{number}.db") as server:
            new_seconds.append(server.ready_seconds)
    for _ in range(STARTS):
        with ringback(bench.folder, "existing.db") as server:
            existing_seconds.append(server.ready_seconds)
            megabytes.append(server.resident_megabytes)
    return Section(
        "Start and memory",
        f"Time until `/readyz` answers 200, or until the process exits; medians of {STARTS} starts.",
        ("", "measured", "least to most", "target"),
        [
            _cells("ready on a new database", new_seconds, "{:.2f} s", NEW_TARGET_SECONDS),
            _cells("ready on an existing database", existing_seconds, "{:.2f} s", EXISTING_TARGET_SECONDS),
            _cells("resident memory when ready", megabytes, "{:.0f} MB", MEMORY_TARGET_MB),
            _cells(
                "`ringback --help`",
                [_help_seconds(bench.folder) for _ in range(STARTS)],
                "{:.2f} s",
                HELP_TARGET_SECONDS,
            ),
        ],
    )


def _help_seconds(folder: Path) -> float:
    """Return the time that the installed console script takes for --help."""
    started = time.perf_counter()
    command = [str(Path(sys.executable).with_name("ringback")), "--help"]
    subprocess.run(command, env=environment(), cwd=folder, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def _cells(name: str, measured: list[float], form: str, target: float) -> list[str]:
    middle = median(measured)
    return [name, form.format(middle), span(measured, form), at_most(middle, target, form)]
