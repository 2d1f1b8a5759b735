"""The events of each account, in commit order."""

from dataclasses import fields
from typing import Any

import orjson
from sqlalchemy import Select, bindparam, delete, func, insert, select

from ringback.domain.events import Event, EventData, EventType, NewEvent
from ringback.domain.sids import AccountSid
from ringback.storage.journal_tables import events as table
from ringback.storage.locks import Locks
from ringback.storage.row_mapper import Field, RowMapper
from ringback.storage.session import Row, Session
from ringback.storage.statements import Statement, columns, newest_to_prune, parameters
from ringback.storage.unreadable_rows import first_readable, require


def _at(at: Any) -> Any:
    require(isinstance(at, int), "at", at)
    return at


def _data(text: str) -> EventData:
    data: EventData = orjson.loads(text)
    require(isinstance(data, dict), "data", data)
    return data


EVENTS = RowMapper(
    Event,
    columns(table, *(field.name for field in fields(Event))),
    at=Field(_at),
    type=Field(EventType),
    data=Field(_data),
)
"""Row mapper for events. The first column is the id. Raises ValueError."""
_FILTERS = {"type": table.c.type, "call_sid": table.c.call_sid}
_OF_ACCOUNT = table.c.account_sid == bindparam("account_sid")

ADD = Statement(insert(table).values(parameters(table, "account_sid", "at", "type", "call_sid", "data")))
LAST_ID = Statement(select(func.max(table.c.id)).where(_OF_ACCOUNT))
NEWEST_TO_PRUNE = Statement(select(newest_to_prune(table)))
_old = select(table.c.id).where(_OF_ACCOUNT, table.c.id <= bindparam("last_id")).order_by(table.c.id)
PRUNE = Statement(delete(table).where(table.c.id.in_(_old.limit(bindparam("row_limit")))))


def _find(filters: tuple[str, ...]) -> Statement:
    query: Select[Any] = select(*EVENTS.columns).where(_OF_ACCOUNT, table.c.id > bindparam("after_id"))
    for name in filters:
        query = query.where(_FILTERS[name] == bindparam(name))
    return Statement(query.order_by(table.c.id).limit(bindparam("row_limit")))


FIND: dict[tuple[str, ...], Statement] = {
    filters: _find(filters) for filters in ((), ("type",), ("call_sid",), ("type", "call_sid"))
}


class EventRepository:
    """The event log. Subscribers are notified after the commit."""

    def __init__(self, session: Session, locks: Locks) -> None:
        self._session = session
        self._locks = locks
        self._unwritten: list[dict[str, Any]] = []

    def add(self, event: NewEvent) -> None:
        """Add an event; the events of a transaction are written together, just before its commit."""
        self._unwritten.append(
            {
                "account_sid": event.account_sid,
                "at": event.at,
                "type": str(event.type),
                "call_sid": event.call_sid,
                "data": orjson.dumps(event.data).decode(),
            }
        )
        self._session.changed.add(event.account_sid)
        self._session.when_committed(self._session.metrics.count_event, event)

    def write(self) -> None:
        """Write the added events."""
        if self._unwritten:
            self._locks.event_order({row["account_sid"] for row in self._unwritten})
            self._session.change_all(ADD, self._unwritten)
            self.discard()

    def discard(self) -> None:
        """Discard the added events."""
        self._unwritten = []

    def find(self, account_sid: AccountSid, *, after_id: int, limit: int, **filters: str) -> list[Event]:
        """Return at most `limit` of an account's events with ids above `after_id`, in order.

        `filters` may contain a `type` and a `call_sid`. Unreadable rows are skipped and logged.
        """
        statement = FIND[tuple(name for name in _FILTERS if name in filters)]

        def fetch(after_id: int, rows: int) -> list[Row]:
            return self._session.all(statement, account_sid=account_sid, after_id=after_id, row_limit=rows, **filters)

        return first_readable("events", fetch, EVENTS.read, from_id=after_id, limit=limit)

    def last_id(self, account_sid: AccountSid) -> int:
        """Return the id of the account's newest event, or 0 if the account does not have events."""
        row = self._session.first(LAST_ID, account_sid=account_sid)
        return (row[0] or 0) if row else 0

    def newest_to_prune(self, account_sid: AccountSid, *, kept: int) -> int:
        """Return the id of the newest event to prune, so that the newest `kept` events remain.

        Return 0 if there is nothing to prune.
        """
        row = self._session.first(NEWEST_TO_PRUNE, account_sid=account_sid, kept=kept)
        return (row[0] or 0) if row else 0

    def prune(self, account_sid: AccountSid, *, last_id: int, limit: int) -> int:
        """Delete at most `limit` of the events up to `last_id`, oldest first. Return the number of deleted events."""
        return self._session.change(PRUNE, account_sid=account_sid, last_id=last_id, row_limit=limit)
