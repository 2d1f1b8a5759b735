"""A unit of work: the repositories over one connection, and the transaction around what an operation changes."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVarTuple

from sqlalchemy import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor

from ringback.domain.sids import AccountSid
from ringback.monitoring.metrics import Metrics
from ringback.storage.account_repository import AccountRepository
from ringback.storage.backlog_repository import BacklogRepository
from ringback.storage.call_repository import CallRepository
from ringback.storage.callback_repository import CallbackRepository
from ringback.storage.caller_id_repository import CallerIdRepository
from ringback.storage.due_call_repository import DueCallRepository
from ringback.storage.event_repository import EventRepository
from ringback.storage.fault_repository import FaultRepository
from ringback.storage.locks import Locks
from ringback.storage.phone_repository import PhoneRepository
from ringback.storage.request_journal import RequestJournal
from ringback.storage.request_repository import RequestRepository
from ringback.storage.statements import Statement
from ringback.storage.stepwise import Pause, Steps

Row = tuple[Any, ...]
Note = tuple[Callable[..., object], tuple[Any, ...]]
Values = TypeVarTuple("Values")

_COUNTER_BITS = 0xFFFF_FFFF
"""SQLite counts in so many, and after 2,147,483,647 goes on below 0."""


class Backend(NamedTuple):
    """What is one database's own.

    How a transaction begins; what its driver raises for values that cannot be stored; what keeps apart those who write
    at the same time; what makes parameters fit that it would not take; and whether its connections count the rows that
    were changed, also those of what was undone, as `total_changes`.
    """

    begin: str
    data_errors: tuple[type[Exception], ...]
    locks: Callable[["UnitOfWork"], Locks]
    adapt_parameters: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    counts_changes: bool = False


class UnitOfWork:
    """Reads at once; writes between ``with unit_of_work:`` and its end, where they are committed, all or none.

    Blocks may be nested: the outermost one commits. When it raises, nothing was changed. `on_commit` is then told the
    accounts in which something happened, `changed` and `invalidated`, and again the latter: their clocks were set or
    their contents replaced, so that whoever is at work with them has to begin anew.

    What is to be said after a commit is handed over to whoever may say it, by `run_on_loop`. `changed_rows` counts what
    was committed, where the database counts that. `before_commit` prevents a commit by raising.
    """

    def __init__(
        self,
        connection: DBAPIConnection,
        dialect: Dialect,
        traits: Backend,
        *,
        on_commit: Callable[[Collection[AccountSid], Collection[AccountSid]], None],
        journal: RequestJournal,
        metrics: Metrics,
        run_on_loop: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._connection = connection
        self._dialect = dialect
        self._begin = traits.begin
        self._on_commit = on_commit
        self._depth = 0
        self._is_committed = False
        self._notes: list[Note] = []
        self._run_on_loop = run_on_loop
        self.before_commit: Callable[[], None] | None = None
        self.locks = traits.locks(self)
        self.data_errors = traits.data_errors
        self._adapt_parameters = traits.adapt_parameters
        self._counts_changes = traits.counts_changes
        self._rows_before = 0
        self.changed_rows = 0
        self.metrics = metrics
        self.changed: set[AccountSid] = set()
        self.invalidated: set[AccountSid] = set()
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
            self._rows_before = self._total_changes
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth:
            return
        notes, self._notes = self._notes, []
        changed, self.changed = self.changed, set()
        invalidated, self.invalidated = self.invalidated, set()
        is_committed, self._is_committed = self._is_committed, False
        if kind is not None and not is_committed:
            self._roll_back()
            return
        try:
            self.events.write()
            if self.before_commit:
                self.before_commit()
            self._connection.commit()
        except BaseException:
            self._roll_back()
            raise
        self.changed_rows += (self._total_changes - self._rows_before) & _COUNTER_BITS
        if self._run_on_loop is None:
            self._notify(notes, changed, invalidated)
        elif notes or changed or invalidated:
            self._run_on_loop(partial(self._notify, notes, changed, invalidated))

    def commit_in_thread(self) -> Steps[None]:
        """Commit the much that a long operation has changed, as the last thing in its block.

        SQLite computes the checksums of the whole write-ahead log again when pages were written to it twice: 100 ms for
        150 MB. In a block within another one, nothing happens: the outermost one commits.
        """
        if self._depth > 1:
            return
        self.events.write()
        if self.before_commit:
            self.before_commit()
        yield Pause.NEXT_IN_THREAD
        self._connection.commit()
        self._is_committed = True
        yield

    def _notify(self, notes: list[Note], changed: set[AccountSid], invalidated: set[AccountSid]) -> None:
        """Let it be known what was committed."""
        for note, values in notes:
            note(*values)
        if changed or invalidated:
            self._on_commit(changed | invalidated, invalidated)

    def _roll_back(self) -> None:
        self.events.forget_unwritten()
        self._connection.rollback()

    @property
    def _total_changes(self) -> int:
        return int(self._connection.total_changes) if self._counts_changes else 0

    @property
    def is_embedded(self) -> bool:
        """Whether nobody else is at work with the database."""
        return self._dialect.name == "sqlite"

    def when_committed(self, note: Callable[[*Values], object], *values: *Values) -> None:
        """Note something of what this unit of work changes, as soon as it is committed; never, if it is not."""
        self._notes.append((note, values))

    def all(self, statement: Statement, **parameters: Any) -> list[Row]:
        """Run a query and return all its rows."""
        return self._run(statement, parameters).fetchall()  # type: ignore[return-value]

    def batches(self, statement: Statement, size: int, **parameters: Any) -> Iterator[list[Row]]:
        """Run a query and return its rows bit by bit; nothing of what it reads may be changed meanwhile."""
        cursor = self._run(statement, parameters)
        while rows := cursor.fetchmany(size):
            yield rows  # type: ignore[misc]

    def rows(self, statement: Statement, **parameters: Any) -> Iterator[Row]:
        """Run a query and return its rows one by one; nothing of what it reads may be changed meanwhile."""
        return iter(self._run(statement, parameters))  # type: ignore[call-overload, no-any-return]

    def first(self, statement: Statement, **parameters: Any) -> Row | None:
        """Run a query and return its first row, or None."""
        return self._run(statement, parameters).fetchone()

    def change(self, statement: Statement, **parameters: Any) -> int:
        """Run an INSERT, UPDATE or DELETE and return how many rows it touched."""
        return self._run(statement, parameters).rowcount

    def change_all(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run an INSERT or UPDATE once for each of the rows, its parameters by their names; it has no literals."""
        sql, literals = statement.for_dialect(self._dialect)
        assert not literals  # noqa: S101 - each row would have to be copied
        self._connection.cursor().executemany(
            sql, [*map(self._adapt_parameters, rows)] if self._adapt_parameters else rows
        )

    def _run(self, statement: Statement, parameters: dict[str, Any]) -> DBAPICursor:
        sql, literals = statement.for_dialect(self._dialect)
        given = {**literals, **parameters} if literals else parameters
        cursor = self._connection.cursor()
        cursor.execute(sql, self._adapt_parameters(given) if self._adapt_parameters else given)
        return cursor
