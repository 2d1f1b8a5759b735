"""The embedded database: opening it, and its transactions."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ringback.domain.timestamps import after
from ringback.operations.accounts import ensure_account
from ringback.storage.database import Database
from ringback.storage.database_factory import open_database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.schema import migrate
from ringback.storage.sqlite_database import SqliteDatabase
from ringback.storage.unit_of_work import UnitOfWork
from support.databases.templates import SQLITE, only
from support.domain_values import ACCOUNT_SID, AUTH_TOKEN, CALLER_ID_SID, T0, a_caller_id
from support.in_process.simulation import driver_connection, query


def test_database_file_keeps_committed_changes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'kept.db'}"
    first = open_database(url)
    migrate(first)
    ensure_account(first.unit_of_work, ACCOUNT_SID, AUTH_TOKEN, T0)
    first.close()

    second = open_database(url)

    assert second.unit_of_work.accounts.find(ACCOUNT_SID) is not None
    second.close()


def test_new_database_file_has_small_pages_and_an_existing_one_keeps_its_page_size(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "old.db")) as older:
        older.execute("PRAGMA page_size = 4096")
        older.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    new, old = (open_database(f"sqlite:///{tmp_path / name}") for name in ("new.db", "old.db"))
    migrate(new)
    migrate(old)

    assert query(new, "PRAGMA page_size") == [(2048,)]
    assert query(old, "PRAGMA page_size") == [(4096,)]
    new.close()
    old.close()


def test_database_file_has_a_write_ahead_log_and_is_synchronized_at_checkpoints(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'kept.db'}")

    assert query(database, "PRAGMA journal_mode") == [("wal",)]
    assert query(database, "PRAGMA synchronous") == [(1,)]
    assert isinstance(database, SqliteDatabase)
    assert database.is_in_memory is False
    database.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_in_memory_url_opens_a_database_in_memory(url: str) -> None:
    database = open_database(url)

    assert isinstance(database, SqliteDatabase)
    assert database.is_in_memory
    database.close()


def test_unreachable_database_server_is_reported_in_one_line_without_the_password() -> None:
    with pytest.raises(DatabaseUnavailable) as refusal:
        open_database("postgresql+psycopg://somebody:s3cret@127.0.0.1:1/nothing")

    [line] = str(refusal.value).splitlines()
    assert "127.0.0.1" in line
    assert "s3cret" not in line


def test_missing_database_folder_is_reported_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable) as refusal:
        open_database(f"sqlite:///{tmp_path / 'missing' / 'x.db'}")

    [line] = str(refusal.value).splitlines()
    assert "does not exist" in line


def test_tilde_in_a_database_url_is_expanded_to_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    open_database("sqlite:///~/home.db").close()

    assert (tmp_path / "home.db").is_file()


def add_and_fail(unit_of_work: UnitOfWork) -> None:
    with unit_of_work:
        unit_of_work.caller_ids.add(a_caller_id())
        raise ZeroDivisionError


def add_in_a_failing_unit_of_work(unit_of_work: UnitOfWork) -> None:
    with unit_of_work:
        with unit_of_work:
            unit_of_work.caller_ids.add(a_caller_id())
        raise ZeroDivisionError


def add_without_account(unit_of_work: UnitOfWork) -> None:
    with unit_of_work:
        unit_of_work.caller_ids.add(a_caller_id())
        unit_of_work.caller_ids.add(a_caller_id(sid="PN" + "3" * 32, account_sid="AC" + "9" * 32))


def violate_a_foreign_key_at_the_commit(database: Database) -> None:
    with database.unit_of_work:
        driver_connection(database).execute("PRAGMA defer_foreign_keys = ON")
        database.unit_of_work.caller_ids.add(a_caller_id(account_sid="AC" + "9" * 32))


@pytest.mark.parametrize("work", [add_and_fail, add_in_a_failing_unit_of_work])
def test_failed_unit_of_work_changes_nothing(work: Callable[[UnitOfWork], None], unit_of_work: UnitOfWork) -> None:
    with pytest.raises(ZeroDivisionError):
        work(unit_of_work)

    assert unit_of_work.caller_ids.find(ACCOUNT_SID, CALLER_ID_SID) is None


def test_unit_of_work_works_after_a_failed_one(unit_of_work: UnitOfWork) -> None:
    with pytest.raises(unit_of_work.data_errors):
        add_without_account(unit_of_work)

    with unit_of_work:
        unit_of_work.caller_ids.add(a_caller_id(date_created=after(T0, 1)))

    found = unit_of_work.caller_ids.find(ACCOUNT_SID, CALLER_ID_SID)
    assert found is not None
    assert found.date_created == after(T0, 1)


@only(SQLITE)
def test_failed_commit_is_rolled_back(database: Database) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        violate_a_foreign_key_at_the_commit(database)

    assert driver_connection(database).in_transaction is False
    assert query(database, "SELECT * FROM outgoing_caller_ids") == []


def test_write_to_a_database_locked_by_another_process_fails_after_a_timeout(tmp_path: Path) -> None:
    url = tmp_path / "x.db"
    database = open_database(f"sqlite:///{url}")
    migrate(database)
    driver_connection(database).execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(url, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        ensure_account(database.unit_of_work, ACCOUNT_SID, AUTH_TOKEN, T0)
    other.execute("ROLLBACK")
    made = ensure_account(database.unit_of_work, ACCOUNT_SID, AUTH_TOKEN, T0)

    assert database.unit_of_work.accounts.find(ACCOUNT_SID) == made
    other.close()
    database.close()
