"""What happened in an account, for those who wait for it."""

from ringback.domain.events import Event, EventType
from ringback.domain.sids import AccountSid
from ringback.storage.unit_of_work import UnitOfWork


def find_events(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    *,
    after_id: int,
    limit: int,
    kind: EventType | None = None,
    call_sid: str | None = None,
) -> list[Event]:
    """Return the account's events after the one with an id, in order: of one type, of one call, or all."""
    filters = {name: value for name, value in (("type", kind), ("call_sid", call_sid)) if value is not None}
    return unit_of_work.events.find(account_sid, after_id=after_id, limit=limit, **filters)
