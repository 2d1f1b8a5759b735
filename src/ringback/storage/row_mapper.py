"""Mapping of rows to values by column name.

The positions of the columns are looked up once, at import. The function that reads a row is generated from them, as
`namedtuple` and `dataclass` generate methods. It is as fast as handwritten code.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import ColumnElement

T = TypeVar("T")

Row = tuple[Any, ...]


class Field(NamedTuple):
    """Conversion of one field: `read` converts the values of `columns` to the field, and `write` converts it back.

    If `columns` is empty, the column with the field's name is used. An `optional` field is None if its first column is
    NULL.
    """

    read: Callable[..., Any] | None = None
    columns: tuple[str, ...] = ()
    write: Callable[[Any], Any] | None = None
    optional: bool = False


class RowMapper(Generic[T]):
    """Converts rows that begin with `columns` to values.

    Each parameter of `make` receives the value of the column with the same name, or the result of its `Field`. Raises
    TypeError at import for a parameter without a column.
    """

    def __init__(self, make: Callable[..., T], columns: Sequence[ColumnElement[Any]], **fields: Field) -> None:
        self.columns = tuple(columns)
        self.names = tuple(str(column.key) for column in columns)
        self._make = make
        self._fields = fields
        self.read = self.reader(self.columns)
        """Return the value of a row. Raises the exceptions that the conversions raise."""

    def reader(self, selected: Sequence[ColumnElement[Any]]) -> Callable[[Row], T]:
        """Return a function that reads the rows of a query whose `selected` columns include the mapper's columns."""
        identities = [id(column) for column in selected]
        positions = {name: identities.index(id(column)) for name, column in zip(self.names, self.columns, strict=True)}
        functions: dict[str, Any] = {"make": getattr(self._make, "_make", self._make)}  # faster for named tuples
        values = []
        for name in inspect.signature(self._make).parameters:
            field = self._fields.get(name, Field())
            columns = [f"row[{positions[column]}]" for column in self._columns_of(name, field)]
            value = columns[0]
            if field.read:
                functions[f"read_{name}"] = field.read
                value = f"read_{name}({', '.join(columns)})"
            values.append(f"None if {columns[0]} is None else {value}" if field.optional else value)
        if not hasattr(self._make, "_make"):
            return _function(f"lambda row: make({', '.join(values)})", functions)
        if values == [f"row[{position}]" for position in range(len(selected))]:
            return functions["make"]  # type: ignore[no-any-return]
        return _function(f"lambda row: make(({', '.join(values)},))", functions)

    def _columns_of(self, name: str, field: Field) -> tuple[str, ...]:
        columns = field.columns or (name,)
        if missing := set(columns) - set(self.names):
            raise TypeError(f"{self._make.__qualname__}: the row mapper lacks the column {min(missing)} for {name}")
        return columns

    def read_mapping(self, row: Mapping[str, Any]) -> T:
        """Return the value of a row that is given as a mapping from column names to values."""
        return self.read(tuple(row[name] for name in self.names))

    def writer(self, *names: str) -> Callable[[T], dict[str, Any]]:
        """Return a function that converts a value to a dict of these columns, each with the field of the same name."""
        functions: dict[str, Any] = {}
        items = []
        for name in names:
            field, text = self._fields.get(name, Field()), f"value.{name}"
            if field.write:
                functions[f"write_{name}"] = field.write
                converted = f"write_{name}({text})"
                text = f"None if {text} is None else {converted}" if field.optional else converted
            items.append(f"{name!r}: {text}")
        return _function(f"lambda value: {{{', '.join(items)}}}", functions)


def _function(source: str, functions: Mapping[str, Any]) -> Callable[..., Any]:
    function: Callable[..., Any] = eval(source, dict(functions))  # noqa: S307 - only names of fields and columns
    return function
