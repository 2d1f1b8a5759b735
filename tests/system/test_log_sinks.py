"""A log that cannot be written, which must neither block nor stop the server."""

import fcntl
import json
import os
import pty
import shlex
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.databases.disk_space import SmallDisk, small_disk
from support.databases.postgresql import migrated_database
from support.servers.log_sinks import COMMAND, RunningServer, running_server
from support.waiting import PATIENCE_SECONDS, eventually

REQUESTS = 100
PIPE_BYTES = 4096
"""The smallest capacity that a pipe can have."""

pytestmark = pytest.mark.slow


def work(server: RunningServer) -> None:
    """Verify 100 numbers, and check that the server is still ready."""
    server.wait_until_verified(server.validate(REQUESTS))
    assert server.is_ready()


def small_pipe() -> tuple[int, int]:
    """Return the ends of a pipe with a small buffer."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return reader, writer


class Reading:
    """A thread that reads a log and stores its lines."""

    def __init__(self, reader: int) -> None:
        self.lines: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._read, args=[reader], daemon=True)
        self._thread.start()

    def _read(self, reader: int) -> None:
        with os.fdopen(reader, "rb") as log:
            for line in log:
                self.lines.append(json.loads(line))

    def posts(self) -> int:
        """Return the number of validation requests in the log."""
        return len([line for line in self.lines if line["event"] == "request" and line["method"] == "POST"])

    def join(self) -> None:
        """Wait for the end of the log, when all writers have ended."""
        self._thread.join(PATIENCE_SECONDS)


def test_server_continues_after_the_reader_of_its_log_exits(tmp_path: Path) -> None:
    command = ["bash", "-c", f"exec {shlex.join(COMMAND)} 2> >(head -1 >/dev/null)"]

    with running_server(tmp_path, command=command) as server:
        work(server)
        eventually(lambda: server.dropped_lines() > 0, what="lines dropped", seconds=PATIENCE_SECONDS)
        status = server.stop()

    assert status == 0


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_server_continues_after_its_terminal_is_closed(tmp_path: Path, log_format: str) -> None:
    screen, terminal = pty.openpty()
    with running_server(tmp_path, stdout=terminal, stderr=terminal, log_format=log_format) as server:
        os.close(terminal)
        os.close(screen)
        work(server)
        eventually(lambda: server.dropped_lines() > 0, what="lines dropped", seconds=PATIENCE_SECONDS)
        status = server.stop()

    assert status == 0


def test_server_works_with_standard_streams_closed_at_startup(tmp_path: Path) -> None:
    command = ["bash", "-c", f"exec {shlex.join(COMMAND)} <&- >&- 2>&-"]
    database = tmp_path / "closed.db"

    with running_server(tmp_path, command=command, database_url=f"sqlite:///{database}", log_format="") as server:
        work(server)
        opened = [Path(f"/proc/{server.process.pid}/fd/{number}").readlink() for number in (0, 1, 2)]
        status = server.stop()

    assert status == 0
    assert opened == [Path(os.devnull)] * 3


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_server_works_with_one_standard_stream_closed_at_startup(tmp_path: Path, closed: str) -> None:
    with running_server(tmp_path, command=["bash", "-c", f"exec {shlex.join(COMMAND)} {closed}"]) as server:
        work(server)
        status = server.stop()

    assert status == 0


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    with migrated_database() as url:
        yield url


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk") as mounted:
        if mounted is None:
            pytest.skip("mounting a small disk requires root privileges")
        yield mounted


def test_log_continues_when_its_disk_has_space_again(tmp_path: Path, disk: SmallDisk) -> None:
    file = disk.folder / "ringback.log"
    with file.open("ab") as log, running_server(tmp_path, stderr=log.fileno()) as server:
        disk.use_up()
        work(server)
        full = file.read_bytes()
        disk.free()
        numbers = server.validate(1, first=REQUESTS)
        server.wait_until_verified(numbers)
        status = server.stop()

    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    posts = [line for line in lines if line["event"] == "request" and line["method"] == "POST"]
    assert status == 0
    assert file.read_bytes().startswith(full)
    assert len(posts) == REQUESTS + 1
    assert [line["timestamp"] for line in lines] == sorted(line["timestamp"] for line in lines)


def test_non_blocking_log_with_a_paused_reader_loses_no_line(tmp_path: Path) -> None:
    reader, writer = small_pipe()
    os.set_blocking(writer, False)
    with running_server(tmp_path, stderr=writer) as server:
        os.close(writer)
        work(server)
        dropped = server.dropped_lines()
        log = Reading(reader)
        eventually(lambda: log.posts() == REQUESTS, what="all lines in the log", seconds=PATIENCE_SECONDS)
        status = server.stop()
    log.join()

    assert (status, dropped, log.posts()) == (0, 0, REQUESTS)
    assert [line["timestamp"] for line in log.lines] == sorted(line["timestamp"] for line in log.lines)


def test_server_with_an_unread_log_continues_and_can_be_stopped(tmp_path: Path) -> None:
    reader, writer = small_pipe()
    with running_server(tmp_path, stderr=writer, stdout=writer) as server:
        os.close(writer)
        work(server)
        server.wait_until_verified(server.validate(300, first=REQUESTS))
        began = time.monotonic()
        status = server.stop()
        print(f"stopped within {time.monotonic() - began:.1f} s")  # noqa: T201
    os.close(reader)

    assert status == 0


def test_workers_with_an_unread_log_can_be_stopped(tmp_path: Path, database_url: str) -> None:
    reader, writer = small_pipe()
    with running_server(tmp_path, stderr=writer, database_url=database_url, workers=2) as server:
        os.close(writer)
        work(server)
        status = server.stop()
    os.close(reader)

    assert status == 0


def test_log_lines_of_workers_are_not_mixed(tmp_path: Path, database_url: str) -> None:
    reader, writer = os.pipe()
    with running_server(tmp_path, stderr=writer, database_url=database_url, workers=2) as server:
        os.close(writer)
        log = Reading(reader)
        server.http.headers["Connection"] = "close"  # so that both workers get requests
        server.wait_until_verified(server.validate(REQUESTS, first=2 * REQUESTS))
        eventually(lambda: log.posts() == REQUESTS, what="all lines in the log", seconds=PATIENCE_SECONDS)
        status = server.stop()
    log.join()

    assert (status, log.posts()) == (0, REQUESTS)
