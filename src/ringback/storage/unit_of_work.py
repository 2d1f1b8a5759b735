"""A unit of work: the repositories over one connection, and the transaction around what an operation changes."""

from collections.abc import Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVarTuple

from sqlalchemy import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor

from ringback.domain.sids import AccountSid
from ringback.meters import Meters
from ringback.storage.account_repository import AccountRepository
from ringback.storage.backlog_repository import BacklogRepository
from ringback.storage.call_repository import CallRepository
from ringback.storage.callback_repository import CallbackRepository
from ringback.storage.caller_id_repository import CallerIdRepository
from ringback.storage.due_call_repository import DueCallRepository
from ringback.storage.event_repository import EventRepository
from ringback.storage.fault_repository import FaultRepository
from ringback.storage.phone_repository import PhoneRepository
from ringback.storage.request_journal import RequestJournal
from ringback.storage.request_repository import RequestRepository
from ringback.storage.statements import Statement

Row = tuple[Any, ...]
Values = TypeVarTuple("Values")


class UnitOfWork:
    """Reads at once; writes between ``with unit_of_work:`` and its end, where they are committed, all or none.

    Blocks may be nested: the outermost one commits. When it raises, nothing was changed. `on_commit` is then told the
    accounts in which something happened, `touched` and `overturned`, and again the latter: their clocks were set or
    their contents replaced, so that whoever is at work with them has to begin anew.
    """

    def __init__(
        self,
        connection: DBAPIConnection,
        dialect: Dialect,
        *,
        begin: str,
        on_commit: Callable[[Collection[AccountSid], Collection[AccountSid]], None],
        journal: RequestJournal,
        meters: Meters,
    ) -> None:
        self._connection = connection
        self._dialect = dialect
        self._begin = begin
        self._on_commit = on_commit
        self._depth = 0
        self._notes: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self.meters = meters
        self.touched: set[AccountSid] = set()
        self.overturned: set[AccountSid] = set()
        self.accounts = AccountRepository(self)
        self.caller_ids = CallerIdRepository(self)
        self.calls = CallRepository(self)
        self.due_calls = DueCallRepository(self)
        self.callbacks = CallbackRepository(self)
        self.phones = PhoneRepository(self)
        self.events = EventRepository(self)
        self.requests = RequestRepository(self, journal)
        self.faults = FaultRepository(self)
        self.backlog = BacklogRepository(self)

    def __enter__(self) -> Self:
        if self._depth == 0:
            self._connection.cursor().execute(self._begin)
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth:
            return
        notes, self._notes = self._notes, []
        touched, self.touched = self.touched, set()
        overturned, self.overturned = self.overturned, set()
        if kind is not None:
            self._roll_back()
            return
        try:
            self.events.write()
            self._connection.commit()
        except BaseException:
            self._roll_back()
            raise
        for note, values in notes:
            note(*values)
        if touched or overturned:
            self._on_commit(touched | overturned, overturned)

    def _roll_back(self) -> None:
        self.events.forget_unwritten()
        self._connection.rollback()

    def when_committed(self, note: Callable[[*Values], None], *values: *Values) -> None:
        """Note something of what this unit of work changes, as soon as it is committed; never, if it is not."""
        self._notes.append((note, values))

    def all(self, statement: Statement, **parameters: Any) -> list[Row]:
        """Run a query and return all its rows."""
        return self._run(statement, parameters).fetchall()  # type: ignore[return-value]

    def first(self, statement: Statement, **parameters: Any) -> Row | None:
        """Run a query and return its first row, or None."""
        return self._run(statement, parameters).fetchone()

    def change(self, statement: Statement, **parameters: Any) -> int:
        """Run an INSERT, UPDATE or DELETE and return how many rows it touched."""
        return self._run(statement, parameters).rowcount

    def change_all(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run an INSERT once for each of the rows, its parameters by their names; it has no literals."""
        sql, literals = statement.for_dialect(self._dialect)
        assert not literals  # noqa: S101 - each row would have to be copied
        self._connection.cursor().executemany(sql, rows)

    def _run(self, statement: Statement, parameters: dict[str, Any]) -> DBAPICursor:
        sql, literals = statement.for_dialect(self._dialect)
        cursor = self._connection.cursor()
        cursor.execute(sql, {**literals, **parameters} if literals else parameters)
        return cursor
