"""How soon a started process is ready, and how much memory it then holds."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.servers import ringback

STARTS = 7


@dataclass(frozen=True, slots=True)
class Starts:
    """The seconds from a process's start to ``/readyz`` answering 200, of each start, and its memory then."""

    new_seconds: list[float]
    existing_seconds: list[float]
    resident_megabytes: float


def measure_starts(folder: Path) -> Starts:
    """Start on seven new databases, then seven times on an existing one, after a start that counts for nothing."""
    with ringback(folder, "existing.db"):
        pass
    new_seconds, existing_seconds, megabytes = [], [], []
    for number in range(STARTS):
        with ringback(folder, f"new-{number}.db") as server:
            new_seconds.append(server.ready_seconds)
    for _ in range(STARTS):
        with ringback(folder, "existing.db") as server:
            existing_seconds.append(server.ready_seconds)
            megabytes.append(server.resident_megabytes)
    return Starts(new_seconds, existing_seconds, median(megabytes))
