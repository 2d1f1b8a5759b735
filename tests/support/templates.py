"""Databases that the migrations made, of which each test has a copy of its own, in no time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import pytest
from sqlalchemy import text

from ringback.storage.database import Database, ProcessState
from ringback.storage.database_factory import open_database
from ringback.storage.schema import migrate
from ringback.storage.sqlite_database import SqliteDatabase
from ringback.storage.tables import metadata
from support.postgresql import migrated_database

SQLITE, POSTGRESQL = "sqlite", "postgresql"
_NUMBERED = [table.name for table in metadata.sorted_tables if table.autoincrement_column is not None]
EMPTY = text(
    "; ".join(
        [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]  # noqa: S608
        + [f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), 1, false)" for name in _NUMBERED]
    )
)
"""Of a few rows a tenth of the time that TRUNCATE takes, which makes new files for every table and index."""


def only(kind: str) -> pytest.MarkDecorator:
    """Say that a test, or a module of tests, is about one kind of database alone."""
    return pytest.mark.parametrize("migrated", [kind], indirect=True)


class Template(Protocol):
    """A migrated database."""

    def copy(self, process_state: ProcessState | None = None) -> Database:
        """Return a database with nothing in it, for one test, which closes it."""
        ...


class EmbeddedTemplate:
    """One in memory, of which others are copied."""

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
    """One of a server's, which is emptied for each test: they come one after the other."""

    def __init__(self, url: str) -> None:
        self.url = url

    def copy(self, process_state: ProcessState | None = None) -> Database:
        database = open_database(self.url, process_state=process_state)
        with database.engine.begin() as connection:
            connection.execute(EMPTY)
        return database


@contextmanager
def template(kind: str) -> Iterator[Template]:
    """Make a database of a kind."""
    if kind == SQLITE:
        embedded = EmbeddedTemplate()
        yield embedded
        embedded.close()
        return
    with migrated_database() as url:
        yield PostgresqlTemplate(url)
