"""The database: how it is opened, and where operations run on it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool, Pool, StaticPool

from ringback.storage.unit_of_work import UnitOfWork

P = ParamSpec("P")
T = TypeVar("T")

BUSY_TIMEOUT_MS = 5_000
"""How long a write waits for another process's."""

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA temp_store = MEMORY",
)


class DatabaseUnavailable(Exception):
    """The database cannot be opened, or its schema is not ours; the message is for the user."""


class Database:
    """Embedded SQLite: one persistent connection, operations run where they are called, in microseconds.

    A commit survives the end of the process at any moment (write-ahead log, ``synchronous = NORMAL``).
    """

    def __init__(self, url: URL) -> None:
        self.url = url
        self.engine = _create_engine(url)
        connection = self.engine.raw_connection()
        for pragma in PRAGMAS:
            connection.cursor().execute(pragma)
        self._connection = connection
        self.unit_of_work = UnitOfWork(self.connection, self.engine.dialect, begin="BEGIN IMMEDIATE")

    async def run(self, operation: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a plain function on a unit of work; it alone decides what is one transaction."""
        return operation(self.unit_of_work, *args, **kwargs)

    @property
    def connection(self) -> DBAPIConnection:
        """The driver's connection, for the few questions that are asked before there is a schema."""
        return self._connection.driver_connection  # type: ignore[return-value]

    @property
    def is_in_memory(self) -> bool:
        return self.url.database in (None, "", ":memory:")

    def close(self) -> None:
        self._connection.close()
        self.engine.dispose()


@contextmanager
def reported_as_unavailable(database_url: str) -> Iterator[None]:
    """Turn the driver's errors into DatabaseUnavailable, a message of one line."""
    try:
        yield
    except (sqlite3.Error, SQLAlchemyError) as error:
        reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise DatabaseUnavailable(f"cannot use the database {database_url}: {reason}") from error


def open_database(database_url: str) -> Database:
    """Open the embedded database of a ``sqlite:`` URL; it is made when it does not exist.

    Raises DatabaseUnavailable, in one line, when that cannot be.
    """
    with reported_as_unavailable(database_url):
        return Database(make_url(database_url))


def _create_engine(url: URL) -> Engine:
    pool: type[Pool] = StaticPool
    if url.database not in (None, "", ":memory:"):
        file = Path(str(url.database)).expanduser()
        if not file.resolve().parent.is_dir():
            raise DatabaseUnavailable(f"cannot open the database {file}: there is no folder {file.resolve().parent}")
        url, pool = url.set(database=str(file)), NullPool
    arguments = {"check_same_thread": False, "isolation_level": None, "cached_statements": 256}
    return create_engine(url, poolclass=pool, paramstyle="named", connect_args=arguments)
