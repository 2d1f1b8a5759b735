"""The command line: help, and a one-line error for each invalid argument."""

import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ringback import __version__
from ringback.config.settings import Settings
from support.servers.command import Command

HEAVY = {
    "alembic",
    "cryptography",
    "fastapi",
    "httpx",
    "lxml",
    "psycopg",
    "sqlalchemy",
    "structlog",
    "uvicorn",
    "uvloop",
}
HEAVY_BESIDE = {"http.client", "starlette", "urllib.request"}
PRINT_IMPORTS = """
import atexit, sys
from ringback.__main__ import main
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
sys.exit(main())
"""
WRONG_OPTIONS = {
    "an unknown option": ["serve", "--prot", "8010"],
    "an abbreviated option": ["serve", "--database", "sqlite://"],
    "an option without its value": ["serve", "--port"],
    "an option of another command": ["migrate", "--port", "8010"],
    "a stray argument": ["serve", "now"],
    "an unknown command": ["start"],
}
WRONG_VALUES = {
    "port": "eighty",
    "account_sid": "AC123",
    "database_url": "mysql://localhost/ringback",
    "phone_behavior": "explode",
    "ring_seconds": "-1",
    "ring_timeout_seconds": "0",
    "code_attempts": "0",
    "calls_per_number_and_week": "0",
    "account_type": "free",
    "second_request": "ignore",
    "callback_timeout_seconds": "16",
    "callback_allowed_hosts": "app,not a host",
    "callback_host_map": "localhost",
    "callback_ca_file": "missing.pem",
    "callback_signed_port": "kept",
    "validation_code_format": "words",
    "number_validation": "none",
    "random_seed": "luck",
    "log_format": "xml",
    "log_level": "loud",
}


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def test_help_lists_every_command(command: Command) -> None:
    helped = command("--help")

    assert helped.status == 0
    for name in ("serve", "migrate", "ready", "env"):
        assert f"    {name} " in helped.out


def test_help_imports_no_heavy_modules() -> None:
    helped = subprocess.run(  # noqa: S603
        [sys.executable, "-c", PRINT_IMPORTS, "serve", "--help"], capture_output=True, text=True, check=True
    )

    imported = set(helped.stderr.split())
    assert "ringback.config.settings" in imported
    assert (HEAVY | HEAVY_BESIDE) & imported == set()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_help_lists_every_setting_with_its_option_and_its_variable(command: Command, name: str) -> None:
    helped = command("serve", "--help")

    assert helped.status == 0
    [described] = [line for line in helped.out.splitlines() if f"[RINGBACK_{name.upper()};" in line]
    assert "default: " in described
    value = "[VALUE]" if Settings.model_fields[name].annotation is bool else "VALUE"
    assert f"--{name.replace('_', '-')} {value}" in helped.out


def test_version_option_prints_the_version(command: Command) -> None:
    asked = command("--version")

    assert (asked.status, asked.out) == (0, f"ringback {__version__}\n")


@pytest.mark.parametrize("mistake", WRONG_OPTIONS)
def test_unknown_option_is_reported_in_one_line_with_status_2(command: Command, mistake: str) -> None:
    refused = command(*WRONG_OPTIONS[mistake])

    assert refused.status == 2
    assert refused.out == ""
    assert len(refused.complaints) == 1
    assert refused.complaints[0].startswith("ringback")


@pytest.mark.parametrize("name", WRONG_VALUES)
def test_invalid_value_is_reported_in_one_line_with_status_2(command: Command, name: str) -> None:
    value = WRONG_VALUES[name]

    refused = command("serve", f"--{name.replace('_', '-')}", value)

    assert refused.status == 2
    [line] = refused.complaints
    assert line.startswith(f"ringback: {name}")
    assert value in line
    assert f"(--{name.replace('_', '-')} or RINGBACK_{name.upper()})" in line


@pytest.mark.parametrize("name", WRONG_VALUES)
def test_invalid_variable_is_reported_in_one_line_with_status_2(
    command: Command, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"RINGBACK_{name.upper()}", WRONG_VALUES[name])

    refused = command("serve")

    assert refused.status == 2
    [line] = refused.complaints
    assert line.startswith(f"ringback: {name}")


def test_invalid_settings_are_reported_one_per_line(command: Command) -> None:
    refused = command("serve", "--port", "-1", "--ring-seconds", "soon")

    assert refused.status == 2
    assert [line.split()[1] for line in refused.complaints] == ["port", "ring_seconds"]


def test_invalid_auth_token_is_not_repeated_in_the_error(command: Command) -> None:
    refused = command("serve", "--auth-token", "much-too-long" * 10)

    assert refused.status == 2
    [line] = refused.complaints
    assert line.startswith("ringback: auth_token")
    assert "much-too-long" not in line


def test_port_in_use_is_reported_in_one_line_with_status_1(command: Command, taken_port: int) -> None:
    refused = command("serve", "--port", str(taken_port), "--database-url", "sqlite://")

    assert refused.status == 1
    advice = "Stop the other process or choose another port with --port or RINGBACK_PORT."
    assert refused.complaints == [f"ringback: port {taken_port} is already in use on 127.0.0.1. {advice}"]


def test_proxy_or_tls_port_in_use_is_reported_with_its_option(command: Command, taken_port: int) -> None:
    beside = ["--port", "0", "--database-url", "sqlite://"]
    refused = [
        command("serve", "--intercept", "--intercept-port", str(taken_port), *beside),
        command("serve", "--tls-port", str(taken_port), *beside),
    ]

    assert [finished.status for finished in refused] == [1, 1]
    for finished, option in zip(refused, ("--intercept-port", "--tls-port"), strict=True):
        [line] = finished.complaints
        assert f"Stop the other process or choose another port with {option} or RINGBACK_" in line


def test_unusable_listen_address_is_reported_in_one_line_with_status_1(command: Command) -> None:
    refused = command("serve", "--host", "192.0.2.1", "--port", "0", "--database-url", "sqlite://")

    assert refused.status == 1
    advice = "Choose an address of this machine with --host or RINGBACK_HOST."
    assert refused.complaints == [f"ringback: cannot listen on 192.0.2.1:0: Cannot assign requested address. {advice}"]


def test_unusable_listen_address_of_the_proxy_is_reported_with_its_option(command: Command) -> None:
    beside = ["--port", "0", "--database-url", "sqlite://"]
    refused = command("serve", "--intercept", "--intercept-host", "192.0.2.1", "--intercept-port", "0", *beside)

    assert refused.status == 1
    [line] = refused.complaints
    assert line.endswith("Choose an address of this machine with --intercept-host or RINGBACK_INTERCEPT_HOST.")


def test_invalid_database_url_is_reported_with_an_example(command: Command) -> None:
    refused = command("serve", "--database-url", "/tmp/ringback.db")  # noqa: S108 - not a URL

    assert refused.status == 2
    [line] = refused.complaints
    assert line.startswith(
        "ringback: database_url '/tmp/ringback.db': must be sqlite:///path/to/file.db, sqlite:// for"
    )


def database_of_a_newer_version(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "newer.db")) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)")
        connection.execute("INSERT INTO alembic_version VALUES ('29990101_far_future')")
        connection.commit()


def database_of_another_application(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "other.db")) as connection:
        connection.execute("CREATE TABLE accounts (name TEXT)")
        connection.commit()


@pytest.mark.parametrize("called", [("serve", "--port", "0"), ("migrate",)], ids=["serve", "migrate"])
@pytest.mark.parametrize("file", ["missing/ringback.db", "notes.txt", "folder", "newer.db", "other.db"])
def test_unusable_database_is_reported_in_one_line_with_status_1(
    command: Command, tmp_path: Path, called: tuple[str, ...], file: str
) -> None:
    (tmp_path / "notes.txt").write_text("this is no database, and longer than its first header\n" * 5)
    (tmp_path / "folder").mkdir()
    database_of_a_newer_version(tmp_path)
    database_of_another_application(tmp_path)

    refused = command(*called, "--database-url", f"sqlite:///{file}")

    assert refused.status == 1
    assert len(refused.complaints) == 1
    assert file in refused.err


def test_migrate_creates_the_database_and_changes_nothing_the_second_time(command: Command, tmp_path: Path) -> None:
    first = command("migrate", "--database-url", "sqlite:///new.db")
    made = (tmp_path / "new.db").read_bytes()
    second = command("migrate", "--database-url", "sqlite:///new.db")

    assert (first.status, second.status) == (0, 0)
    assert first.out == second.out
    assert first.out.startswith("sqlite:///new.db is at ")
    assert first.err == ""
    assert (tmp_path / "new.db").read_bytes() == made
