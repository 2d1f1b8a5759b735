"""Counts of calls, callbacks and caller IDs after a load test, and a list of errors."""

from collections import Counter
from dataclasses import dataclass, field, fields

TITLES = {
    "posts": "POSTs sent",
    "answered": "POSTs answered",
    "refused": "refused: already verified",
    "unanswered": "unanswered",
    "calls": "calls",
    "superseded": "superseded by a later one",
    "verified": "calls that verified",
    "caller_ids": "caller IDs",
    "script_entries": "script entries used",
    "callbacks": "callbacks that arrived",
    "deliveries": "deliveries, with duplicates",
    "duplicates": "duplicates, with the same token",
    "lost": "lost",
    "doubled": "doubled",
}


@dataclass
class Report:
    """The counts of a load test, and one line for each error."""

    posts: int = 0
    answered: int = 0
    refused: int = 0
    unanswered: int = 0
    calls: int = 0
    superseded: int = 0
    verified: int = 0
    caller_ids: int = 0
    script_entries: int = 0
    callbacks: int = 0
    deliveries: int = 0
    duplicates: int = 0
    lost: int = 0
    doubled: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    def lose(self, what: str) -> None:
        """Count a missing item, and record it as an error."""
        self.lost += 1
        self.complaints.append(f"lost: {what}")

    def double(self, what: str) -> None:
        """Count an item that occurred more than once, and record it as an error."""
        self.doubled += 1
        self.complaints.append(f"doubled: {what}")

    def expect(self, found: object, wanted: object, what: str) -> None:
        """Record an error if `found` does not equal `wanted`."""
        if found != wanted:
            self.complaints.append(f"{what}: {found!r} instead of {wanted!r}")

    def table(self, **before: int) -> str:
        """Return the counts as text, one per line, after those in `before`."""
        own = {TITLES[one.name]: getattr(self, one.name) for one in fields(self) if one.name in TITLES}
        rows = before | own | {f"ended {outcome}": number for outcome, number in sorted(self.outcomes.items())}
        return "\n".join(f"{number:>8,}  {title}" for title, number in rows.items())
