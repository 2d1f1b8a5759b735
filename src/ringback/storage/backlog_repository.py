"""Counts of the due calls and the pending callbacks of all accounts."""

from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, func, literal, select

from ringback.domain.timestamps import Timestamp
from ringback.storage.session import Session
from ringback.storage.statements import Statement
from ringback.storage.tables import status_callbacks, validation_calls


def _count(table: Table, condition: ColumnElement[bool]) -> Statement:
    """Return a query that counts the rows of a partial index. It stops at `row_limit` to keep scrapes fast."""
    some = select(literal(1)).select_from(table).where(condition).limit(bindparam("row_limit")).subquery()
    return Statement(select(func.count()).select_from(some))


DUE_CALLS = _count(validation_calls, validation_calls.c.real_due_at <= bindparam("now"))
PENDING_CALLBACKS = _count(status_callbacks, status_callbacks.c.due_at.is_not(None))


class BacklogRepository:
    """Counts due calls and pending callbacks, up to a limit."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def due_calls(self, system_now: Timestamp, limit: int) -> int:
        """Return the number of calls whose event is due by the system clock."""
        return self._counted(DUE_CALLS, now=system_now, row_limit=limit)

    def pending_callbacks(self, limit: int) -> int:
        """Return the number of pending StatusCallbacks: neither delivered nor failed."""
        return self._counted(PENDING_CALLBACKS, row_limit=limit)

    def _counted(self, statement: Statement, **parameters: Any) -> int:
        row = self._session.first(statement, **parameters)
        return int(row[0]) if row else 0
