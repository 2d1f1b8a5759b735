"""A database file that others hold: another ringback, another program, a request beside a checkpoint."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ringback.operations.accounts import ensure_account
from ringback.simulator import housekeeper as housekeeper_module
from ringback.simulator.housekeeper import Housekeeper
from ringback.storage import sqlite as sqlite_module
from ringback.storage import write_ahead_log
from ringback.storage.database import DatabaseUnavailable, open_database
from ringback.storage.schema import migrate
from ringback.storage.sqlite import CHECKPOINT_CHANGES, EmbeddedDatabase
from ringback.storage.write_ahead_log import LOG_FILE_BYTES
from support.clocks import FakeClock
from support.domain_values import ACCOUNT_SID, AUTH_TOKEN, T0
from support.polling import until
from support.simulation import query
from support.templates import SQLITE, only

BLOB_BYTES = 4_096

pytest_plugins = ["support.simulation_fixtures"]
pytestmark = pytest.mark.anyio


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


@pytest.fixture
def shared(file: Path) -> Iterator[EmbeddedDatabase]:
    database = open_database(f"sqlite:///{file}")
    migrate(database)
    assert isinstance(database, EmbeddedDatabase)
    yield database
    database.close()


@pytest.fixture
def holder(file: Path, shared: EmbeddedDatabase) -> Iterator[sqlite3.Connection]:
    """Let another program hold the file."""
    assert shared.url.database == str(file)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


def test_a_file_is_one_servers_alone(file: Path, shared: EmbeddedDatabase) -> None:
    with pytest.raises(DatabaseUnavailable) as refusal:
        open_database(f"sqlite:///{file}")

    assert str(refusal.value) == f"another ringback is using the database {shared.url.database}"


def test_a_file_is_known_by_whatever_name(file: Path, shared: EmbeddedDatabase) -> None:
    link = file.with_name("link.db")
    link.symlink_to(file)

    with pytest.raises(DatabaseUnavailable, match=str(shared.url.database)):
        open_database(f"sqlite:///{link}")


def test_a_file_is_free_when_its_server_has_ended(file: Path) -> None:
    open_database(f"sqlite:///{file}").close()

    open_database(f"sqlite:///{file}").close()


def test_a_file_that_could_not_be_opened_is_free(file: Path) -> None:
    file.write_bytes(b"this is a text, and a long one at that" * 100)
    with pytest.raises(DatabaseUnavailable, match="not a database"):
        open_database(f"sqlite:///{file}")
    file.unlink()

    open_database(f"sqlite:///{file}").close()


async def test_others_go_on_while_one_waits_for_a_locked_file(
    shared: EmbeddedDatabase, holder: sqlite3.Connection
) -> None:
    waiting = asyncio.create_task(shared.run(ensure_account, ACCOUNT_SID, AUTH_TOKEN, T0))
    turns = 0
    while turns < 1000:
        turns += 1
        await asyncio.sleep(0)
    waited = not waiting.done()

    holder.execute("ROLLBACK")
    made = await asyncio.wait_for(waiting, 5)

    assert waited
    assert shared.unit_of_work.accounts.find(ACCOUNT_SID) == made


async def test_a_file_that_stays_locked_is_an_error_and_no_end(
    shared: EmbeddedDatabase, holder: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_module, "BUSY_TIMEOUT_MS", 20)

    with pytest.raises(DatabaseUnavailable, match="database is locked"):
        await shared.run(ensure_account, ACCOUNT_SID, AUTH_TOKEN, T0)
    holder.execute("ROLLBACK")
    made = await shared.run(ensure_account, ACCOUNT_SID, AUTH_TOKEN, T0)

    assert shared.unit_of_work.accounts.find(ACCOUNT_SID) == made


def grow(database: EmbeddedDatabase, blobs: int = CHECKPOINT_CHANGES) -> None:
    """Write what is worth a checkpoint."""
    connection = database.connection
    connection.cursor().execute("CREATE TABLE blobs (content BLOB)")
    connection.cursor().executemany("INSERT INTO blobs VALUES (randomblob(?))", [[BLOB_BYTES]] * blobs)


def change(database: EmbeddedDatabase) -> None:
    """Write to the log what was there before."""
    database.connection.cursor().execute("UPDATE blobs SET content = randomblob(?)", [BLOB_BYTES])


def file_bytes(database: EmbeddedDatabase) -> int:
    """Return the length of the file, without what is only written ahead."""
    return Path(str(database.url.database)).stat().st_size


def log_bytes(database: EmbeddedDatabase) -> int:
    """Return the length of the write-ahead log's file."""
    return Path(f"{database.url.database}-wal").stat().st_size


async def test_the_write_ahead_log_is_written_back_beside_the_requests(shared: EmbeddedDatabase) -> None:
    wanted_before = shared.wants_checkpoint()
    grow(shared)
    wanted = shared.wants_checkpoint()

    keeping = asyncio.create_task(Housekeeper(shared, FakeClock().now).run())
    await until(lambda: not shared.wants_checkpoint())
    keeping.cancel()

    assert (wanted_before, wanted) == (False, True)
    assert query(shared, "SELECT sum(length(content)) FROM blobs") == [(CHECKPOINT_CHANGES * BLOB_BYTES,)]
    assert file_bytes(shared) > CHECKPOINT_CHANGES * BLOB_BYTES


def test_a_log_that_was_written_back_is_written_over(shared: EmbeddedDatabase) -> None:
    grow(shared)
    length = log_bytes(shared)

    shared.checkpoint()
    kept = log_bytes(shared)
    change(shared)

    assert length == kept == log_bytes(shared)


def test_writers_are_not_waited_for(shared: EmbeddedDatabase, file: Path) -> None:
    grow(shared)
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        shared.checkpoint()

    assert file_bytes(shared) > CHECKPOINT_CHANGES * BLOB_BYTES


@pytest.fixture
def reader(shared: EmbeddedDatabase, file: Path) -> Iterator[sqlite3.Connection]:
    """Let another program read the file as it was before a change."""
    grow(shared)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM blobs").fetchone()
        change(shared)
        yield other


@pytest.mark.parametrize(("most_bytes", "begins_anew"), [(1, True), (LOG_FILE_BYTES, False)])
def test_a_long_log_begins_anew_although_it_was_never_written_back_whole(
    shared: EmbeddedDatabase,
    reader: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
    most_bytes: int,
    *,
    begins_anew: bool,
) -> None:
    class Connection(sqlite3.Connection):
        def execute(self, sql: str, /, parameters: Any = ()) -> sqlite3.Cursor:
            if "RESTART" in sql:
                reader.execute("ROLLBACK")
            return super().execute(sql, parameters)

    monkeypatch.setattr(write_ahead_log, "LOG_FILE_BYTES", most_bytes)
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Connection))
    length = log_bytes(shared)

    shared.checkpoint()
    if reader.in_transaction:
        reader.execute("ROLLBACK")
    change(shared)

    assert (log_bytes(shared) == length) is begins_anew


def test_a_program_that_reads_on_keeps_nobody_from_writing(
    shared: EmbeddedDatabase, reader: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_ahead_log, "LOG_FILE_BYTES", 1)

    shared.checkpoint()
    change(shared)
    length = log_bytes(shared)
    reader.execute("ROLLBACK")
    shared.checkpoint()
    change(shared)

    assert log_bytes(shared) == length


async def test_a_failure_does_not_end_the_housekeeper(
    shared: EmbeddedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([True] * 3)
    checkpoint = EmbeddedDatabase.checkpoint

    def sometimes_failing(database: EmbeddedDatabase) -> None:
        if next(failures, False):
            raise sqlite3.OperationalError("disk I/O error")
        checkpoint(database)

    monkeypatch.setattr(EmbeddedDatabase, "checkpoint", sometimes_failing)
    monkeypatch.setattr(housekeeper_module, "RECOVERY_SECONDS", 0.01)
    grow(shared)

    keeping = asyncio.create_task(Housekeeper(shared, FakeClock().now).run())
    await until(lambda: not shared.wants_checkpoint())
    keeping.cancel()

    assert next(failures, None) is None


@only(SQLITE)
async def test_memory_has_no_log_to_write_back(database: EmbeddedDatabase) -> None:
    assert database.wants_checkpoint() is False
