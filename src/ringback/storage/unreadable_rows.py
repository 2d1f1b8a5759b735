"""Rows with values that ringback never writes: the database was edited, or part of its file is damaged.

Such a row must not stop work on other rows. It is skipped and logged once, and its pending work is ended.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import structlog

MAX_REPORTED = 1_000
MAX_REASON_CHARACTERS = 200

ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""Exceptions raised by reading a value of the wrong type or format."""

T = TypeVar("T")

log = structlog.get_logger()

_reported: set[tuple[str, str]] = set()


class UnreadableRow(ValueError):
    """A row holds a value that ringback never writes; the message names the column."""


def require(condition: object, column: str, value: object) -> None:
    """Raise UnreadableRow unless `condition`, which checks the value of a column, is true."""
    if not condition:
        raise UnreadableRow(f"{column} is {value!r}"[:MAX_REASON_CHARACTERS])


def reason_of(error: Exception) -> str:
    """Return the reason why a row cannot be read, for a message."""
    return str(error)[:MAX_REASON_CHARACTERS] or "a value has the wrong format"


def report(table: str, key: object, error: Exception) -> None:
    """Log that a row cannot be read, once for each row."""
    row = (table, str(key))
    if row in _reported:
        return
    if len(_reported) >= MAX_REPORTED:
        _reported.clear()
    _reported.add(row)
    log.error("unreadable row", table=table, key=str(key), reason=reason_of(error))


def readable(
    table: str, rows: Iterable[tuple[Any, ...]], read: Callable[[tuple[Any, ...]], T], *, key: int = 0
) -> Iterator[T]:
    """Yield the values of readable rows, and log the others. `key` is the index of a column that identifies a row."""
    for row in rows:
        try:
            value = read(row)
        except ERRORS as error:
            report(table, row[key], error)
        else:
            yield value


def first_readable(
    table: str,
    fetch: Callable[[int, int], Sequence[tuple[Any, ...]]],
    read: Callable[[tuple[Any, ...]], T],
    *,
    from_id: int,
    limit: int,
) -> list[T]:
    """Return the values of the first `limit` readable rows that follow the id `from_id`.

    `fetch` takes an id and a number of rows, and returns the rows in order. Their first column is the id.
    """
    found: list[T] = []
    while wanted := limit - len(found):
        rows = fetch(from_id, wanted)
        found += readable(table, rows, read)
        if len(rows) < wanted:
            break
        from_id = rows[-1][0]
    return found
