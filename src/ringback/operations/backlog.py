"""What is still to be done: how many calls are overdue, how many StatusCallbacks owed."""

from ringback.domain.timestamps import Timestamp
from ringback.monitoring.metrics import MAX_BACKLOG, Backlog
from ringback.storage.unit_of_work import UnitOfWork


def count_backlog(unit_of_work: UnitOfWork, *, system_now: Timestamp) -> Backlog:
    """Count what is pending in all accounts when the machine's clock shows `system_now`."""
    return Backlog(
        unit_of_work.backlog.due_calls(system_now, MAX_BACKLOG), unit_of_work.backlog.pending_callbacks(MAX_BACKLOG)
    )
