"""What keeps an account from growing without end."""

from collections.abc import Callable

from ringback.domain.sids import AccountSid
from ringback.storage.unit_of_work import UnitOfWork

KEPT_CALLS = 1_000
"""How many ended calls an account keeps, each with its callback and the journal of that."""
KEPT_EVENTS = 10_000
"""How many events an account keeps: those of all the calls it keeps."""
PRUNE_BATCH_EVENTS = 120
PRUNE_BATCH_CALLS = 20
"""How many events and calls are forgotten in one transaction, so that no request waits for long."""


def newest_event_to_prune(unit_of_work: UnitOfWork, account_sid: AccountSid) -> int:
    """Return the id of the newest event that an account has kept too long, 0 when there is none.

    To count them takes longer than to forget some, so they are counted once for all that are forgotten then.
    """
    return unit_of_work.events.newest_to_prune(account_sid, kept=KEPT_EVENTS)


def prune(
    unit_of_work: UnitOfWork, account_sid: AccountSid, *, last_event_id: Callable[[], int | None] = lambda: None
) -> bool:
    """Forget some of what an account has kept too long; True when there is likely to be more.

    That is some of the events, or else some calls. `last_event_id` returns the newest event to go, or None where they
    are to be counted here.
    """
    with unit_of_work:
        unit_of_work.locks.pruning(account_sid)
        unit_of_work.accounts.lock_shared(account_sid)
        last_id = last_event_id()
        if last_id is None:
            last_id = newest_event_to_prune(unit_of_work, account_sid)
        limit = PRUNE_BATCH_EVENTS
        if unit_of_work.events.prune(account_sid, last_id=last_id, limit=limit) == limit:
            return True
        return unit_of_work.calls.prune(account_sid, kept=KEPT_CALLS, limit=PRUNE_BATCH_CALLS) == PRUNE_BATCH_CALLS
