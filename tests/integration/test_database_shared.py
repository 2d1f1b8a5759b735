"""A database file that others hold: another ringback, another program, a request beside a checkpoint."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringback.operations.accounts import ensure_account
from ringback.simulator import housekeeper as housekeeper_module
from ringback.simulator.housekeeper import Housekeeper
from ringback.storage import sqlite as sqlite_module
from ringback.storage.database import DatabaseUnavailable, open_database
from ringback.storage.schema import migrate
from ringback.storage.sqlite import CHECKPOINT_CHANGES, EmbeddedDatabase
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


def grow(database: EmbeddedDatabase) -> None:
    """Write more than the write-ahead log is to hold."""
    connection = database.connection
    connection.cursor().execute("CREATE TABLE blobs (content BLOB)")
    connection.cursor().executemany("INSERT INTO blobs VALUES (randomblob(?))", [[BLOB_BYTES]] * CHECKPOINT_CHANGES)


def file_bytes(database: EmbeddedDatabase) -> int:
    """Return the length of the file, without what is only written ahead."""
    return Path(str(database.url.database)).stat().st_size


async def test_a_long_write_ahead_log_is_written_back_beside_the_requests(
    shared: EmbeddedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeper_module, "PAUSE_SECONDS", 0.01)
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
    log = Path(f"{shared.url.database}-wal")
    grow(shared)
    length = log.stat().st_size

    shared.checkpoint()
    kept = log.stat().st_size
    shared.connection.cursor().execute("UPDATE blobs SET content = randomblob(?) WHERE rowid < 100", [BLOB_BYTES])

    assert length == kept == log.stat().st_size


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
    monkeypatch.setattr(housekeeper_module, "PAUSE_SECONDS", 0.01)
    grow(shared)

    keeping = asyncio.create_task(Housekeeper(shared, FakeClock().now).run())
    await until(lambda: not shared.wants_checkpoint())
    keeping.cancel()

    assert next(failures, None) is None


@only(SQLITE)
async def test_memory_has_no_log_to_write_back(database: EmbeddedDatabase) -> None:
    assert database.wants_checkpoint() is False
