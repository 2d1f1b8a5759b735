"""The events of each account, in the order in which they were committed."""

from typing import Any

import orjson
from sqlalchemy import Select, bindparam, delete, func, insert, select

from ringback.domain.events import Event, EventType, NewEvent
from ringback.domain.sids import AccountSid
from ringback.storage.journal_statements import newest_to_go
from ringback.storage.journal_tables import events as table
from ringback.storage.locks import Locks
from ringback.storage.session import Session
from ringback.storage.statements import Statement, columns
from ringback.storage.unreadable_rows import first_readable, require

_FILTERS = {"type": table.c.type, "call_sid": table.c.call_sid}
_OF_ACCOUNT = table.c.account_sid == bindparam("account_sid")

ADD = Statement(
    insert(table).values(
        {name: bindparam(name, type_=table.c[name].type) for name in ("account_sid", "at", "type", "call_sid", "data")}
    )
)
LAST_ID = Statement(select(func.max(table.c.id)).where(_OF_ACCOUNT))
NEWEST_TO_GO = Statement(select(newest_to_go(table)))
_to_go = select(table.c.id).where(_OF_ACCOUNT, table.c.id <= bindparam("last_id")).order_by(table.c.id)
PRUNE = Statement(delete(table).where(table.c.id.in_(_to_go.limit(bindparam("row_limit")))))


def _find(filters: tuple[str, ...]) -> Statement:
    query: Select[Any] = select(*columns(table, "id", "at", "type", "call_sid", "data")).where(
        _OF_ACCOUNT, table.c.id > bindparam("after_id")
    )
    for name in filters:
        query = query.where(_FILTERS[name] == bindparam(name))
    return Statement(query.order_by(table.c.id).limit(bindparam("row_limit")))


FIND: dict[tuple[str, ...], Statement] = {
    filters: _find(filters) for filters in ((), ("type",), ("call_sid",), ("type", "call_sid"))
}


class EventRepository:
    """What happened; those who wait are told of it at the commit."""

    def __init__(self, session: Session, locks: Locks) -> None:
        self._session = session
        self._locks = locks
        self._unwritten: list[dict[str, Any]] = []

    def add(self, event: NewEvent) -> None:
        """Add an event; all of a unit of work are written together, just before the commit."""
        self._unwritten.append(
            {
                "account_sid": event.account_sid,
                "at": event.at,
                "type": event.type.value,
                "call_sid": event.call_sid,
                "data": orjson.dumps(event.data).decode(),
            }
        )
        self._session.changed.add(event.account_sid)
        self._session.when_committed(self._session.metrics.count_event, event)

    def write(self) -> None:
        """Write what was added."""
        if self._unwritten:
            self._locks.event_order({row["account_sid"] for row in self._unwritten})
            self._session.change_all(ADD, self._unwritten)
            self.discard()

    def discard(self) -> None:
        """Forget what was added: the unit of work failed."""
        self._unwritten = []

    def find(self, account_sid: AccountSid, *, after_id: int, limit: int, **filters: str) -> list[Event]:
        """Return events in order, those after an id; `filters` are `type` and `call_sid`.

        One that cannot be read is left out, and logged.
        """
        statement = FIND[tuple(name for name in _FILTERS if name in filters)]

        def fetch(after_id: int, rows: int) -> list[tuple[Any, ...]]:
            return self._session.all(statement, account_sid=account_sid, after_id=after_id, row_limit=rows, **filters)

        return first_readable("events", fetch, event_of, from_id=after_id, limit=limit)

    def last_id(self, account_sid: AccountSid) -> int:
        """Return the id of the account's newest event, 0 when it has none."""
        row = self._session.first(LAST_ID, account_sid=account_sid)
        return (row[0] or 0) if row else 0

    def newest_to_go(self, account_sid: AccountSid, *, kept: int) -> int:
        """Return the id of the newest event that is not among the newest `kept`, 0 when there is none."""
        row = self._session.first(NEWEST_TO_GO, account_sid=account_sid, kept=kept)
        return (row[0] or 0) if row else 0

    def prune(self, account_sid: AccountSid, *, last_id: int, limit: int) -> int:
        """Forget at most `limit` of the events, up to the one with `last_id`, and return how many those were."""
        return self._session.change(PRUNE, account_sid=account_sid, last_id=last_id, row_limit=limit)


def event_of(row: tuple[Any, ...]) -> Event:
    """Return the event of a row. Raises ValueError if it cannot be read."""
    number, at, kind, call_sid, text = row
    require(isinstance(at, int), "at", at)
    data = orjson.loads(text)
    require(isinstance(data, dict), "data", data)
    return Event(number, at, EventType(kind), call_sid, data)
