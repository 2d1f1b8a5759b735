"""Classification of SQLite errors: retry the operation, report an outage, or report a bug in ringback."""

import sqlite3
from enum import Enum, auto

_PRIMARY_CODE = 0xFF
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_WRONG_SCHEMA = ("no such ", "has no column named")
_CLOSED = "closed database"
_NOT_UTF8 = "Could not decode to UTF-8"


class SqliteFailure(Enum):
    """The meaning of a driver error."""

    LOCKED = auto()
    """Another program has locked the file: retry."""
    UNAVAILABLE = auto()
    """The file cannot be read or written, or its schema has been changed."""
    DAMAGED = auto()
    """The file's contents are damaged."""
    NOT_UTF8 = auto()
    """A text is not UTF-8: read it as bytes, so that only the row with this text is unreadable."""
    DEFECT = auto()
    """A statement or a value is wrong, because of a bug in ringback."""


def failure_of(error: sqlite3.Error) -> SqliteFailure:
    """Classify an error that the driver raised. Errors from Python's own checks do not have an error code."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None and str(error).startswith(_NOT_UTF8):
        return SqliteFailure.NOT_UTF8
    if code is None:
        return SqliteFailure.UNAVAILABLE if _CLOSED in str(error) else SqliteFailure.DEFECT
    primary = code & _PRIMARY_CODE
    if primary in _LOCKED:
        return SqliteFailure.LOCKED
    if primary in _DAMAGED:
        return SqliteFailure.DAMAGED
    if primary == sqlite3.SQLITE_ERROR:
        return (
            SqliteFailure.UNAVAILABLE if any(words in str(error) for words in _WRONG_SCHEMA) else SqliteFailure.DEFECT
        )
    return (
        SqliteFailure.UNAVAILABLE
        if isinstance(error, sqlite3.OperationalError | sqlite3.InternalError)
        else SqliteFailure.DEFECT
    )
