"""What is still to be done: how many calls are overdue, how many StatusCallbacks owed."""

from ringback.domain.timestamps import Instant
from ringback.monitoring.metrics import MOST_COUNTED, Backlog
from ringback.storage.unit_of_work import UnitOfWork


def count_backlog(unit_of_work: UnitOfWork, *, real: Instant) -> Backlog:
    """Count what is pending in all accounts when the machine's clock shows `real`."""
    return Backlog(
        unit_of_work.backlog.due_calls(real, MOST_COUNTED), unit_of_work.backlog.owed_callbacks(MOST_COUNTED)
    )
