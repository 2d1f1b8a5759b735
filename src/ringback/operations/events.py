"""Fetch the events of an account's event log."""

from typing import NamedTuple

from ringback.domain.events import Event, EventType
from ringback.domain.sids import AccountSid
from ringback.storage.unit_of_work import UnitOfWork


class EventBatch(NamedTuple):
    """The matching events, and the id up to which the log was searched."""

    events: list[Event]
    up_to: int


def fetch_events(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    *,
    after_id: int,
    limit: int,
    kind: EventType | None = None,
    call_sid: str | None = None,
) -> EventBatch | None:
    """Return the account's events with ids above `after_id`, oldest first, filtered by type and call.

    Return None if the account does not exist. The next search can start after `up_to`.
    """
    # read first, so that the next search finds events that are added during this one
    last_id = unit_of_work.events.last_id(account_sid)
    if not last_id and unit_of_work.accounts.find(account_sid) is None:
        return None
    if last_id <= after_id:
        return EventBatch([], after_id)
    filters = {name: value for name, value in (("type", kind), ("call_sid", call_sid)) if value is not None}
    events = unit_of_work.events.find(account_sid, after_id=after_id, limit=limit, **filters)
    return EventBatch(events, events[-1].id if events else last_id)
