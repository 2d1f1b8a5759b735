"""PgBouncer in transaction mode, in front of a PostgreSQL server."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL

from support.databases.severable_proxy import SeverableProxy
from support.servers.server import free_port
from support.waiting import eventually

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
START_SECONDS = 60.0
SERVER_CONNECTIONS = 4
"""Number of server connections. A replica has more threads, so a thread's transactions use different connections."""
CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {server_connections}
max_client_conn = 500
logfile = {folder}/log
"""


class PgBouncer:
    """A connection pooler that can be stopped and restarted on the same port."""

    def __init__(self, server: URL, server_port: int, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "users").write_text(f'"{server.username or "postgres"}" ""\n')
        (folder / "pgbouncer.ini").write_text(
            CONFIGURATION.format(
                server_port=server_port, port=self._port, folder=folder, server_connections=SERVER_CONNECTIONS
            )
        )

    @property
    def url(self) -> URL:
        """The URL of the database through the pooler."""
        return self._server.set(host="127.0.0.1", port=self._port, query={})

    def start(self) -> None:
        assert PROGRAM
        command = [PROGRAM, str(self._folder / "pgbouncer.ini")]
        if os.geteuid() == 0:  # PgBouncer refuses to run as root
            nobody = pwd.getpwnam("nobody")
            for path in (self._folder, *self._folder.iterdir()):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
            command[1:1] = ["-u", "nobody"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
        eventually(self._is_ready, what="pgbouncer answers", seconds=START_SECONDS)

    def _is_ready(self) -> bool:
        with suppress(psycopg.OperationalError), self.connect():
            return True
        return False

    def connect(self) -> psycopg.Connection:
        """Connect to the database through the pooler."""
        url = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(url, autocommit=True, prepare_threshold=None)

    def stop(self) -> None:
        """Kill the process with SIGKILL."""
        if self._process:
            self._process.kill()
            self._process.wait(START_SECONDS)
            self._process = None


@contextmanager
def pgbouncer_before(server: URL) -> Iterator[PgBouncer]:
    """Run PgBouncer in front of the server that a database URL names."""
    if PROGRAM is None:
        pytest.skip("pgbouncer is not installed")
    folder = Path(tempfile.mkdtemp(prefix="ringback-pgbouncer-"))  # other users cannot read pytest's folders
    with SeverableProxy(server) as line:
        pooler = PgBouncer(server, line.port, folder)
        pooler.start()
        try:
            yield pooler
        finally:
            pooler.stop()
            shutil.rmtree(folder)
