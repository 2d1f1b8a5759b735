"""The schema: the migrations create the tables that storage/tables.py defines."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine, make_url, text
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from ringback.storage import tables
from ringback.storage.database import Database
from ringback.storage.database_factory import open_database
from ringback.storage.errors import DatabaseUnavailable, reported_as_unavailable
from ringback.storage.schema import is_at_head, migrate, migrations_folder, revision
from ringback.storage.tables import HEAD
from support.code_blocks import ROOT
from support.databases.postgresql import new_database, postgresql_server
from support.databases.templates import POSTGRESQL, SQLITE
from support.in_process.simulation import driver_connection, query
from support.waiting import PROGRAM_SECONDS

TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'alembic_version' AND name NOT LIKE 'sqlite_%'"
)


@pytest.fixture
def empty() -> Iterator[Database]:
    database = open_database("sqlite://")
    yield database
    database.close()


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def connection(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Connection]:
    """Open an empty database through SQLAlchemy alone, as alembic's command does."""
    with ExitStack() as stack:
        if request.param == SQLITE:
            url = make_url(f"sqlite:///{tmp_path / 'file.db'}")
        else:
            url = stack.enter_context(new_database(postgresql_server()))
        engine = create_engine(url, poolclass=NullPool)
        stack.callback(engine.dispose)
        yield stack.enter_context(engine.connect())


def alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["connection"] = connection
    return config


def schema(connection: Connection) -> set[str]:
    """Return the statements that create all tables and indexes except alembic's, one per line."""
    described = MetaData()
    described.reflect(connection)
    tables = [table for name, table in described.tables.items() if name != "alembic_version"]
    statements: list[ExecutableDDLElement] = [CreateTable(table) for table in tables]
    statements += [CreateIndex(index) for table in tables for index in table.indexes]
    made = [str(statement.compile(connection.engine)).splitlines() for statement in statements]
    return {f"{lines[0] or lines[1]} {line}" for lines in made for line in lines}


def table_names(database: Database) -> set[str]:
    return {name for (name,) in query(database, TABLES)}


def test_empty_database_is_migrated_to_head(empty: Database) -> None:
    before = is_at_head(empty)

    migrate(empty)

    assert not before
    assert (revision(empty.unit_of_work), is_at_head(empty)) == (HEAD, True)
    assert table_names(empty) == set(tables.metadata.tables)


def test_database_at_head_is_not_changed(empty: Database) -> None:
    migrate(empty)
    before = list(driver_connection(empty).iterdump())

    migrate(empty)

    assert list(driver_connection(empty).iterdump()) == before


def test_head_in_the_code_is_the_head_of_the_migrations(connection: Connection) -> None:
    newest = ScriptDirectory.from_config(alembic(connection)).get_current_head()

    assert newest == HEAD, (
        f"HEAD in storage/tables.py is {HEAD}, but the newest file in migrations/versions is {newest}"
    )


def test_migrations_create_the_tables_as_they_are_defined(connection: Connection) -> None:
    command.upgrade(alembic(connection), "head")

    command.check(alembic(connection))


def test_migrations_can_be_reverted_and_applied_again(connection: Connection) -> None:
    command.upgrade(alembic(connection), "head")
    first = schema(connection)
    command.downgrade(alembic(connection), "base")
    none = schema(connection)
    command.upgrade(alembic(connection), "head")

    assert none == set()
    assert schema(connection) == first


def test_restricted_keys_are_deleted_by_a_downgrade_to_a_schema_without_key_types(connection: Connection) -> None:
    command.upgrade(alembic(connection), "head")
    account = "INSERT INTO accounts (sid, auth_token, friendly_name, status, date_created, date_updated)"
    connection.execute(text(f"{account} VALUES ('AC1', 'token', 'Shop', 'active', 0, 0)"))
    for key_type in ("restricted", "standard", "main"):
        key = "INSERT INTO api_keys (sid, account_sid, secret, date_created, type) VALUES (:type, 'AC1', '', 0, :type)"
        connection.execute(text(key), {"type": key_type})

    command.downgrade(alembic(connection), "20261130_redirect_hops")

    sids = connection.execute(text("SELECT sid FROM api_keys ORDER BY sid")).scalars().all()
    assert sids == ["main", "standard"]


def test_alembic_check_finds_no_difference(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'file.db'}"

    for task in (["upgrade", "head"], ["check"]):
        command_line = [sys.executable, "-m", "alembic", "-x", f"url={url}", *task]
        finished = subprocess.run(  # noqa: S603
            command_line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PROGRAM_SECONDS
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr


def test_concurrent_migrations_of_one_postgresql_database_are_serialized() -> None:
    with new_database(postgresql_server()) as url:
        databases = [open_database(url.render_as_string(hide_password=False)) for _ in range(3)]
        with ThreadPoolExecutor(len(databases)) as pool:
            list(pool.map(migrate, databases))
        heads = [revision(database.unit_of_work) for database in databases]
        for database in databases:
            database.close()

    assert heads == [HEAD] * len(databases)


def test_database_of_a_newer_version_is_refused_in_one_line(empty: Database) -> None:
    driver_connection(empty).execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    driver_connection(empty).execute("INSERT INTO alembic_version VALUES ('29990101_from_the_future')")

    with pytest.raises(DatabaseUnavailable) as refusal:
        migrate(empty)

    [line] = str(refusal.value).splitlines()
    assert "29990101_from_the_future" in line


def test_database_of_another_application_is_refused_in_one_line_and_not_changed(empty: Database) -> None:
    driver_connection(empty).execute("CREATE TABLE validation_calls (note TEXT)")

    with pytest.raises(DatabaseUnavailable) as refusal, reported_as_unavailable("sqlite://"):
        migrate(empty)

    [line] = str(refusal.value).splitlines()
    assert "validation_calls" in line
    assert table_names(empty) == {"validation_calls"}


def test_interrupted_migration_starts_again(empty: Database) -> None:
    driver_connection(empty).execute("CREATE TABLE validation_calls (note TEXT)")
    with pytest.raises(DatabaseUnavailable), reported_as_unavailable("sqlite://"):
        migrate(empty)
    driver_connection(empty).execute("DROP TABLE validation_calls")

    migrate(empty)

    assert is_at_head(empty)


def test_foreign_keys_are_enforced_after_migration(empty: Database) -> None:
    migrate(empty)

    assert query(empty, "PRAGMA foreign_keys") == [(1,)]
    assert query(empty, "PRAGMA foreign_key_check") == []
