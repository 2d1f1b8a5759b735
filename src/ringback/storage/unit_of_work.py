"""A unit of work: the repositories on one connection, and the transactions of an operation.

A repository that only one operation uses is created by that operation, as in `InboxRepository(unit_of_work)`.
"""

from collections.abc import Callable, Collection
from functools import partial
from types import TracebackType
from typing import NamedTuple, Self

from sqlalchemy import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection

from ringback.domain.sids import AccountSid
from ringback.monitoring.metrics import Metrics
from ringback.storage.account_repository import AccountRepository
from ringback.storage.api_key_repository import ApiKeyRepository
from ringback.storage.backlog_repository import BacklogRepository
from ringback.storage.call_repository import CallRepository
from ringback.storage.callback_repository import CallbackRepository
from ringback.storage.caller_id_repository import CallerIdRepository
from ringback.storage.due_call_repository import DueCallRepository
from ringback.storage.event_repository import EventRepository
from ringback.storage.fault_repository import FaultRepository
from ringback.storage.locks import Locks
from ringback.storage.oauth_app_repository import OAuthAppRepository
from ringback.storage.phone_repository import PhoneRepository
from ringback.storage.request_journal import RequestJournal
from ringback.storage.request_repository import RequestRepository
from ringback.storage.session import AdaptParameters, Session
from ringback.storage.stepwise import Pause, Steps

_COUNTER_MASK = 0xFFFF_FFFF
"""SQLite's change counter has 32 bits: it wraps from 2,147,483,647 to a negative number."""


class Backend(NamedTuple):
    """The properties of a database that differ between SQLite and PostgreSQL and that a unit of work depends on.

    `begin` is the statement that starts a transaction. The driver raises `data_errors` for values that it cannot store;
    `adapt_parameters` replaces some of these values. If `counts_changes` is True, the connection has `total_changes`,
    which also counts changes that were rolled back.
    """

    begin: str
    data_errors: tuple[type[Exception], ...]
    locks: Callable[[Session], Locks]
    adapt_parameters: AdaptParameters | None = None
    counts_changes: bool = False


class UnitOfWork(Session):
    """Reads outside of transactions. A ``with unit_of_work:`` block is a transaction, which is committed at its end.

    Blocks may be nested. The outermost block commits, or rolls the transaction back if an exception leaves it. If
    `before_commit` raises, the transaction is rolled back too.

    After a commit, the callbacks run. Then `on_commit` is called with two collections: the changed accounts, including
    the invalidated ones, and the invalidated accounts alone. `run_on_loop` receives a function that does both; if
    `run_on_loop` is None, this function is called immediately. `changed_rows` counts the committed changes if the
    backend counts changes.
    """

    def __init__(
        self,
        connection: DBAPIConnection,
        dialect: Dialect,
        backend: Backend,
        *,
        on_commit: Callable[[Collection[AccountSid], Collection[AccountSid]], None],
        journal: RequestJournal,
        metrics: Metrics,
        run_on_loop: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        super().__init__(connection, dialect, backend.adapt_parameters, metrics)
        self._begin = backend.begin
        self._on_commit = on_commit
        self._depth = 0
        self._is_committed = False
        self._rollback_callbacks: list[Callable[[], object]] = []
        self._run_on_loop = run_on_loop
        self._counts_changes = backend.counts_changes
        self._rows_before = 0
        self.changed_rows = 0
        self.before_commit: Callable[[], None] | None = None
        self.data_errors = backend.data_errors
        self.locks = backend.locks(self)
        self.accounts = AccountRepository(self)
        self.api_keys = ApiKeyRepository(self)
        self.oauth_apps = OAuthAppRepository(self)
        self.caller_ids = CallerIdRepository(self)
        self.calls = CallRepository(self)
        self.due_calls = DueCallRepository(self)
        self.callbacks = CallbackRepository(self)
        self.phones = PhoneRepository(self)
        self.events = EventRepository(self, self.locks)
        self.requests = RequestRepository(self, journal)
        self.faults = FaultRepository(self, self.accounts)
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
        callbacks, self._callbacks = self._callbacks, []
        rollback_callbacks, self._rollback_callbacks = self._rollback_callbacks, []
        changed, self.changed = self.changed, set()
        invalidated, self.invalidated = self.invalidated, set()
        is_committed, self._is_committed = self._is_committed, False
        if kind is not None and not is_committed:
            self._roll_back(rollback_callbacks)
            return
        try:
            self.events.write()
            if self.before_commit:
                self.before_commit()
            self._connection.commit()
        except BaseException:
            self._roll_back(rollback_callbacks)
            raise
        self.changed_rows += (self._total_changes - self._rows_before) & _COUNTER_MASK
        if self._run_on_loop is None:
            self._notify(callbacks, changed, invalidated)
        elif callbacks or changed or invalidated:
            self._run_on_loop(partial(self._notify, callbacks, changed, invalidated))

    def commit_in_thread(self) -> Steps[None]:
        """Commit a large transaction in a thread. Call this as the last step of the block.

        SQLite recomputes the checksums of the whole write-ahead log if pages were written to it twice: 100 ms for 150
        MB. A nested block leaves the commit to the outermost one.
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

    def _notify(
        self,
        callbacks: list[tuple[Callable[..., object], tuple[object, ...]]],
        changed: set[AccountSid],
        invalidated: set[AccountSid],
    ) -> None:
        for callback, values in callbacks:
            callback(*values)
        if changed or invalidated:
            self._on_commit(changed | invalidated, invalidated)

    def when_rolled_back(self, callback: Callable[[], object]) -> None:
        """Call a function just before a rollback of the transaction, to undo a change in memory."""
        self._rollback_callbacks.append(callback)

    def _roll_back(self, callbacks: list[Callable[[], object]]) -> None:
        self.events.discard()
        for callback in callbacks:
            callback()
        self._connection.rollback()

    @property
    def _total_changes(self) -> int:
        return int(self._connection.total_changes) if self._counts_changes else 0
