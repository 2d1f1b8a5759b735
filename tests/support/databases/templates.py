"""Migrated databases that are copied or emptied for each test, which is faster than migrating again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import pytest
from sqlalchemy import text

from ringback.storage.database import Database, ProcessState
from ringback.storage.database_factory import open_database
from ringback.storage.journal_tables import TABLES
from ringback.storage.schema import migrate
from ringback.storage.sqlite_database import SqliteDatabase
from support.databases.postgresql import migrated_database

SQLITE, POSTGRESQL = "sqlite", "postgresql"
_NUMBERED = [table.name for table in TABLES if table.autoincrement_column is not None]
EMPTY = text(
    "; ".join(
        [f"DELETE FROM {table.name}" for table in reversed(TABLES)]  # noqa: S608
        + [f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), 1, false)" for name in _NUMBERED]
    )
)
"""Statements that empty all tables. For a few rows, DELETE takes a tenth of the time of TRUNCATE, which creates new
files for every table and index."""


BOTH = [SQLITE, pytest.param(POSTGRESQL, marks=[pytest.mark.postgresql, pytest.mark.repeated])]
"""Parameters of a fixture whose tests run on both databases."""


def only(kind: str) -> pytest.MarkDecorator:
    """Return a mark that runs a test, or the tests of a module, on one kind of database."""
    marks = [pytest.mark.postgresql] if kind == POSTGRESQL else []
    return pytest.mark.parametrize("migrated", [pytest.param(kind, marks=marks)], indirect=True)


class Template(Protocol):
    """A migrated database."""

    def copy(self, process_state: ProcessState | None = None) -> Database:
        """Return an empty database for one test. The test closes the database."""
        ...


class EmbeddedTemplate:
    """A template in memory, which is copied."""

    def __init__(self) -> None:
        self._database = open_database("sqlite://")
        migrate(self._database)

    def copy(self, process_state: ProcessState | None = None) -> Database:
        copy = open_database("sqlite://", process_state=process_state)
        assert isinstance(copy, SqliteDatabase)
        assert isinstance(self._database, SqliteDatabase)
        self._database.connection.backup(copy.connection)
        return copy

    def close(self) -> None:
        self._database.close()


class PostgresqlTemplate:
    """A PostgreSQL database that is emptied for each test. The tests in a process run one after another."""

    def __init__(self, url: str) -> None:
        self.url = url

    def copy(self, process_state: ProcessState | None = None) -> Database:
        database = open_database(self.url, process_state=process_state)
        with database.engine.begin() as connection:
            connection.execute(EMPTY)
        return database


@contextmanager
def template(kind: str) -> Iterator[Template]:
    """Yield the template for a kind of database."""
    if kind == SQLITE:
        embedded = EmbeddedTemplate()
        yield embedded
        embedded.close()
        return
    with migrated_database() as url:
        yield PostgresqlTemplate(url)
