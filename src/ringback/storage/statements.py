"""SQL statements, written with SQLAlchemy Core and compiled once a dialect.

Compiling, caching look-ups and result processing cost SQLAlchemy more than SQLite needs to run the statement; these
statements need none of it, for the tables use only types that the drivers take and give as they are.
"""

from typing import Any

from sqlalchemy import Column, Dialect, Table, bindparam
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement


class Statement:
    """A Core statement whose parameters are `bindparam`s; run it through a unit of work."""

    def __init__(self, expression: ClauseElement) -> None:
        self._expression = expression
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}

    def for_dialect(self, dialect: Dialect) -> tuple[str, dict[str, Any]]:
        """Return the SQL text in `dialect`, and the values of the literals that stand in it."""
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = self._compile(dialect)
        return compiled

    def _compile(self, dialect: Dialect) -> tuple[str, dict[str, Any]]:
        compiled = self._expression.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - a statement, not a piece of DDL
        literals = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        return str(compiled), literals


def column_parameters(table: Table) -> dict[str, Any]:
    """Return a bind parameter for each column of `table`, named like it."""
    return {column.name: bindparam(column.name, type_=column.type) for column in table.c}


def columns(table: Table, *names: str) -> list[Column[Any]]:
    """Return the named columns of `table`, in that order."""
    return [table.c[name] for name in names]
