"""Prune an account's old calls and events, so that the database does not grow without limit."""

from collections.abc import Callable

from ringback.domain.sids import AccountSid
from ringback.storage.unit_of_work import UnitOfWork

KEPT_CALLS = 1_000
"""Maximum number of ended calls that an account keeps, each with its callback and attempts."""
KEPT_EVENTS = 10_000
"""Maximum number of events that an account keeps, enough for all calls that it keeps."""
PRUNE_BATCH_EVENTS = 120
PRUNE_BATCH_CALLS = 20
"""Maximum number of events and calls that one transaction deletes, because other requests wait for it."""


def newest_event_to_prune(unit_of_work: UnitOfWork, account_sid: AccountSid) -> int:
    """Return the id of the newest event to prune, or 0 if no event needs pruning.

    Counting the events takes longer than deleting a batch, so the events are counted once for several batches.
    """
    return unit_of_work.events.newest_to_prune(account_sid, kept=KEPT_EVENTS)


def prune(
    unit_of_work: UnitOfWork, account_sid: AccountSid, *, last_event_id: Callable[[], int | None] = lambda: None
) -> bool:
    """Delete a batch of an account's old events or, if there are none, a batch of its old calls.

    Return True if there may be more. `last_event_id` returns the id of the newest event to prune, or None if this
    function must determine it.
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
