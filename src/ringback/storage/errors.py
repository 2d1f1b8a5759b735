"""Database errors, with one-line messages for the user that do not contain passwords."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

_REASONS = {"SQLITE_IOERR_SHMSIZE": "database or disk is full"}
"""Reasons to report instead of the driver's messages, by SQLite error name."""


class DatabaseUnavailable(Exception):
    """The database is currently unusable, or belongs to another application; the message is for the user."""


class DatabaseDamaged(DatabaseUnavailable):
    """The stored data is damaged, so retrying cannot help."""


class InvalidSnapshot(Exception):
    """A snapshot cannot be restored; the message says why."""


class UnrestorableRow(Exception):
    """A stored row that could not be restored from a snapshot; the message names the table, the key and the reason."""


@contextmanager
def reported_as_unavailable(database_url: str) -> Iterator[None]:
    """Convert driver errors into DatabaseUnavailable."""
    try:
        yield
    except SQLAlchemyError as error:
        raise unavailable(make_url(database_url), error.orig if isinstance(error, DBAPIError) else error) from error
    except Exception as error:
        if not _is_driver_error(error):
            raise
        raise unavailable(make_url(database_url), error) from error


def unavailable(url: URL, error: BaseException | None) -> DatabaseUnavailable:
    """Return the DatabaseUnavailable that reports a driver's error."""
    reason = _REASONS.get(getattr(error, "sqlite_errorname", ""), str(error)).partition("\n")[0].strip()
    return DatabaseUnavailable(f"cannot use the database {redacted(url)}: {reason}")


def redacted(url: URL) -> str:
    """Return a database URL without its password or its query, which may also contain a password."""
    return url.set(query={}).render_as_string()


def _is_driver_error(error: Exception) -> bool:
    """Return whether a database driver raised this error, without importing any driver."""
    return any(kind.__module__.partition(".")[0] in ("sqlite3", "psycopg") for kind in type(error).__mro__)
