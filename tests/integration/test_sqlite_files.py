"""An open SQLite database whose files are deleted, moved or replaced, and the classification of SQLite errors."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ringback.operations.accounts import ensure_account, find_account, list_accounts
from ringback.storage.database_factory import open_database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.schema import find_unready_reason, migrate, revision
from ringback.storage.sqlite_database import SqliteDatabase
from ringback.storage.sqlite_errors import SqliteFailure, failure_of
from ringback.storage.sqlite_files import side_files
from ringback.storage.tables import HEAD
from ringback.storage.unit_of_work import UnitOfWork
from support.domain_values import ACCOUNT_SID, AUTH_TOKEN, T0

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Run coroutine tests on asyncio."""
    return "asyncio"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


@pytest.fixture
def database(file: Path) -> Iterator[SqliteDatabase]:
    opened = open_database(f"sqlite:///{file}")
    assert isinstance(opened, SqliteDatabase)
    migrate(opened)
    yield opened
    opened.close()


def add_account(unit_of_work: UnitOfWork) -> None:
    ensure_account(unit_of_work, ACCOUNT_SID, AUTH_TOKEN, T0)


def move(*paths: Path | str) -> None:
    for path in paths:
        Path(path).rename(f"{path}.away")


def moved_back(*paths: Path | str) -> None:
    for path in paths:
        Path(f"{path}.away").rename(path)


def delete(path: Path | str) -> None:
    Path(path).unlink()


def create_other_database(file: Path) -> None:
    file.write_bytes(b"another database")


def present_side_files(file: Path) -> int:
    return sum(Path(path).exists() for path in side_files(file))


async def test_moved_database_file_receives_no_commits(database: SqliteDatabase, file: Path) -> None:
    move(file)

    with pytest.raises(DatabaseUnavailable, match="was deleted, moved or replaced: put it back"):
        await database.run(add_account)

    moved_back(file)
    assert await database.run(find_account, ACCOUNT_SID) is None


async def test_readiness_check_detects_a_moved_file_before_housekeeping(database: SqliteDatabase, file: Path) -> None:
    move(file)
    reason = await find_unready_reason(database)
    moved_back(file)

    assert reason is not None
    assert "was deleted, moved or replaced: put it back" in reason
    assert await find_unready_reason(database) is None


async def test_reads_are_refused_after_housekeeping_detects_a_moved_file(database: SqliteDatabase, file: Path) -> None:
    move(file)
    with pytest.raises(DatabaseUnavailable):
        await database.checkpoint()

    with pytest.raises(DatabaseUnavailable):
        await database.run(revision)
    reason = await find_unready_reason(database)
    moved_back(file)
    await database.checkpoint()

    assert reason is not None
    assert "was deleted, moved or replaced" in reason
    assert await find_unready_reason(database) is None
    assert await database.run(revision) == HEAD


async def test_deleted_write_ahead_log_is_checkpointed(database: SqliteDatabase, file: Path) -> None:
    await database.run(add_account)
    delete(side_files(file)[0])

    with pytest.raises(DatabaseUnavailable, match="write-ahead log"):
        await database.checkpoint()

    with closing(sqlite3.connect(f"{file.as_uri()}?immutable=1", uri=True)) as connection:
        assert connection.execute("SELECT sid FROM accounts").fetchall() == [(ACCOUNT_SID,)]


async def test_wal_and_shm_files_next_to_a_replaced_database_are_removed(database: SqliteDatabase, file: Path) -> None:
    await database.run(add_account)
    move(file)
    create_other_database(file)

    with pytest.raises(DatabaseUnavailable):
        await database.checkpoint()

    assert present_side_files(file) == 0
    with closing(sqlite3.connect(f"{Path(f'{file}.away').as_uri()}?immutable=1", uri=True)) as connection:
        assert connection.execute("SELECT sid FROM accounts").fetchall() == [(ACCOUNT_SID,)]


async def test_wal_and_shm_files_of_another_database_are_kept_at_shutdown(file: Path) -> None:
    first = open_database(f"sqlite:///{file}")
    migrate(first)
    delete(file)
    second = open_database(f"sqlite:///{file}")
    migrate(second)

    first.close()

    assert present_side_files(file) == 2
    await second.run(add_account)
    assert await second.run(find_account, ACCOUNT_SID) is not None
    second.close()


async def test_damaged_database_file_is_refused_until_a_restart(database: SqliteDatabase) -> None:
    def read_damaged(_: UnitOfWork) -> None:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    with pytest.raises(DatabaseUnavailable, match="is damaged"):
        await database.run(read_damaged)

    with pytest.raises(DatabaseUnavailable, match="is damaged"):
        await database.run(add_account)
    with pytest.raises(DatabaseUnavailable, match="is damaged"):
        await database.checkpoint()
    assert "restore the file from a backup" in str(await find_unready_reason(database))


async def test_server_is_not_ready_without_disk_space_for_several_requests(database: SqliteDatabase) -> None:
    cursor = database.connection.cursor()
    cursor.execute("PRAGMA page_count")
    [pages] = cursor.fetchone() or [0]

    def write_much(unit_of_work: UnitOfWork) -> None:
        with unit_of_work:
            add_account(unit_of_work)
            database.connection.cursor().execute("UPDATE accounts SET friendly_name = hex(zeroblob(64 * 1024))")

    cursor.execute(f"PRAGMA max_page_count = {pages + 8}")
    with pytest.raises(DatabaseUnavailable, match="full"):
        await database.run(write_much)
    full = await find_unready_reason(database)
    cursor.execute(f"PRAGMA max_page_count = {pages + 1000}")
    with_room = await find_unready_reason(database)

    assert "database or disk is full" in str(full)
    assert with_room is None
    cursor.execute("SELECT count(*) FROM alembic_version")
    assert cursor.fetchone() == (1,)


NOT_UTF8 = "UPDATE accounts SET friendly_name = CAST(x'ff41' AS TEXT)"


def read_name(unit_of_work: UnitOfWork) -> object:
    account = unit_of_work.accounts.find(ACCOUNT_SID)
    return account and account.friendly_name


async def test_database_text_that_is_not_utf8_is_read_as_bytes(database: SqliteDatabase) -> None:
    await database.run(add_account)
    database.connection.cursor().execute(NOT_UTF8)

    assert await database.run(read_name) == b"\xffA"
    assert await database.run(revision) == HEAD
    assert database.outage.reason is None


async def test_long_operation_reads_database_text_that_is_not_utf8(database: SqliteDatabase) -> None:
    await database.run(add_account)
    database.connection.cursor().execute(NOT_UTF8)

    names: list[object] = [account.friendly_name for account in await database.run_in_steps(list_accounts.steps)]

    assert names == [b"\xffA"]


def test_database_text_that_is_not_utf8_is_read_at_startup(file: Path) -> None:
    with closing(open_database(f"sqlite:///{file}")) as database:
        migrate(database)
        database.run_sync(add_account)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(NOT_UTF8)
        connection.commit()

    with closing(open_database(f"sqlite:///{file}")) as again:
        assert again.run_sync(read_name) == b"\xffA"


async def test_closed_sqlite_database_raises_database_unavailable(file: Path) -> None:
    database = open_database(f"sqlite:///{file}")
    migrate(database)
    database.close()

    with pytest.raises(DatabaseUnavailable, match="the server is stopping"):
        await database.run(revision)


@pytest.mark.parametrize(
    ("error", "text", "code", "failure"),
    [
        (sqlite3.OperationalError, "database is locked", sqlite3.SQLITE_BUSY, SqliteFailure.LOCKED),
        (sqlite3.OperationalError, "snapshot", sqlite3.SQLITE_BUSY_SNAPSHOT, SqliteFailure.LOCKED),
        (sqlite3.OperationalError, "disk I/O error", sqlite3.SQLITE_IOERR_READ, SqliteFailure.UNAVAILABLE),
        (sqlite3.OperationalError, "database or disk is full", sqlite3.SQLITE_FULL, SqliteFailure.UNAVAILABLE),
        (sqlite3.OperationalError, "readonly database", sqlite3.SQLITE_READONLY, SqliteFailure.UNAVAILABLE),
        (sqlite3.OperationalError, "no such table: accounts", sqlite3.SQLITE_ERROR, SqliteFailure.UNAVAILABLE),
        (
            sqlite3.OperationalError,
            "table accounts has no column named x",
            sqlite3.SQLITE_ERROR,
            SqliteFailure.UNAVAILABLE,
        ),
        (sqlite3.OperationalError, 'near "SELEC": syntax error', sqlite3.SQLITE_ERROR, SqliteFailure.DEFECT),
        (sqlite3.DatabaseError, "malformed", sqlite3.SQLITE_CORRUPT_INDEX, SqliteFailure.DAMAGED),
        (sqlite3.DatabaseError, "file is not a database", sqlite3.SQLITE_NOTADB, SqliteFailure.DAMAGED),
        (sqlite3.IntegrityError, "UNIQUE constraint failed", sqlite3.SQLITE_CONSTRAINT, SqliteFailure.DEFECT),
        (
            sqlite3.OperationalError,
            "Could not decode to UTF-8 column 'url' with text '\\ufffd'",
            None,
            SqliteFailure.NOT_UTF8,
        ),
        (sqlite3.ProgrammingError, "Cannot operate on a closed database.", None, SqliteFailure.UNAVAILABLE),
        (sqlite3.ProgrammingError, "Incorrect number of bindings supplied.", None, SqliteFailure.DEFECT),
    ],
)
def test_sqlite_error_is_an_outage_or_a_defect(
    error: type[sqlite3.Error], text: str, code: int | None, failure: SqliteFailure
) -> None:
    raised = error(text)
    if code is not None:
        raised.sqlite_errorcode = code

    assert failure_of(raised) == failure
