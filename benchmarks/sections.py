"""What a part of the benchmarks is given, and the table that it gives back."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a part may put its files, and how often and how long it lets wrk run."""

    folder: Path
    rounds: int
    seconds: int

    def say(self, line: str) -> None:
        """Tell the one who waits how far it is."""
        print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the page: its first and last columns are words, those between are figures.

    Without a `head` there are only words: the part could not be measured.
    """

    title: str
    words: str
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()

    @property
    def is_measured(self) -> bool:
        return bool(self.head)

    def __str__(self) -> str:
        if not self.is_measured:
            return f"## {self.title}\n\n{self.words}\n"
        between = ["---:"] * (len(self.head) - 2)
        ruled = f"|---|{'|'.join(between)}|---|"
        return "\n".join([f"## {self.title}\n\n{self.words}\n", _row(self.head), ruled, *map(_row, self.rows), ""])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def at_least(measured: float, target: float, form: str) -> str:
    """Return a target to be reached, written in `form`, and whether it was."""
    return _verdict(form.format(target), is_met=measured >= target)


def at_most(measured: float, target: float, form: str) -> str:
    """Return a target not to be exceeded, written in `form`, and whether it was kept."""
    return _verdict(form.format(target), is_met=measured <= target)


def _verdict(target: str, *, is_met: bool) -> str:
    return f"{target}, {'met' if is_met else '**missed**'}"


def span(measured: Sequence[float], form: str) -> str:
    """Return the least and the greatest of `measured`, the greatest with its unit: ``1.0 to 1.2 s``."""
    number = form.partition("}")[0] + "}"
    return f"{number.format(min(measured))} to {form.format(max(measured))}"


def percentile(measured: Sequence[float], percent: int) -> float:
    """Return the least value that at least so many percent of all do not exceed."""
    ordered = sorted(measured)
    return ordered[-(-len(ordered) * percent // 100) - 1]
