"""Databases of another application or a newer version: they are refused and not changed."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from ringback.storage.database_factory import open_database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.schema import check_is_at_head, is_at_head, known_revisions, migrate
from ringback.storage.sqlite_owner import APPLICATION_ID
from ringback.storage.tables import HEAD
from support.databases.postgresql import new_database, postgresql_server
from support.in_process.simulation import execute

CREATE_VERSION = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"
NEWER = "29990101_from_the_future"
NEWER_ROW = f"INSERT INTO alembic_version VALUES ('{NEWER}')"  # noqa: S608


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


def script(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def create_ringback_database(file: Path, *statements: str) -> None:
    """Create a ringback database, and run statements on it."""
    database = open_database(f"sqlite:///{file}")
    migrate(database)
    database.close()
    script(file, *statements)


def contents(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def opened_and_migrated(file: Path) -> None:
    database = open_database(f"sqlite:///{file}")
    try:
        migrate(database)
        assert is_at_head(database)
    finally:
        database.close()


def with_tables(file: Path) -> None:
    script(file, "CREATE TABLE notes (text TEXT)", "INSERT INTO notes VALUES ('mine')")


def with_tables_of_the_same_names(file: Path) -> None:
    script(file, "CREATE TABLE accounts (name TEXT)", "CREATE TABLE events (name TEXT)")


def with_a_write_ahead_log(file: Path) -> None:
    script(file, "PRAGMA journal_mode = WAL", "CREATE TABLE notes (text TEXT)")


def with_an_application_id(file: Path) -> None:
    script(file, "PRAGMA application_id = 252006674", "CREATE TABLE notes (text TEXT)")


def with_alembics_table(file: Path) -> None:
    script(
        file, CREATE_VERSION, "INSERT INTO alembic_version VALUES ('1975ea83b712')", "CREATE TABLE users (id INTEGER)"
    )


def with_another_alembic_table(file: Path) -> None:
    script(file, "CREATE TABLE alembic_version (revision TEXT)", "CREATE TABLE users (id INTEGER)")


@pytest.mark.parametrize(
    "make",
    [
        with_tables,
        with_tables_of_the_same_names,
        with_a_write_ahead_log,
        with_an_application_id,
        with_alembics_table,
        with_another_alembic_table,
    ],
)
def test_file_of_another_application_is_refused_and_not_changed(file: Path, make: Callable[[Path], None]) -> None:
    make(file)
    before = contents(file.parent)

    with pytest.raises(DatabaseUnavailable, match="is another application's database") as refusal:
        open_database(f"sqlite:///{file}")

    [line] = str(refusal.value).splitlines()
    assert str(file) in line
    assert "choose another file with --database-url or RINGBACK_DATABASE_URL" in line
    assert contents(file.parent) == before


def test_open_file_of_another_application_is_refused_and_not_changed(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as owner:
        owner.execute("PRAGMA journal_mode = WAL")
        owner.execute("CREATE TABLE notes (text TEXT)")
        before = contents(file.parent)

        with pytest.raises(DatabaseUnavailable, match="another application's database"):
            open_database(f"sqlite:///{file}")

        assert contents(file.parent)["x.db"] == before["x.db"]
        assert contents(file.parent)["x.db-wal"] == before["x.db-wal"]
        owner.execute("INSERT INTO notes VALUES ('still mine')")


@pytest.mark.parametrize("text", [b"x", b"this is a text, and a long one at that" * 100, b"SQLite format 3\0"])
def test_file_that_is_not_a_database_is_refused_and_not_changed(file: Path, text: bytes) -> None:
    file.write_bytes(text)

    with pytest.raises(DatabaseUnavailable, match="is not a database") as refusal:
        open_database(f"sqlite:///{file}")

    assert len(str(refusal.value).splitlines()) == 1
    assert file.read_bytes() == text
    assert contents(file.parent).keys() == {"x.db"}


def test_empty_file_is_turned_into_a_database(file: Path) -> None:
    file.touch()

    opened_and_migrated(file)

    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def test_file_without_an_application_id_is_recognized_by_its_schema(file: Path) -> None:
    create_ringback_database(file, "PRAGMA application_id = 0", "CREATE TABLE of_a_test (id INTEGER)")

    opened_and_migrated(file)

    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


@pytest.mark.parametrize("application_id", [0, APPLICATION_ID])
def test_file_of_a_newer_version_is_refused_with_advice_and_not_changed(file: Path, application_id: int) -> None:
    set_id = f"PRAGMA application_id = {application_id}"
    create_ringback_database(file, "DELETE FROM alembic_version", NEWER_ROW, set_id, "CREATE TABLE newer (id INTEGER)")

    with pytest.raises(DatabaseUnavailable) as refusal:
        opened_and_migrated(file)

    [line] = str(refusal.value).splitlines()
    assert (
        f"was written by a newer version of ringback (schema {NEWER}): upgrade ringback, or choose another database"
        in line
    )
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(NEWER,)]


def test_known_revisions_include_the_newest() -> None:
    assert HEAD in known_revisions()


@pytest.fixture(scope="module")
def server() -> URL:
    return postgresql_server()


@pytest.fixture
def empty(server: URL) -> Iterator[str]:
    with new_database(server) as url:
        yield url.render_as_string(hide_password=False)


def refusal_by_postgresql(url: str, *statements: str) -> list[str]:
    """Prepare a database, and return the errors of `migrate` and `serve`."""
    database = open_database(url)
    try:
        for statement in statements:
            execute(database, statement)
        said = []
        for check in (migrate, check_is_at_head):
            with pytest.raises(DatabaseUnavailable) as refusal:
                check(database)
            said.append(str(refusal.value))
        return said
    finally:
        database.close()


@pytest.mark.parametrize(
    "statements",
    [
        ("CREATE TABLE accounts (name TEXT)",),
        ("CREATE VIEW events AS SELECT 1 AS id",),
        (CREATE_VERSION, "INSERT INTO alembic_version VALUES ('1975ea83b712')", "CREATE TABLE accounts (id INTEGER)"),
        (CREATE_VERSION, "INSERT INTO alembic_version VALUES ('1975ea83b712')"),
        ("CREATE TABLE alembic_version (revision TEXT)", "CREATE TABLE requests (id INTEGER)"),
    ],
)
def test_schema_of_another_application_is_refused_and_not_changed(empty: str, statements: tuple[str, ...]) -> None:
    said = refusal_by_postgresql(empty, *statements)

    assert all("has tables of another application" in line and len(line.splitlines()) == 1 for line in said)


def test_schema_of_a_newer_version_is_refused_with_advice(empty: str) -> None:
    said = refusal_by_postgresql(empty, CREATE_VERSION, NEWER_ROW)

    assert all(f"was written by a newer version of ringback (schema {NEWER})" in line for line in said)


def test_unrelated_tables_may_share_the_schema(empty: str) -> None:
    database = open_database(empty)
    execute(database, "CREATE TABLE notes (text TEXT)")

    migrate(database)

    assert is_at_head(database)
    database.close()


def test_another_schema_of_the_same_database_can_be_used(empty: str) -> None:
    first = open_database(empty)
    execute(first, "CREATE TABLE accounts (name TEXT)")
    execute(first, "CREATE SCHEMA ringback")
    first.close()

    second = open_database(f"{empty}{'&' if '?' in empty else '?'}options=-csearch_path%3Dringback")
    migrate(second)

    assert is_at_head(second)
    second.close()
