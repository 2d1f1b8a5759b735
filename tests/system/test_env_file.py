"""Invalid ``.env`` files in the working directory, and secrets that must not be printed."""

from pathlib import Path

import pytest

from support.servers.command import Command
from support.servers.server import ServerProcess

TOKEN = "an-auth-token-that-is-too-long-" * 3
SECRETS = {
    "RINGBACK_AUTH_TOKEN": TOKEN,
    "RINGBACK_CONTROL_TOKEN": "the-control-token",
    "RINGBACK_DATABASE_URL": "postgresql://ringback:a/pass@word-of-mine@db/ringback",
    "RINGBACK_PORT": "eighty",
}
SECRET_PARTS = ["an-auth-token", "the-control-token", "a/pass", "word-of-mine"]


@pytest.mark.parametrize("called", [("serve",), ("migrate",), ("ready",)], ids=["serve", "migrate", "ready"])
def test_env_file_with_invalid_utf_8_is_reported_in_one_line_with_status_2(
    command: Command, tmp_path: Path, called: tuple[str, ...]
) -> None:
    (tmp_path / ".env").write_bytes("RINGBACK_AUTH_TOKEN=Schlüssel\n".encode("latin-1"))

    refused = command(*called)

    [line] = refused.complaints
    assert refused.status == 2
    assert line.startswith("ringback: .env is not UTF-8: ")
    assert "Schl" not in line


def test_unreadable_env_file_is_reported_in_one_line_with_status_2(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("RINGBACK_PORT=0\n")
    monkeypatch.setattr("builtins.open", refuse)

    refused = command("serve")

    assert (refused.status, refused.complaints) == (2, ["ringback: .env: Permission denied"])


def refuse(*_: object, **__: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_misspelled_name_in_the_env_file_causes_a_warning(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RINGBACK_KEY_SECOND=1\nRINGBACK_KEY_SECONDS=1\nOTHER=1\n")

    with ServerProcess(cwd=tmp_path, ring_second=3) as server:
        server.wait_for_log(lambda line: line.get("event") == "serving")
        warned = [line["variable"] for line in server.log if line.get("variable")]

    assert warned == ["RINGBACK_KEY_SECOND", "RINGBACK_RING_SECOND"]


def test_secret_in_the_environment_is_not_repeated_in_errors(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)

    refused = command("serve")

    assert_no_secret_in_output(refused.status, refused.out + refused.err)
    assert sorted(line.split()[1].rstrip(":") for line in refused.complaints) == ["auth_token", "database_url", "port"]


def test_secret_in_the_env_file_is_not_repeated_in_errors(command: Command, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in SECRETS.items()))

    refused = command("serve")

    assert_no_secret_in_output(refused.status, refused.out + refused.err)


def test_secret_on_the_command_line_is_not_repeated_in_errors(command: Command) -> None:
    options = [f"--{name.removeprefix('RINGBACK_').lower()}={value}" for name, value in SECRETS.items()]

    refused = command("serve", *options)

    assert_no_secret_in_output(refused.status, refused.out + refused.err)


def assert_no_secret_in_output(status: int, said: str) -> None:
    assert status == 2
    assert [part for part in SECRET_PARTS if part in said] == []
