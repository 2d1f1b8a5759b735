"""ringback's lock on a SQLite file, which does not interfere with SQLite's own locks."""

import errno
import fcntl
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ringback.storage import sqlite_lock
from ringback.storage.database import Database
from ringback.storage.database_factory import open_database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.schema import migrate

CHECK_AS_LAST_CONNECTION = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
connection.execute("PRAGMA journal_mode = DELETE")  # SQLite allows that only to the last connection
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


@pytest.fixture
def database(file: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{file}")
    migrate(opened)
    yield opened
    opened.close()


def opened_by_another_process(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CHECK_AS_LAST_CONNECTION, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603


@pytest.mark.usefixtures("database")
def test_sqlite_locks_survive_a_refused_second_attempt_to_open_the_file(file: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="another ringback is using"):
        open_database(f"sqlite:///{file}")

    other = opened_by_another_process(file)

    assert "database is locked" in other.stderr


@pytest.mark.usefixtures("database")
def test_sqlite_locks_survive_a_refused_attempt_to_open_the_file_under_another_name(file: Path) -> None:
    link = file.with_name("link.db")
    link.hardlink_to(file)
    with pytest.raises(DatabaseUnavailable, match="another ringback is using"):
        open_database(f"sqlite:///{link}")

    other = opened_by_another_process(file)

    assert "database is locked" in other.stderr


def test_lock_file_is_removed_on_close(file: Path) -> None:
    open_database(f"sqlite:///{file}").close()

    assert [path.name for path in file.parent.iterdir()] == ["x.db"]


@pytest.fixture
def older_server(file: Path) -> Iterator[None]:
    """Lock the file as ringback 0.1.0 does."""
    with closing(sqlite3.connect(f"{file}.lock", isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        yield


@pytest.mark.usefixtures("older_server")
def test_database_file_in_use_by_an_older_version_is_refused(file: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="another ringback is using"):
        open_database(f"sqlite:///{file}")


@pytest.fixture
def conflicting_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make flock and POSIX locks exclude each other, as on NFS and on macOS."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(fcntl, "lockf", refuse)


@pytest.fixture
def unsupported_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.fixture
def no_fcntl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_lock, "fcntl", None)


@pytest.mark.parametrize("system", ["conflicting_locks", "unsupported_flock", "no_fcntl"])
def test_lock_file_is_used_where_flock_cannot_lock_the_database(
    file: Path, system: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(system)
    database = open_database(f"sqlite:///{file}")
    migrate(database)

    with (
        closing(sqlite3.connect(f"{file}.lock", timeout=0, isolation_level=None)) as other,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("BEGIN EXCLUSIVE")
    database.close()

    open_database(f"sqlite:///{file}").close()


@pytest.mark.usefixtures("conflicting_locks")
def test_hard_linked_file_is_refused_where_flock_cannot_lock_it(file: Path) -> None:
    file.touch()
    file.with_name("link.db").hardlink_to(file)

    with pytest.raises(DatabaseUnavailable, match="has 2 hard links"):
        open_database(f"sqlite:///{file}")


def test_lock_is_released_even_if_a_forked_process_has_inherited_it(file: Path) -> None:
    database = open_database(f"sqlite:///{file}")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write)
        os.read(read, 1)
        os._exit(0)
    database.close()

    open_database(f"sqlite:///{file}").close()

    os.close(write)
    os.close(read)
    os.waitpid(child, 0)


@pytest.mark.parametrize("kind", ["folder", "FIFO", "device"])
def test_database_path_that_is_not_a_regular_file_is_refused(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "x"
    if kind == "folder":
        file.mkdir()
    elif kind == "FIFO":
        os.mkfifo(file)
    else:
        file = Path("/dev/null")

    with pytest.raises(DatabaseUnavailable, match=f"cannot use {file} as a database") as refusal:
        open_database(f"sqlite:///{file}")

    assert str(refusal.value).endswith("choose another file with --database-url or RINGBACK_DATABASE_URL")


def test_read_only_database_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)

    with pytest.raises(DatabaseUnavailable, match="for reading and writing: Permission denied") as refusal:
        open_database(f"sqlite:///{tmp_path / 'x.db'}")

    assert f"writable for user {os.geteuid()}, or choose another file" in str(refusal.value)
