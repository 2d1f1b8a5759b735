"""Checkpoints of the write-ahead log with concurrent readers and writers, and the restart of a long log."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ringback.storage.sqlite_checkpoint import BUSY_TIMEOUT_MS, LOG_FILE_BYTES, WriteAheadLog
from support.waiting import OBSERVATION_SECONDS, PATIENCE_SECONDS, eventually

PAGE_BYTES = 2_048
ONE_PAGE_IS_LONG = LOG_FILE_BYTES
"""A page size at which a log of one page counts as long."""
ROWS = 100
CHANGE = "UPDATE rows SET content = randomblob(1000)"
PASSIVE, RESTART = "PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(RESTART)"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


@pytest.fixture
def writer(file: Path) -> Iterator[sqlite3.Connection]:
    """Create a file without automatic checkpoints of its log."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE rows (content BLOB)")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO rows VALUES (randomblob(?))", [[1000]] * ROWS)
        connection.execute("COMMIT")
        yield connection


@pytest.fixture
def reader(file: Path, writer: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Open a read transaction, as another program does, and then commit a change."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        read_on(connection)
        writer.execute(CHANGE)
        yield connection


def read_on(connection: sqlite3.Connection) -> None:
    """Start a new read transaction on the current state, which lasts until the connection rolls back."""
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM rows").fetchone()


Watch = Callable[[str], None]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[Watch]:
    """Return a list of functions that are called before each checkpoint. Tests add to it."""
    watchers: list[Watch] = []

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, /, parameters: Any = ()) -> sqlite3.Cursor:
            if sql.startswith("PRAGMA wal_checkpoint"):
                for watch in watchers:
                    watch(sql)
            return super().execute(sql, parameters)

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Connection))
    return watchers


def log_bytes(file: Path) -> int:
    """Return the size of the log's file."""
    return Path(f"{file}-wal").stat().st_size


def test_checkpoint_does_not_wait_for_writers(file: Path, writer: sqlite3.Connection, watched: list[Watch]) -> None:
    ran: list[str] = []
    watched.append(ran.append)
    writer.execute("BEGIN IMMEDIATE")

    with closing(WriteAheadLog(str(file), PAGE_BYTES)) as log:
        is_whole = log.write_back()

    writer.execute("ROLLBACK")
    assert (is_whole, ran) == (True, [PASSIVE])
    assert file.stat().st_size > ROWS * 1000


def test_write_ahead_log_is_overwritten_after_a_checkpoint(file: Path, writer: sqlite3.Connection) -> None:
    length = log_bytes(file)

    with closing(WriteAheadLog(str(file), PAGE_BYTES)) as log:
        log.write_back()
        writer.execute(CHANGE)

    assert log_bytes(file) == length


@pytest.mark.parametrize(("page_bytes", "is_restarted"), [(ONE_PAGE_IS_LONG, True), (PAGE_BYTES, False)])
def test_long_log_is_restarted_even_if_no_checkpoint_was_complete(
    file: Path,
    writer: sqlite3.Connection,
    reader: sqlite3.Connection,
    watched: list[Watch],
    page_bytes: int,
    *,
    is_restarted: bool,
) -> None:
    with closing(WriteAheadLog(str(file), page_bytes)) as log:
        is_whole = [log.write_back()]
        watched.append(lambda sql: reader.rollback() if sql == RESTART else None)
        is_whole.append(log.write_back())
        length = log_bytes(file)
        reader.rollback()
        writer.execute(CHANGE)

    assert is_whole == [False, is_restarted]
    assert (log_bytes(file) == length) is is_restarted


def test_log_restart_that_a_reader_prevents_is_not_retried_at_every_checkpoint(
    file: Path, writer: sqlite3.Connection, reader: sqlite3.Connection, watched: list[Watch]
) -> None:
    ran: list[str] = []
    watched.append(ran.append)
    a_little_less_than_now = log_bytes(file) // PAGE_BYTES * 9 // 10

    with closing(WriteAheadLog(str(file), LOG_FILE_BYTES // a_little_less_than_now)) as log:
        for _ in range(8):
            log.write_back()
            writer.execute(CHANGE)  # each change adds half of the log's initial length
        reader.rollback()
        log.write_back()
        length = log_bytes(file)
        writer.execute(CHANGE)

    assert ran == [PASSIVE, RESTART, PASSIVE, PASSIVE, RESTART, PASSIVE, PASSIVE, RESTART, PASSIVE]
    assert log_bytes(file) == length


def test_restarted_log_is_restarted_again_at_the_same_length(
    file: Path, writer: sqlite3.Connection, reader: sqlite3.Connection, watched: list[Watch]
) -> None:
    ran: list[str] = []
    watched.append(ran.append)
    a_little_less_than_now = log_bytes(file) // PAGE_BYTES * 9 // 10

    with closing(WriteAheadLog(str(file), LOG_FILE_BYTES // a_little_less_than_now)) as log:
        log.write_back()
        log.write_back()  # the reader prevents the restart
        reader.rollback()
        for _ in range(2):
            log.write_back()
            writer.execute(CHANGE)  # restarts the log from the beginning
            log.write_back()
            read_on(reader)
            for _ in range(3):
                writer.execute(CHANGE)  # each change adds half of the log's initial length
            log.write_back()
            reader.rollback()

    assert ran == [PASSIVE, RESTART, PASSIVE, PASSIVE, PASSIVE, RESTART, PASSIVE, PASSIVE]


def test_long_log_is_not_restarted_during_a_checkpoint_by_another_program(
    file: Path, writer: sqlite3.Connection, reader: sqlite3.Connection, watched: list[Watch]
) -> None:
    ran: list[str] = []
    watched.append(ran.append)
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=PATIENCE_SECONDS)
    truncating = threading.Thread(target=lambda: other.execute("PRAGMA wal_checkpoint(TRUNCATE)"))

    with closing(WriteAheadLog(str(file), ONE_PAGE_IS_LONG)) as log:
        log.write_back()
        truncating.start()
        eventually(lambda: not is_free(file), what="the other program's checkpoint")
        log.write_back()
        reader.rollback()
        truncating.join(PATIENCE_SECONDS)
        writer.execute(CHANGE)
        log.write_back()

    other.close()
    assert ran.count(RESTART) == 2


def is_free(file: Path) -> bool:
    """Return True if no checkpoint is in progress."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        return bool(connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1] >= 0)


def test_log_restart_waits_only_briefly(file: Path, writer: sqlite3.Connection, watched: list[Watch]) -> None:
    del writer
    connections: list[sqlite3.Connection] = []
    make = sqlite3.connect

    def kept(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connections.append(make(*arguments, **options))
        return connections[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", kept)
        log = WriteAheadLog(str(file), PAGE_BYTES)
    with closing(log):
        log.write_back()
        [connection] = connections
        timeout = connection.execute("PRAGMA busy_timeout").fetchone()

    assert watched == []
    assert timeout == (BUSY_TIMEOUT_MS,)


def test_closing_the_log_waits_for_a_checkpoint_and_prevents_later_ones(
    file: Path, writer: sqlite3.Connection, watched: list[Watch]
) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def hold_up(_: str) -> None:
        begun.set()
        assert may_end.wait(PATIENCE_SECONDS)

    watched.append(hold_up)
    log = WriteAheadLog(str(file), PAGE_BYTES)
    writing = threading.Thread(target=log.write_back)
    closing_it = threading.Thread(target=log.close)
    writing.start()
    assert begun.wait(PATIENCE_SECONDS)
    closing_it.start()
    closing_it.join(OBSERVATION_SECONDS)
    waits = closing_it.is_alive()
    may_end.set()
    writing.join(PATIENCE_SECONDS)
    closing_it.join(PATIENCE_SECONDS)
    watched.clear()

    is_whole = log.write_back()
    writer.close()

    assert (waits, is_whole) == (True, False)
    assert not Path(f"{file}-wal").exists()
