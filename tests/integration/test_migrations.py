"""The schema: made by the migrations, described by the tables, the two never apart."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from ringback.storage import tables
from ringback.storage.database import Database, DatabaseUnavailable, open_database, reported_as_unavailable
from ringback.storage.schema import HEAD, is_at_head, migrate, migrations_folder, revision
from support.simulation import driver_connection, query

SCHEMA = "SELECT sql FROM sqlite_master WHERE name <> 'alembic_version' AND name NOT LIKE 'sqlite_%'"
TABLES = SCHEMA.replace("sql ", "name ", 1) + " AND type = 'table'"


@pytest.fixture
def empty() -> Iterator[Database]:
    database = open_database("sqlite://")
    yield database
    database.close()


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """Open an empty file by SQLAlchemy alone, as a developer's alembic does."""
    engine = create_engine(f"sqlite:///{tmp_path / 'file.db'}")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["connection"] = connection
    return config


def table_names(database: Database) -> set[str]:
    return {name for (name,) in query(database, TABLES)}


def test_an_empty_database_is_brought_to_head(empty: Database) -> None:
    before = is_at_head(empty)

    migrate(empty)

    assert not before
    assert (revision(empty.unit_of_work), is_at_head(empty)) == (HEAD, True)
    assert table_names(empty) == set(tables.metadata.tables)


def test_a_database_at_head_stays_as_it_is(empty: Database) -> None:
    migrate(empty)
    before = list(driver_connection(empty).iterdump())

    migrate(empty)

    assert list(driver_connection(empty).iterdump()) == before


def test_the_head_that_the_code_names_is_the_migrations_head(connection: Connection) -> None:
    assert ScriptDirectory.from_config(alembic(connection)).get_current_head() == HEAD


def test_the_migrations_make_what_the_tables_describe(connection: Connection) -> None:
    command.upgrade(alembic(connection), "head")

    command.check(alembic(connection))


def test_the_migrations_lead_down_and_up_again(connection: Connection) -> None:
    def schema() -> set[str]:
        rows = connection.exec_driver_sql(SCHEMA)
        return {sql for (sql,) in rows if sql}

    command.upgrade(alembic(connection), "head")
    first = schema()
    command.downgrade(alembic(connection), "base")
    none = schema()
    command.upgrade(alembic(connection), "head")

    assert none == set()
    assert schema() == first


def test_a_database_of_a_newer_version_is_refused_in_one_line(empty: Database) -> None:
    driver_connection(empty).execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    driver_connection(empty).execute("INSERT INTO alembic_version VALUES ('29990101_from_the_future')")

    with pytest.raises(DatabaseUnavailable) as refusal:
        migrate(empty)

    [line] = str(refusal.value).splitlines()
    assert "29990101_from_the_future" in line


def test_a_database_of_somebody_elses_is_refused_in_one_line_and_left_as_it_was(empty: Database) -> None:
    driver_connection(empty).execute("CREATE TABLE validation_calls (note TEXT)")

    with pytest.raises(DatabaseUnavailable) as refusal, reported_as_unavailable("sqlite://"):
        migrate(empty)

    [line] = str(refusal.value).splitlines()
    assert "validation_calls" in line
    assert table_names(empty) == {"validation_calls"}


def test_a_migration_that_was_cut_off_begins_anew(empty: Database) -> None:
    driver_connection(empty).execute("CREATE TABLE validation_calls (note TEXT)")
    with pytest.raises(DatabaseUnavailable), reported_as_unavailable("sqlite://"):
        migrate(empty)
    driver_connection(empty).execute("DROP TABLE validation_calls")

    migrate(empty)

    assert is_at_head(empty)


def test_the_foreign_keys_are_kept(empty: Database) -> None:
    migrate(empty)

    assert query(empty, "PRAGMA foreign_keys") == [(1,)]
    assert query(empty, "PRAGMA foreign_key_check") == []
