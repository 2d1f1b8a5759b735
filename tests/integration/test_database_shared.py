"""A database file that other processes or threads use: another ringback, another program, a checkpoint."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ringback.operations.accounts import ensure_account
from ringback.simulator.background import Housekeeper
from ringback.storage import sqlite_checkpoint as write_ahead_log
from ringback.storage import sqlite_database as sqlite_module
from ringback.storage.database_factory import open_database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.schema import migrate
from ringback.storage.sqlite_checkpoint import WriteAheadLog
from ringback.storage.sqlite_database import CHECKPOINT_CHANGES, SqliteDatabase
from ringback.storage.unit_of_work import UnitOfWork
from support.clocks import FakeClock
from support.databases.templates import SQLITE, only
from support.domain_values import ACCOUNT_SID, AUTH_TOKEN, T0
from support.in_process.simulation import query
from support.polling import until
from support.waiting import PATIENCE_SECONDS

BLOB_BYTES = 4_096

pytestmark = pytest.mark.anyio


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


@pytest.fixture
def shared(file: Path) -> Iterator[SqliteDatabase]:
    database = open_database(f"sqlite:///{file}")
    migrate(database)
    assert isinstance(database, SqliteDatabase)
    yield database
    database.close()


@pytest.fixture
def holder(file: Path, shared: SqliteDatabase) -> Iterator[sqlite3.Connection]:
    """Lock the file in another program."""
    assert shared.url.database == str(file)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


def test_database_file_can_be_used_by_only_one_server(file: Path, shared: SqliteDatabase) -> None:
    with pytest.raises(DatabaseUnavailable) as refusal:
        open_database(f"sqlite:///{file}")

    assert str(refusal.value) == (
        f"another ringback is using the database file {shared.url.database}: "
        "stop it, or choose another file with --database-url or RINGBACK_DATABASE_URL"
    )


def test_database_file_in_use_is_recognized_under_every_name(file: Path, shared: SqliteDatabase) -> None:
    link = file.with_name("link.db")
    link.symlink_to(file)

    with pytest.raises(DatabaseUnavailable, match=str(shared.url.database)):
        open_database(f"sqlite:///{link}")


def test_database_file_is_unlocked_after_its_server_has_ended(file: Path) -> None:
    open_database(f"sqlite:///{file}").close()

    open_database(f"sqlite:///{file}").close()


def test_database_file_that_could_not_be_opened_is_unlocked(file: Path) -> None:
    file.write_bytes(b"this is a text, and a long one at that" * 100)
    with pytest.raises(DatabaseUnavailable, match="not a database"):
        open_database(f"sqlite:///{file}")
    file.unlink()

    open_database(f"sqlite:///{file}").close()


async def test_other_operations_continue_while_one_waits_for_a_locked_database_file(
    shared: SqliteDatabase, holder: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_module, "BUSY_TIMEOUT_MS", 2 * PATIENCE_SECONDS * 1000)
    waiting = asyncio.create_task(shared.run(ensure_account, ACCOUNT_SID, AUTH_TOKEN, T0))
    turns = 0
    while turns < 1000:
        turns += 1
        await asyncio.sleep(0)
    waited = not waiting.done()

    holder.execute("ROLLBACK")
    made = await asyncio.wait_for(waiting, PATIENCE_SECONDS)

    assert waited
    assert shared.unit_of_work.accounts.find(ACCOUNT_SID) == made


async def test_operation_on_a_database_file_that_stays_locked_fails_after_a_timeout(
    shared: SqliteDatabase, holder: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_module, "BUSY_TIMEOUT_MS", 20)

    with pytest.raises(DatabaseUnavailable, match="database is locked"):
        await shared.run(ensure_account, ACCOUNT_SID, AUTH_TOKEN, T0)
    holder.execute("ROLLBACK")
    made = await shared.run(ensure_account, ACCOUNT_SID, AUTH_TOKEN, T0)

    assert shared.unit_of_work.accounts.find(ACCOUNT_SID) == made


def grow(database: SqliteDatabase, blobs: int = CHECKPOINT_CHANGES) -> None:
    """Commit enough changes for a checkpoint."""
    with database.unit_of_work:
        database.connection.cursor().execute("CREATE TABLE blobs (content BLOB)")
        add_blobs(database, blobs)


def add_blobs(database: SqliteDatabase, blobs: int) -> None:
    database.connection.cursor().executemany("INSERT INTO blobs VALUES (randomblob(?))", [[BLOB_BYTES]] * blobs)


def file_bytes(database: SqliteDatabase) -> int:
    """Return the size of the main database file, without its write-ahead log."""
    return Path(str(database.url.database)).stat().st_size


@asynccontextmanager
async def running_housekeeper(database: SqliteDatabase, **seconds: float) -> AsyncIterator[None]:
    """Run a housekeeper."""
    housekeeper = Housekeeper(database, FakeClock().now, database.process_state.change_notifier, **seconds)
    tasks = [asyncio.create_task(work()) for work in (housekeeper.run_checkpoints, housekeeper.run_pruning)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_write_ahead_log_is_checkpointed_during_requests(shared: SqliteDatabase) -> None:
    wanted_before = shared.wants_checkpoint()
    grow(shared)
    wanted = shared.wants_checkpoint()

    async with running_housekeeper(shared):
        await until(lambda: not shared.wants_checkpoint())

    assert (wanted_before, wanted) == (False, True)
    assert query(shared, "SELECT sum(length(content)) FROM blobs") == [(CHECKPOINT_CHANGES * BLOB_BYTES,)]
    assert file_bytes(shared) > CHECKPOINT_CHANGES * BLOB_BYTES


async def test_pruning_in_steps_does_not_delay_the_checkpoint(
    shared: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def prune_repeatedly(_: Housekeeper) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Housekeeper, "prune", prune_repeatedly)

    async with running_housekeeper(shared, prune_seconds=0.001):
        await begun.wait()
        grow(shared)
        await until(lambda: not shared.wants_checkpoint())

    assert file_bytes(shared) > CHECKPOINT_CHANGES * BLOB_BYTES


async def test_partial_checkpoint_is_repeated(shared: SqliteDatabase, file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM accounts").fetchone()
        grow(shared)
        await shared.checkpoint()
        wanted_beside_a_reader = shared.wants_checkpoint()
    await shared.checkpoint()

    assert (wanted_beside_a_reader, shared.wants_checkpoint()) == (True, False)


async def test_checkpoint_is_skipped_without_a_commit_since_the_last_one(
    shared: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_back = WriteAheadLog.write_back

    def write_back_during_a_request(log: WriteAheadLog) -> bool:
        is_whole = write_back(log)
        with shared.unit_of_work:
            add_blobs(shared, CHECKPOINT_CHANGES)
        return is_whole

    monkeypatch.setattr(WriteAheadLog, "write_back", write_back_during_a_request)
    grow(shared)
    await shared.checkpoint()
    after_the_commit = shared.wants_checkpoint()
    with suppress(ZeroDivisionError), shared.unit_of_work:
        add_blobs(shared, CHECKPOINT_CHANGES)
        raise ZeroDivisionError
    after_the_rollback = shared.wants_checkpoint()
    with shared.unit_of_work:
        add_blobs(shared, CHECKPOINT_CHANGES)

    assert (after_the_commit, after_the_rollback) == (False, False)
    assert shared.wants_checkpoint()


@pytest.mark.parametrize(("blobs_between", "times"), [(0, 1), (1, 2)])
async def test_long_write_ahead_log_is_checkpointed_twice_after_a_commit(
    file: Path, monkeypatch: pytest.MonkeyPatch, blobs_between: int, times: int
) -> None:
    monkeypatch.setattr(write_ahead_log, "LOG_FILE_BYTES", 1)
    written: list[bool] = []
    write_back, sleep = WriteAheadLog.write_back, asyncio.sleep

    def counted(log: WriteAheadLog) -> bool:
        written.append(write_back(log))
        return written[-1]

    async def commit_and_sleep(seconds: float) -> None:
        assert isinstance(database, SqliteDatabase)
        with database.unit_of_work:
            add_blobs(database, blobs_between)
        await sleep(seconds)

    database = open_database(f"sqlite:///{file}")
    assert isinstance(database, SqliteDatabase)
    grow(database)
    monkeypatch.setattr(WriteAheadLog, "write_back", counted)
    monkeypatch.setattr(asyncio, "sleep", commit_and_sleep)
    await database.checkpoint()
    monkeypatch.undo()
    database.close()

    assert written == [True] * times


def test_change_counter_may_wrap_around_to_negative_values(
    shared: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 2**31 - 1
    counts = iter([most - 10, most - 2**32 + 40])
    before = shared.unit_of_work.changed_rows
    monkeypatch.setattr(UnitOfWork, "_total_changes", property(lambda _: next(counts)))

    with shared.unit_of_work:
        pass

    assert shared.unit_of_work.changed_rows - before == 50


async def test_failed_checkpoint_does_not_end_the_housekeeper_and_is_logged_in_one_line(
    shared: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([True] * 3)
    write_back = WriteAheadLog.write_back

    def sometimes_failing(log: WriteAheadLog) -> bool:
        if next(failures, False):
            raise sqlite3.OperationalError("disk I/O error")
        return write_back(log)

    monkeypatch.setattr(WriteAheadLog, "write_back", sometimes_failing)
    grow(shared)

    with capture_logs() as lines:
        async with running_housekeeper(shared, retry_seconds=0.01):
            await until(lambda: not shared.wants_checkpoint())

    warnings = [
        (line["log_level"], line["tasks"], line.get("reason")) for line in lines if line["log_level"] == "warning"
    ]
    assert next(failures, None) is None
    assert warnings == [("warning", ["checkpoint"], f"cannot use the database {shared.url}: disk I/O error")]


async def test_failed_checkpoint_is_retried_after_a_pause(
    shared: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def failing(_: WriteAheadLog) -> bool:
        seen.append("failure")
        raise sqlite3.OperationalError("disk I/O error")

    async def pruned(_: Housekeeper) -> None:
        seen.append("pruned")

    monkeypatch.setattr(WriteAheadLog, "write_back", failing)
    monkeypatch.setattr(Housekeeper, "prune", pruned)
    grow(shared)
    seconds = {"checkpoint_seconds": 0.001, "prune_seconds": 0.01, "retry_seconds": 3_600.0}

    async with running_housekeeper(shared, **seconds):
        await until(lambda: "failure" in seen)
        seen.clear()
        await until(lambda: len(seen) >= 5)

    assert "failure" not in seen


@only(SQLITE)
async def test_database_in_memory_is_not_checkpointed(database: SqliteDatabase) -> None:
    grow(database)

    assert database.wants_checkpoint() is False
    await database.checkpoint()
