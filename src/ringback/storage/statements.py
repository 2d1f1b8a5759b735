"""SQL statements, written with SQLAlchemy Core and compiled once a dialect.

Compiling, caching look-ups and result processing cost SQLAlchemy more than SQLite needs to run the statement; these
statements need none of it, for the tables use only types that the drivers take and give as they are.
"""

from collections.abc import Callable
from typing import Any, cast

from sqlalchemy import Column, Dialect, Table, bindparam
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement


class Statement:
    """A Core statement whose parameters are `bindparam`s; run it through a unit of work."""

    def __init__(self, expression: ClauseElement) -> None:
        self._expression_for: Callable[[Dialect], ClauseElement] = lambda _: expression
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}

    def for_dialect(self, dialect: Dialect) -> tuple[str, dict[str, Any]]:
        """Return the SQL text in `dialect`, and the values of the literals that stand in it."""
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = self._compile(dialect)
        return compiled

    def _compile(self, dialect: Dialect) -> tuple[str, dict[str, Any]]:
        compiled = self._expression_for(dialect).compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - a statement, not a piece of DDL
        literals = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        return str(compiled), literals


Insert = Callable[[Table], sqlite.Insert]
"""How a dialect makes an INSERT that knows what to do when its row is there already."""


class InsertStatement(Statement):
    """An INSERT with ON CONFLICT, which each dialect writes in its own way: `write` is given that way."""

    def __init__(self, write: Callable[[Insert], sqlite.Insert]) -> None:
        self._expression_for = lambda dialect: write(_insert(dialect))
        self._compiled = {}


def _insert(dialect: Dialect) -> Insert:
    if dialect.name == sqlite.dialect.name:
        return sqlite.insert
    from sqlalchemy.dialects import postgresql  # not imported where there is none

    return cast("Insert", postgresql.insert)  # its methods of ON CONFLICT have the same names


def insert_or_ignore(table: Table, *unique: str) -> Statement:
    """Return what adds a row, or does nothing where one with the same `unique` columns is there.

    With no columns named, where one is there that must not be twice for whatever reason.
    """
    values, elements = column_parameters(table), list(unique) or None
    return InsertStatement(lambda insert: insert(table).values(values).on_conflict_do_nothing(index_elements=elements))


def upsert(table: Table, key: list[str], *changed: str) -> Statement:
    """Return what adds a row, or brings the `changed` columns of the one with this key up to date."""

    def write(insert: Insert) -> sqlite.Insert:
        added = insert(table).values(column_parameters(table))
        return added.on_conflict_do_update(index_elements=key, set_={name: added.excluded[name] for name in changed})

    return InsertStatement(write)


def column_parameters(table: Table) -> dict[str, Any]:
    """Return a bind parameter for each column of `table`, named like it."""
    return {column.name: bindparam(column.name, type_=column.type) for column in table.c}


def columns(table: Table, *names: str) -> list[Column[Any]]:
    """Return the named columns of `table`, in that order."""
    return [table.c[name] for name in names]
