"""`python -m benchmarks` measures and prints the page; `--write docs/performance.md` writes it to a file."""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.callbacks import measure_callbacks
from benchmarks.fairness import measure_fairness
from benchmarks.formats import measure_formats
from benchmarks.load import BenchmarkFailed, wrk_version
from benchmarks.machine import busy_share
from benchmarks.one_connection import measure_one_connection
from benchmarks.pending import measure_pending
from benchmarks.phone_page import measure_phone_page
from benchmarks.rates import measure_rates
from benchmarks.replicas import measure_replicas
from benchmarks.report import page
from benchmarks.scale import measure_scale
from benchmarks.sections import Bench, Section
from benchmarks.starts import measure_starts
from benchmarks.waits import measure_waits

log = logging.getLogger(__name__)

MAX_ROUNDS, MAX_SECONDS = 9, 5
"""Limits that keep a complete run below about eight minutes."""

PARTS: dict[str, Callable[[Bench], Section]] = {
    "rates": measure_rates,
    "one-connection": measure_one_connection,
    "formats": measure_formats,
    "scale": measure_scale,
    "pending": measure_pending,
    "callbacks": measure_callbacks,
    "replicas": measure_replicas,
    "starts": measure_starts,
    "waits": measure_waits,
    "fairness": measure_fairness,
    "phone-page": measure_phone_page,
}
"""Parts of the benchmarks, in the order of the page."""


def main() -> int:
    """Run all or the selected parts, and return the exit status: 1 if a part could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, MAX_ROUNDS + 1), metavar="N")
    parser.add_argument("--seconds", type=int, default=2, choices=range(1, MAX_SECONDS + 1), metavar="S")
    parser.add_argument("--only", action="append", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page there too")
    options = parser.parse_args()
    try:
        wrk = wrk_version()
    except BenchmarkFailed as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    busy_before = busy_share()
    with tempfile.TemporaryDirectory(prefix="ringback-bench-") as folder:
        bench = Bench(Path(folder), options.rounds, options.seconds)
        sections = [_measured(name, bench) for name in PARTS if name in (options.only or PARTS)]
    text = page(sections, wrk=wrk, busy_shares=(busy_before, busy_share()))
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    return 0 if all(section.is_measured for section in sections) else 1


def _measured(name: str, bench: Bench) -> Section:
    """Measure one part. If it fails, return a section with the reason, so that the other parts are still measured."""
    began = time.monotonic()
    bench.say(f"{name} ...")
    try:
        section = PARTS[name](bench)
    except Exception as error:
        log.exception("%s could not be measured", name)
        section = Section(f"Not measured: {name}", f"{type(error).__name__}: {error}")
    bench.say(f"{name}: {time.monotonic() - began:.0f} s")
    return section


sys.exit(main())
