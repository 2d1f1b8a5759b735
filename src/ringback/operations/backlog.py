"""Count the backlog: overdue calls and pending StatusCallbacks."""

from ringback.domain.timestamps import Timestamp
from ringback.monitoring.metrics import MAX_BACKLOG, Backlog
from ringback.storage.unit_of_work import UnitOfWork


def count_backlog(unit_of_work: UnitOfWork, *, system_now: Timestamp) -> Backlog:
    """Count the overdue calls and pending callbacks of all accounts at `system_now`."""
    return Backlog(
        unit_of_work.backlog.due_calls(system_now, MAX_BACKLOG), unit_of_work.backlog.pending_callbacks(MAX_BACKLOG)
    )
