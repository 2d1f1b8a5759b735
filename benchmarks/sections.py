"""The parameters of a part of the benchmarks, and the table that it returns."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Bench:
    """The folder for a part's files, and the number and duration of wrk's runs."""

    folder: Path
    rounds: int
    seconds: int

    def say(self, line: str) -> None:
        """Report progress on standard error."""
        print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the page. Its first and last columns are text, the others are figures.

    Without a `head` there is only text: the part could not be measured.
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
    """Return a minimum, formatted with `form`, and whether it was reached."""
    return _verdict(form.format(target), is_met=measured >= target)


def at_most(measured: float, target: float, form: str) -> str:
    """Return a maximum, formatted with `form`, and whether it was exceeded."""
    return _verdict(form.format(target), is_met=measured <= target)


def _verdict(target: str, *, is_met: bool) -> str:
    return f"{target}, {'met' if is_met else '**missed**'}"


def span(measured: Sequence[float], form: str) -> str:
    """Return the minimum and the maximum of `measured`, the latter with its unit: ``1.0 to 1.2 s``."""
    number = form.partition("}")[0] + "}"
    return f"{number.format(min(measured))} to {form.format(max(measured))}"


def percentile(measured: Sequence[float], percent: int) -> float:
    """Return a percentile of the measured values, by the nearest-rank method."""
    ordered = sorted(measured)
    return ordered[-(-len(ordered) * percent // 100) - 1]
