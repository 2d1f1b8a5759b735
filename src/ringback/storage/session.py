"""A session: runs statements on one connection, and collects callbacks to run after the commit.

Repositories take a session. A unit of work is a session that adds transactions.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVarTuple

from sqlalchemy import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor

from ringback.domain.sids import AccountSid
from ringback.monitoring.metrics import Metrics
from ringback.storage.statements import Statement

Row = tuple[Any, ...]
StatementParameters = Mapping[str, Any]
AdaptParameters = Callable[[StatementParameters], StatementParameters]
Values = TypeVarTuple("Values")


class Session:
    """Runs statements on one connection.

    `adapt_parameters` replaces values that the database cannot store. `changed` holds the accounts for which this
    transaction has added events. `invalidated` holds the accounts whose clock was set or whose contents were replaced:
    processes that are working on these accounts must start again.
    """

    def __init__(
        self,
        connection: DBAPIConnection,
        dialect: Dialect,
        adapt_parameters: AdaptParameters | None,
        metrics: Metrics,
    ) -> None:
        self._connection = connection
        self._dialect = dialect
        self._adapt_parameters = adapt_parameters
        self._callbacks: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self.metrics = metrics
        self.changed: set[AccountSid] = set()
        self.invalidated: set[AccountSid] = set()

    @property
    def is_embedded(self) -> bool:
        """Whether this process is the only one that uses the database."""
        return self._dialect.name == "sqlite"

    def when_committed(self, callback: Callable[[*Values], object], *values: *Values) -> None:
        """Call a function with these values after the commit. It is not called if the transaction is rolled back."""
        self._callbacks.append((callback, values))

    def all(self, statement: Statement, **parameters: Any) -> list[Row]:
        """Run a query and return all its rows."""
        return self._run(statement, parameters).fetchall()  # type: ignore[return-value]

    def batches(self, statement: Statement, size: int, **parameters: Any) -> Iterator[list[Row]]:
        """Run a query and yield its rows in batches. Do not change the rows in the database until all are read."""
        cursor = self._run(statement, parameters)
        while rows := cursor.fetchmany(size):
            yield rows  # type: ignore[misc]

    def rows(self, statement: Statement, **parameters: Any) -> Iterator[Row]:
        """Run a query and iterate over its rows. Do not change the rows in the database until all are read."""
        return iter(self._run(statement, parameters))  # type: ignore[call-overload, no-any-return]

    def first(self, statement: Statement, **parameters: Any) -> Row | None:
        """Run a query and return its first row, or None."""
        return self._run(statement, parameters).fetchone()

    def change(self, statement: Statement, **parameters: Any) -> int:
        """Run an INSERT, UPDATE or DELETE and return the number of affected rows."""
        return self._run(statement, parameters).rowcount

    def change_all(self, statement: Statement, rows: Sequence[StatementParameters]) -> None:
        """Run an INSERT or UPDATE without literals once for each row. A row maps parameter names to values."""
        sql, literals = statement.for_dialect(self._dialect)
        assert not literals  # noqa: S101 - they would have to be copied to each row
        adapted = [*map(self._adapt_parameters, rows)] if self._adapt_parameters else rows
        self._connection.cursor().executemany(sql, adapted)

    def _run(self, statement: Statement, parameters: dict[str, Any]) -> DBAPICursor:
        sql, literals = statement.for_dialect(self._dialect)
        all_parameters = {**literals, **parameters} if literals else parameters
        cursor = self._connection.cursor()
        cursor.execute(sql, self._adapt_parameters(all_parameters) if self._adapt_parameters else all_parameters)
        return cursor
