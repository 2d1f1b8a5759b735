"""SQL statements, written with SQLAlchemy Core and compiled once for each dialect.

SQLAlchemy's compilation, cache lookups and result processing take longer than SQLite needs to run a statement. These
statements need none of this work, because the drivers accept and return the values of all column types as they are.
"""

from collections.abc import Callable
from typing import Any, cast

from sqlalchemy import Column, Dialect, ScalarSelect, Table, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement


class Statement:
    """A SQLAlchemy Core statement, for a session to run. Its parameters are `bindparam`s."""

    def __init__(self, expression: ClauseElement) -> None:
        self._expression_for: Callable[[Dialect], ClauseElement] = lambda _: expression
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}

    def for_dialect(self, dialect: Dialect) -> tuple[str, dict[str, Any]]:
        """Return the SQL text in `dialect`, and the values of its literals by name."""
        try:
            return self._compiled[dialect.name]
        except KeyError:
            compiled = self._compiled[dialect.name] = self._compile(dialect)
            return compiled

    def _compile(self, dialect: Dialect) -> tuple[str, dict[str, Any]]:
        compiled = self._expression_for(dialect).compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - only DDL compiles to another class
        literals = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        return str(compiled), literals


Insert = Callable[[Table], sqlite.Insert]
"""A dialect's constructor of an INSERT that has ON CONFLICT."""


class InsertStatement(Statement):
    """An INSERT with ON CONFLICT. `write` builds it with a dialect's constructor."""

    def __init__(self, write: Callable[[Insert], sqlite.Insert]) -> None:
        self._expression_for = lambda dialect: write(_insert(dialect))
        self._compiled = {}


def _insert(dialect: Dialect) -> Insert:
    if dialect.name == sqlite.dialect.name:
        return sqlite.insert
    return cast("Insert", postgresql.insert)  # its ON CONFLICT methods have the same names


def insert_or_ignore(table: Table, *unique: str) -> Statement:
    """Return the INSERT that does nothing if a row with the same `unique` columns exists.

    If `unique` is empty, it does nothing if the row would violate any unique constraint.
    """
    values, elements = column_parameters(table), list(unique) or None
    return InsertStatement(lambda insert: insert(table).values(values).on_conflict_do_nothing(index_elements=elements))


def upsert(table: Table, key: list[str], *changed: str) -> Statement:
    """Return the INSERT that updates the `changed` columns if a row with this key exists."""

    def write(insert: Insert) -> sqlite.Insert:
        added = insert(table).values(column_parameters(table))
        return added.on_conflict_do_update(index_elements=key, set_={name: added.excluded[name] for name in changed})

    return InsertStatement(write)


def column_parameters(table: Table) -> dict[str, Any]:
    """Return a bind parameter for each column of `table`, with the same name."""
    return parameters(table, *(str(column.name) for column in table.c))


def parameters(table: Table, *names: str) -> dict[str, Any]:
    """Return a bind parameter for each of the named columns of `table`, with the same name."""
    return {name: bindparam(name, type_=table.c[name].type) for name in names}


def columns(table: Table, *names: str) -> list[Column[Any]]:
    """Return the named columns of `table`, in that order. Raises TypeError for a column that it lacks."""
    missing = [name for name in names if name not in table.c]
    if missing:
        raise TypeError(f"the definition of the table {table.name} needs the column {', '.join(missing)}")
    return [table.c[name] for name in names]


def newest_to_prune(table: Table) -> ScalarSelect[Any]:
    """Return the query for the id of an account's newest row to prune, so that the newest `kept` rows remain."""
    ids = select(table.c.id).where(table.c.account_sid == bindparam("account_sid"))
    return ids.order_by(table.c.id.desc()).limit(1).offset(bindparam("kept")).scalar_subquery()


def prune(table: Table) -> Statement:
    """Return the DELETE for all but the newest `kept` rows of an account. Later rows have higher ids."""
    of_account = table.c.account_sid == bindparam("account_sid")
    return Statement(delete(table).where(of_account, table.c.id <= newest_to_prune(table)))
