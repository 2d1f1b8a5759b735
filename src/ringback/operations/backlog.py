"""What is still to be done: how many calls are overdue, how many StatusCallbacks owed."""

from typing import NamedTuple

from ringback.domain.timestamps import Instant
from ringback.storage.unit_of_work import UnitOfWork

MOST_COUNTED = 10_000
"""So many stands for as many or more: counting on would keep requests waiting."""


class Backlog(NamedTuple):
    """How many calls' next event is due, and how many StatusCallbacks are owed; at most MOST_COUNTED of each."""

    due_calls: int
    owed_callbacks: int


def count_backlog(unit_of_work: UnitOfWork, *, real: Instant) -> Backlog:
    """Count what is pending in all accounts when the machine's clock shows `real`."""
    return Backlog(
        unit_of_work.backlog.due_calls(real, MOST_COUNTED), unit_of_work.backlog.owed_callbacks(MOST_COUNTED)
    )
