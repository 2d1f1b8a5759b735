"""The factory that opens the SQLite or PostgreSQL database that a URL identifies."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from ringback.storage.database import Database, ProcessState
from ringback.storage.errors import DatabaseUnavailable, reported_as_unavailable, unavailable
from ringback.storage.sqlite_connection import located
from ringback.storage.sqlite_database import SqliteDatabase


def open_database(
    database_url: str, listen_url: str | None = None, process_state: ProcessState | None = None
) -> Database:
    """Open the database that a URL identifies. Create an embedded database if it does not exist.

    `listen_url` connects to the same PostgreSQL database without a connection pooler. If `process_state` is None, a new
    one is created. Raises DatabaseUnavailable with a one-line message.
    """
    process_state = process_state or ProcessState()
    url = _parse_url(database_url, "database_url")
    with reported_as_unavailable(database_url), _path_errors_reported(url):
        if url.get_backend_name() == "postgresql":
            from ringback.storage.postgresql_database import PostgresqlDatabase  # the import takes 70 ms

            listen = _parse_url(listen_url, "database_listen_url") if listen_url else None
            return PostgresqlDatabase(url, listen, process_state)
        return SqliteDatabase(located(url), process_state)


def _parse_url(text: str, setting: str) -> URL:
    try:
        return make_url(text)
    except (ArgumentError, ValueError) as error:  # the message could show the password
        raise DatabaseUnavailable(
            f"{setting} is not valid: check its host and port. Its format is postgresql+psycopg://user:password@host"
            ":port/database, with special characters percent-encoded (@ is %40, / is %2F, : is %3A)"
        ) from error


@contextmanager
def _path_errors_reported(url: URL) -> Iterator[None]:
    """Convert errors for a path or host name that the system rejects into DatabaseUnavailable."""
    try:
        yield
    except (OSError, RuntimeError, UnicodeError) as error:
        raise unavailable(url, error) from error
