"""`python -m benchmarks`: measure, and print the page; `--write docs/performance.md` keeps it."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.load import BenchmarkFailed, wrk_version
from benchmarks.machine import busy_share
from benchmarks.rates import measure_rates
from benchmarks.report import page
from benchmarks.starts import measure_starts
from benchmarks.waits import measure_waits

MAX_ROUNDS, MAX_SECONDS = 9, 5
"""Nothing here runs much longer than some three minutes."""


def main() -> int:
    """Run everything and return the exit status: 1 when a measurement would mean nothing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, MAX_ROUNDS + 1), metavar="N")
    parser.add_argument("--seconds", type=int, default=3, choices=range(1, MAX_SECONDS + 1), metavar="S")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page there too")
    options = parser.parse_args()
    try:
        wrk = wrk_version()
        busy_before = busy_share()
        with tempfile.TemporaryDirectory(prefix="ringback-bench-") as folder:
            starts = measure_starts(Path(folder))
            rates = measure_rates(Path(folder), rounds=options.rounds, seconds=options.seconds, say=_say)
            waits = measure_waits(Path(folder))
    except (BenchmarkFailed, subprocess.SubprocessError) as error:
        _say(f"benchmarks: {error}")
        return 1
    busy_shares = busy_before, busy_share()
    text = page(rates, starts, waits, wrk=wrk, seconds=options.seconds, busy_shares=busy_shares)
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


sys.exit(main())
