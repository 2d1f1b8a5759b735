"""The SQLite file of a running server: opened twice, deleted, moved, replaced or damaged."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import httpx
import pytest

from support.databases.disk_space import small_disk
from support.servers.seeds import number_at
from support.servers.server import ACCOUNT_SID, COMMAND, ServerProcess, caller_ids_path
from support.waiting import eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the tests delete open files, and use flock as on Linux"),
]

LIST = f"{caller_ids_path()}.json"
WAIT_SECONDS = 60.0
UNAVAILABLE = {
    "code": 20503,
    "message": "Service Unavailable",
    "more_info": "https://www.twilio.com/docs/errors/20503",
    "status": 503,
}
_positions = count()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ringback.db"


@pytest.fixture
def server(file: Path) -> Iterator[ServerProcess]:
    with serving(file) as running:
        yield running


@pytest.fixture
def http(server: ServerProcess) -> Iterator[httpx.Client]:
    with server.client() as client:
        client.timeout = httpx.Timeout(WAIT_SECONDS)
        yield client


def serving(file: Path) -> ServerProcess:
    return ServerProcess(covered=False, database_url=f"sqlite:///{file}")


def post(http: httpx.Client) -> httpx.Response:
    return http.post(LIST, data={"PhoneNumber": number_at(next(_positions) % 1000)})


def reason_not_ready(http: httpx.Client) -> str | None:
    answer = http.get("/readyz")
    return None if answer.is_success else str(answer.json()["reason"])


def wait_until_ready(http: httpx.Client) -> None:
    eventually(lambda: reason_not_ready(http) is None, what="ready", seconds=WAIT_SECONDS)


def refusal_of(server: ServerProcess) -> str:
    """Start a server that must refuse to start, and return its one line of output."""
    with pytest.raises(AssertionError):
        server.start()
    assert server.process is not None
    assert server.process.wait(WAIT_SECONDS) == 1
    [line] = [entry["event"] for entry in server.log[:-1]]
    return str(line)


def link_to(file: Path, kind: str) -> Path:
    other = file.parent / "elsewhere" / "other.db"
    other.parent.mkdir()
    if kind == "hard link":
        other.hardlink_to(file)
    else:
        other.symlink_to(file)
    return other


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("kind", ["hard link", "symbolic link"])
def test_second_server_on_a_file_under_another_name_is_refused(file: Path, kind: str) -> None:
    line = refusal_of(serving(link_to(file, kind)))

    assert "another ringback is using the database file" in line
    assert "--database-url" in line


@pytest.mark.usefixtures("server")
def test_second_server_on_a_file_mounted_in_another_mount_namespace_is_refused(file: Path) -> None:
    with namespace_with_the_file(file) as other:
        line = refusal_of(other)

    assert "another ringback is using the database file" in line


@contextmanager
def namespace_with_the_file(file: Path) -> Iterator[ServerProcess]:
    """Run a server in another mount namespace, in which only the file is mounted, under another name."""
    unshare = shutil.which("unshare")
    if os.geteuid() != 0 or not unshare or subprocess.run([unshare, "-m", "true"], check=False).returncode:  # noqa: S603
        pytest.skip("mount namespaces require root privileges")
    mounted = file.parent / "container" / "data.db"
    mounted.parent.mkdir()
    mounted.touch()
    script = f'mount --bind "{file}" "{mounted}" && exec "$0" "$@"'
    command = [unshare, "-m", "sh", "-c", script, *COMMAND]
    yield ServerProcess(covered=False, command=command, database_url=f"sqlite:///{mounted}")


def test_file_of_a_server_that_was_killed_can_be_opened_under_another_name(server: ServerProcess, file: Path) -> None:
    other = link_to(file, "hard link")
    server.stop()

    with serving(other) as again, again.client() as http:
        assert post(http).status_code == 200


def delete(file: Path) -> None:
    file.unlink()


def delete_with_side_files(file: Path) -> None:
    for path in (file, *side_files(file)):
        path.unlink()


def move_away(file: Path) -> None:
    file.rename(file.with_name("moved.db"))


def replace_by_a_backup(file: Path) -> None:
    backup = file.with_name("backup.db")
    with (
        closing(sqlite3.connect(backup)) as target,
        closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as source,
    ):
        source.backup(target)
    backup.rename(file)


def delete_the_log(file: Path) -> None:
    side_files(file)[0].unlink()


def side_files(file: Path) -> tuple[Path, Path]:
    return file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")


def test_truncated_file_causes_503_until_restart_and_fails_readiness(file: Path) -> None:
    with serving(file) as first, first.client() as http:
        assert post(http).status_code == 200
    with serving(file) as server, server.client() as http:
        before = post(http)

        os.truncate(file, file.stat().st_size // 2)
        answers = [post(http) for _ in range(5)]
        reason = reason_not_ready(http)

    assert before.status_code == 200
    assert [(answer.status_code, answer.json()) for answer in answers] == [(503, UNAVAILABLE)] * 5
    assert reason is not None
    assert "was truncated" in reason


def test_file_that_another_program_has_vacuumed_is_still_used(file: Path, http: httpx.Client) -> None:
    with closing(sqlite3.connect(file, timeout=WAIT_SECONDS)) as connection:
        connection.execute("CREATE TABLE filling (data BLOB)")
        connection.execute("INSERT INTO filling VALUES (zeroblob(500000))")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        large = file.stat().st_size
        assert post(http).status_code == 200
        connection.execute("DROP TABLE filling")
        connection.commit()
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    assert file.stat().st_size < large
    assert [post(http).status_code for _ in range(5)] == [200] * 5
    assert reason_not_ready(http) is None


@pytest.mark.parametrize("lose", [delete, delete_with_side_files, move_away, replace_by_a_backup, delete_the_log])
def test_deleted_file_causes_503_and_fails_readiness(
    file: Path, http: httpx.Client, lose: Callable[[Path], None]
) -> None:
    before = post(http)

    lose(file)
    posts = [post(http) for _ in range(20)]
    control = http.get(f"/_ringback/accounts/{ACCOUNT_SID}/calls")
    reads = [http.get(LIST) for _ in range(20)]
    reason = reason_not_ready(http)

    assert before.status_code == 200
    assert [(answer.status_code, answer.json()) for answer in posts] == [(503, UNAVAILABLE)] * 20
    assert all("Retry-After" in answer.headers for answer in posts)
    assert {answer.status_code for answer in reads} == {503}
    assert control.status_code == 503
    assert reason is not None
    assert "was deleted, moved or replaced" in reason
    assert http.get("/livez").status_code == 200


def test_unmounted_folder_causes_503(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        if disk is None:
            pytest.skip("mounting a small disk requires root privileges")
        with serving(disk.folder / "ringback.db") as server, server.client() as http:
            before = post(http)
            subprocess.run(["umount", "-l", str(disk.folder)], check=True)  # noqa: S603, S607
            try:
                after = post(http)
                reason = reason_not_ready(http)
            finally:
                subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(disk.folder)], check=True)  # noqa: S603, S607

    assert (before.status_code, after.status_code) == (200, 503)
    assert reason is not None
    assert "was deleted, moved or replaced" in reason


def test_deleted_file_is_detected_without_a_request(file: Path, server: ServerProcess, http: httpx.Client) -> None:
    file.unlink()

    eventually(lambda: http.get(LIST).status_code == 503, what="a read answers 503", seconds=WAIT_SECONDS)

    server.wait_for_log(lambda line: "was deleted, moved or replaced" in str(line.get("reason")), WAIT_SECONDS)


def test_restored_file_is_used_again(file: Path, server: ServerProcess, http: httpx.Client) -> None:
    paths = [file, *side_files(file)]
    before = post(http)
    for path in paths:
        path.rename(path.with_name(f"away-{path.name}"))
    lost = post(http)

    for path in paths:
        path.with_name(f"away-{path.name}").rename(path)
    wait_until_ready(http)
    after = post(http)
    server.stop()

    assert (before.status_code, lost.status_code, after.status_code) == (200, 503, 200)
    with closing(sqlite3.connect(file)) as connection:
        stored = {sid for (sid,) in connection.execute("SELECT sid FROM validation_calls")}
    assert stored == {before.json()["call_sid"], after.json()["call_sid"]}


@pytest.mark.parametrize("lose", [delete, replace_by_a_backup, delete_with_side_files])
def test_second_server_at_the_path_of_a_deleted_file_keeps_its_calls(
    file: Path, server: ServerProcess, http: httpx.Client, lose: Callable[[Path], None]
) -> None:
    assert post(http).status_code == 200
    lose(file)
    eventually(lambda: reason_not_ready(http), what="noticed", seconds=WAIT_SECONDS)

    with serving(file) as second, second.client() as to_second:
        answered = [post(to_second) for _ in range(5)]
        beside = post(http)
        server.stop()
        answered += [post(to_second) for _ in range(5)]
        second.kill()

    assert [answer.status_code for answer in answered] == [200] * 10
    assert beside.status_code == 503
    with serving(file) as third, third.client() as to_third:
        sids = {answer.json()["call_sid"] for answer in answered}
        found = {
            sid for sid in sids if to_third.get(f"{caller_ids_path().rpartition('/')[0]}/Calls/{sid}.json").is_success
        }
    assert found == sids
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_second_server_at_the_path_of_a_replaced_file_waits_until_its_log_is_removed(
    file: Path, server: ServerProcess, http: httpx.Client
) -> None:
    assert post(http).status_code == 200
    with stopped(server):
        replace_by_a_backup(file)
        line = refusal_of(serving(file))
    eventually(lambda: not side_files(file)[0].exists(), what="removed the log", seconds=WAIT_SECONDS)

    with serving(file) as second, second.client() as to_second:
        answer = post(to_second)
        server.stop()
        second.kill()

    assert "was replaced while another ringback was using it" in line
    assert answer.status_code == 200
    with closing(sqlite3.connect(file)) as connection:
        assert (answer.json()["call_sid"],) in connection.execute("SELECT sid FROM validation_calls").fetchall()


@contextmanager
def stopped(server: ServerProcess) -> Iterator[None]:
    """Stop the process with SIGSTOP, as a machine under heavy load may do, and let it continue afterwards."""
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


def test_acknowledged_requests_survive_a_deleted_log_and_a_crash(
    file: Path, server: ServerProcess, http: httpx.Client
) -> None:
    answered = [post(http) for _ in range(5)]

    delete_the_log(file)
    eventually(lambda: reason_not_ready(http), what="noticed", seconds=WAIT_SECONDS)
    server.wait_for_log(lambda line: "write-ahead log" in str(line.get("reason")), WAIT_SECONDS)
    eventually(lambda: stored_calls(file) >= {answer.json()["call_sid"] for answer in answered}, what="written back")
    server.kill()

    with serving(file) as again, again.client() as to_again:
        assert post(to_again).status_code == 200


def stored_calls(file: Path) -> set[str]:
    """Return the SIDs of calls in the main database file, without the write-ahead log."""
    copy = file.with_name("copy.db")
    shutil.copyfile(file, copy)
    with closing(sqlite3.connect(f"file:{copy}?immutable=1", uri=True)) as connection:
        try:
            return {sid for (sid,) in connection.execute("SELECT sid FROM validation_calls")}
        except sqlite3.DatabaseError:
            return set()  # copied during a write


def damage(file: Path, table: str) -> None:
    """Overwrite the first page of a table, and remove it from the write-ahead log."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [page_size] = connection.execute("PRAGMA page_size").fetchone()
        [page] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]).fetchone()
    with file.open("r+b") as opened:
        opened.seek((page - 1) * page_size)
        opened.write(b"\xff" * page_size)


def test_damaged_page_causes_503_and_few_log_lines_and_fails_readiness(file: Path) -> None:
    with serving(file) as first:
        first.stop()
    damage(file, "validation_calls")

    with serving(file) as server, server.client() as http:
        answers = [post(http) for _ in range(5)]
        reasons = [reason_not_ready(http) for _ in range(3)]
        server.wait_for_log(lambda line: "is damaged" in str(line.get("reason")), WAIT_SECONDS)

    assert [(answer.status_code, answer.json()) for answer in answers] == [(503, UNAVAILABLE)] * 5
    assert all(reason is not None and "is damaged" in reason and str(file) in reason for reason in reasons)
    assert [line for line in server.log if "Traceback" in str(line)] == []
    refused = [line for line in server.log if line.get("status") == 503 and line["event"] == "request"]
    assert len(refused) == 5
    assert all("is damaged" in line["reason"] for line in refused)


def test_dropped_table_causes_503_and_fails_readiness(file: Path, http: httpx.Client) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("DROP TABLE outgoing_caller_ids")

    answers = [http.get(LIST) for _ in range(3)]
    reasons = [reason_not_ready(http) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503] * 3
    assert all(reason is not None and "no such table: outgoing_caller_ids" in reason for reason in reasons)
