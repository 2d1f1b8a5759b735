"""What happened in an account, for those who wait for it."""

from typing import NamedTuple

from ringback.domain.events import Event, EventType
from ringback.domain.sids import AccountSid
from ringback.storage.unit_of_work import UnitOfWork


class EventBatch(NamedTuple):
    """The events that were looked for, and the id up to which there is nothing more of them."""

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
    """Return the account's events after the one with an id, in order: of one type, of one call, or all.

    None where the account is gone. Who found nothing goes on from `up_to`, and need not look at the same events again.
    """
    last_id = unit_of_work.events.last_id(account_sid)  # first: what comes after this is found by the next look
    if not last_id and unit_of_work.accounts.find(account_sid) is None:
        return None
    if last_id <= after_id:
        return EventBatch([], after_id)
    filters = {name: value for name, value in (("type", kind), ("call_sid", call_sid)) if value is not None}
    found = unit_of_work.events.find(account_sid, after_id=after_id, limit=limit, **filters)
    return EventBatch(found, found[-1].id if found else last_id)
