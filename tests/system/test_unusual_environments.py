"""Commands in unusual environments: each works, or reports the problem in one line."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from support.code_blocks import ROOT
from support.servers.command import Command, Finished
from support.servers.server import ServerProcess, caller_ids_path
from support.waiting import PROGRAM_SECONDS

NOT_UTF_8 = "x\udcff"
"""The bytes x and 0xFF, as Python decodes them."""
ODD_FOLDERS = [b"100%s(x)%(here)s", b"new\nline", b"q?a#b@c", b"n\xff", "\u00fc \u2192".encode()]
LONG_NAME = "a" * 300
TEXT_SETTINGS = [
    *("HOST", "DATABASE_URL", "ACCOUNT_SID", "AUTH_TOKEN", "SEED", "CALLBACK_ALLOWED_HOSTS", "CALLBACK_HOST_MAP"),
    *("CONTROL_TOKEN", "INTERCEPT_HOST", "AUTHORITY_FOLDER", "PORT", "LOG_LEVEL", "RANDOM_SEED"),
]

pytestmark = pytest.mark.slow


def run(
    folder: Path,
    *arguments: str | bytes,
    command: tuple[str, ...] = ("-m", "ringback"),
    variables: Mapping[str, str | bytes] = MappingProxyType({}),
) -> subprocess.CompletedProcess[bytes]:
    """Run a command with only these environment variables, and wait for its end."""
    environment = {os.fsencode(name): os.fsencode(value) for name, value in variables.items()}
    environment[b"PATH"] = os.environb[b"PATH"]
    return subprocess.run(  # noqa: S603
        [sys.executable, *command, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
        timeout=PROGRAM_SECONDS,
    )


def one_line(finished: subprocess.CompletedProcess[bytes] | Finished, status: int) -> str:
    """Check the exit status of a command, and return its single line of output."""
    if isinstance(finished, subprocess.CompletedProcess):
        finished = Finished(finished.returncode, finished.stdout.decode(), finished.stderr.decode())
    [line] = finished.complaints
    assert (finished.status, finished.out) == (status, "")
    return line


@pytest.mark.parametrize("name", TEXT_SETTINGS)
def test_variable_with_invalid_utf_8_is_reported_in_one_line(
    command: Command, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"RINGBACK_{name}", NOT_UTF_8)

    line = one_line(command("serve"), 2)

    assert line.startswith(f"ringback: {name.lower()}")
    assert f": it is not UTF-8 (--{name.lower().replace('_', '-')} or RINGBACK_{name})" in line


def test_argument_with_invalid_utf_8_is_reported_in_one_line(tmp_path: Path, command: Command) -> None:
    assert "it is not UTF-8" in one_line(run(tmp_path, "serve", "--host", NOT_UTF_8), 2)
    assert "it is not UTF-8" in one_line(command("migrate", "--database-url", f"sqlite:///{NOT_UTF_8}"), 2)
    assert "unknown option" in one_line(command("serve", f"--{NOT_UTF_8}"), 2)
    assert "unknown command" in one_line(command(NOT_UTF_8), 2)
    assert "is not the URL of a server" in one_line(command("ready", "--url", NOT_UTF_8), 2)


@pytest.mark.parametrize("name", [name for name in TEXT_SETTINGS if name not in ("PORT", "RANDOM_SEED")])
def test_env_file_with_a_nul_character_is_reported_in_one_line(tmp_path: Path, command: Command, name: str) -> None:
    (tmp_path / ".env").write_bytes(f'RINGBACK_{name}="a\0b"\n'.encode())

    line = one_line(command("serve", "--intercept"), 2)

    assert "it contains a NUL character" in line


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"RINGBACK_PORT=\xff\n", "invalid start byte at byte 14"),
        ("RINGBACK_PORT=1\n".encode("utf-16"), "invalid start byte at byte 0"),
    ],
)
def test_env_file_with_invalid_utf_8_is_reported_in_one_line(
    tmp_path: Path, command: Command, content: bytes, reason: str
) -> None:
    (tmp_path / ".env").write_bytes(content)

    for name in ("serve", "ready", "migrate"):
        assert one_line(command(name), 2) == f"ringback: .env is not UTF-8: {reason}"


def test_env_file_with_a_byte_order_mark_is_read(tmp_path: Path, command: Command) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfRINGBACK_PORT=eighty\n")

    assert one_line(command("serve"), 2).startswith("ringback: port 'eighty'")


@pytest.mark.parametrize(
    "host",
    [
        *("", " ", "a b", "127.0.0.1\n", "127.0.0.1:8010", "http://127.0.0.1", "b\u00fc..test", "x" * 254),
        "\u00fc" * 80 + ".test",
    ],
)
@pytest.mark.parametrize("option", ["host", "intercept-host"])
def test_invalid_host_is_reported_in_one_line(command: Command, option: str, host: str) -> None:
    line = one_line(command("serve", "--port", "0", f"--{option}", host), 2)

    assert "must be an IP address or a host name, without scheme and port" in line


def test_unknown_host_name_is_reported_in_one_line(command: Command) -> None:
    line = one_line(command("serve", "--port", "0", "--host", "a..b"), 1)

    advice = "Choose an address of this machine with --host or RINGBACK_HOST."
    assert line == f"ringback: cannot listen on a..b:0: Name or service not known. {advice}"


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///~nobody-of-this-name/x.db",
        f"sqlite:///{LONG_NAME}",
        "postgresql+psycopg://[::1/x",
        "postgresql+psycopg://me:secret@host:port/x",
        "postgresql+psycopg://me:secret@b\u00fc..test/x",
    ],
)
def test_unusable_database_url_is_reported_in_one_line(command: Command, url: str) -> None:
    for arguments in (("serve", "--port", "0"), ("migrate",)):
        assert "secret" not in one_line(command(*arguments, "--database-url", url), 1)


def test_deleted_working_directory_is_reported_in_one_line(tmp_path: Path) -> None:
    program = (
        "import os, sys; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone'); "
        "from ringback.__main__ import main; sys.exit(main())"
    )

    for command in ("serve", "migrate", "env --client python", "ready"):
        line = one_line(run(tmp_path, *command.split(), command=("-c", program)), 2)
        assert line.startswith("ringback: the working directory cannot be used")


@pytest.mark.parametrize("name", ODD_FOLDERS)
def test_server_works_in_a_folder_with_any_name(tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()

    with ServerProcess(cwd=folder, database_url="sqlite:///ringback.db") as server, server.client() as client:
        answer = client.get(f"{caller_ids_path()}.json")

    assert answer.status_code == 200
    assert (folder / "ringback.db").is_file()


def test_authority_folder_with_invalid_utf_8_is_reported_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"n\xff")
    folder.mkdir()

    for command in ("env --client python", "serve --intercept --port 0 --intercept-port 0"):
        line = one_line(run(folder, *command.split()), 1)
        assert line.endswith("the path is not UTF-8. Choose another folder with --authority-folder.")


@pytest.mark.parametrize("name", [ODD_FOLDERS[0], ODD_FOLDERS[3]])
def test_package_in_a_folder_with_any_name_can_migrate_a_database(tmp_path: Path, name: bytes) -> None:
    home = tmp_path / os.fsdecode(name)
    shutil.copytree(ROOT / "src", home / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "migrations", home / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    variables = {"PYTHONPATH": str(home / "src")}
    where = run(tmp_path, command=("-c", "import ringback; print(ringback.__file__)"), variables=variables)
    assert os.fsencode(home) in where.stdout

    finished = run(tmp_path, "migrate", variables=variables)

    assert (finished.returncode, finished.stderr) == (0, b"")
    assert b"is at" in finished.stdout


def test_output_is_printed_in_any_encoding(tmp_path: Path) -> None:
    finished = run(
        tmp_path, "migrate", "--database-url", "sqlite:///b\u00fc.db", variables={"PYTHONIOENCODING": "ascii"}
    )

    assert (finished.returncode, finished.stderr) == (0, b"")
    assert finished.stdout.startswith(b"sqlite:///b\\xfc.db is at ")
