"""The load of other processes on the machine while nothing is measured."""

import time
from pathlib import Path

SAMPLE_SECONDS = 3.0
IDLE, WAITING = 3, 4
"""The columns of /proc/stat that count idle time."""


def busy_share() -> float:
    """Measure CPU utilization over the next three seconds, as a fraction of all CPUs from 0 to 1."""
    before = _ticks()
    time.sleep(SAMPLE_SECONDS)
    spent = [after - earlier for after, earlier in zip(_ticks(), before, strict=True)]
    return 1 - (spent[IDLE] + spent[WAITING]) / sum(spent)


def _ticks() -> list[int]:
    first_line = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0]
    return [int(column) for column in first_line.split()[1:9]]
