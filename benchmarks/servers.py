"""The measured servers: started on a free port of 127.0.0.1, and stopped afterwards."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import BenchmarkFailed

HOST = "127.0.0.1"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.002
OK = 200
USER_TICKS, SYSTEM_TICKS = 11, 12
"""Columns of /proc/<pid>/stat, counted after the program's name."""
UVICORN_OPTIONS = ["--http=httptools", "--loop=uvloop", "--ws=none", "--no-access-log", "--log-level=error"]


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, and the time from the start of its process to its first successful response."""

    process: subprocess.Popen[bytes]
    port: int
    ready_seconds: float

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def resident_megabytes(self) -> float:
        """The resident memory (VmRSS) in megabytes of 1,000,000 bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(kibibytes) * 1024 / 1_000_000

    @property
    def processor_seconds(self) -> float:
        """The processor time that the process has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[USER_TICKS]) + int(fields[SYSTEM_TICKS])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def hello() -> Iterator[Server]:
    """Run the application `hello` with a bare uvicorn."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.hello:app", f"--port={port}", *UVICORN_OPTIONS]
    with running(command, port, "/", Path(__file__).parents[1]) as server:
        yield server


@contextmanager
def ringback(folder: Path, database: str, *options: str) -> Iterator[Server]:
    """Run ``ringback serve`` with the SQLite file `database` in `folder`. Its log is discarded."""
    with ringback_on(folder, f"sqlite:///{folder / database}", *options) as server:
        yield server


@contextmanager
def ringback_on(folder: Path, database_url: str, *options: str) -> Iterator[Server]:
    """Run ``ringback serve`` in `folder` with any database."""
    port = free_port()
    command = [sys.executable, "-m", "ringback", "serve", f"--port={port}", f"--database-url={database_url}"]
    command += ["--log-level=info", "--log-format=json", *options]
    with running(command, port, "/readyz", folder) as server:
        yield server


@contextmanager
def running(command: list[str], port: int, path: str, folder: Path) -> Iterator[Server]:
    """Start a server, wait until GET `path` returns 200, and stop it when the block ends."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=environment(),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_answered(process, port, path)
        yield Server(process, port, time.perf_counter() - started)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def environment() -> dict[str, str]:
    """Return the environment without ringback's settings, and with bytecode caching enabled."""
    left_out = ("RINGBACK_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


def _wait_until_answered(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _is_answered(port, path):
            return
        time.sleep(POLL_SECONDS)
    raise BenchmarkFailed(f"a server did not start: {' '.join(map(str, process.args))}")  # type: ignore[arg-type]


def _is_answered(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=STOP_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == OK
    except OSError:
        return False
    finally:
        connection.close()


def free_port() -> int:
    """Return a port on which no process listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
