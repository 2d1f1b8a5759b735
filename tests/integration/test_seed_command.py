"""Invalid seed files: each error is reported with its location, and the server does not start."""

from pathlib import Path

import pytest

from support.servers.command import Command
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess, caller_ids_path

SID = "AC" + "1" * 32
MISTAKEN = f"""
[[accounts]]
sid = "AC123"
auth_token = "token"

[[accounts]]
sid = "{SID}"
auth_token = "token"
nickname = "no such key"

  [[accounts.caller_ids]]
  phone_number = "12"

  [[accounts.caller_ids]]
  phone_number = "+14158675309"
  friendly_name = ""

  [[accounts.phones]]
  number = "+14158675309"
  behavior = "explode"
"""
PLACES = [
    "accounts[0].sid",
    "accounts[1].nickname",
    "accounts[1].caller_ids[0].phone_number",
    "accounts[1].caller_ids[1].friendly_name",
    "accounts[1].phones[0].behavior",
]


def serve_with_seed(command: Command, file: str) -> list[str]:
    refused = command("serve", "--port", "0", "--database-url", "sqlite://", "--seed", file)

    assert refused.status == 2
    return refused.complaints


def test_seed_errors_are_reported_one_per_line_with_file_and_location(command: Command, tmp_path: Path) -> None:
    (tmp_path / "seed.toml").write_text(MISTAKEN, encoding="utf-8")

    complaints = serve_with_seed(command, "seed.toml")

    assert sorted(line.split()[2].rstrip(":") for line in complaints) == sorted(PLACES)
    assert all(line.startswith("ringback: seed.toml: ") for line in complaints)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[[accounts]\n", "not valid TOML"),
        (f'[[accounts]]\nsid = "{SID}"\n', "auth_token"),
        (f'[[accounts]]\nsid = "{SID}"\nauth_token = "x"\nparent_sid = "AC{"2" * 32}"\n', "parent"),
    ],
    ids=["not valid TOML", "no token", "no parent"],
)
def test_seed_file_that_cannot_be_applied_is_reported_in_one_line(
    command: Command, tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "seed.toml").write_text(content, encoding="utf-8")

    [complaint] = serve_with_seed(command, "seed.toml")

    assert said in complaint


def test_different_token_for_the_default_account_is_reported_in_one_line(command: Command, tmp_path: Path) -> None:
    (tmp_path / "seed.toml").write_text(f'[[accounts]]\nsid = "{ACCOUNT_SID}"\nauth_token = "of-the-file"\n')

    [complaint] = serve_with_seed(command, "seed.toml")

    assert complaint.startswith(f"ringback: seed.toml: account {ACCOUNT_SID}: ")
    assert "auth_token" in complaint
    assert "of-the-file" not in complaint
    assert AUTH_TOKEN not in complaint


@pytest.mark.parametrize("line", ["", 'auth_token = "of-the-setting"\n'], ids=["no token", "the same token"])
def test_default_account_may_be_in_the_seed_file(tmp_path: Path, line: str) -> None:
    seed = tmp_path / "seed.toml"
    seed.write_text(f'[[accounts]]\nsid = "{SID}"\n{line}caller_ids = [{{ phone_number = "+14158675309" }}]\n')

    with (
        ServerProcess(seed=seed, account_sid=SID, auth_token="of-the-setting") as server,
        server.client(SID, "of-the-setting") as client,
    ):
        listed = client.get(f"{caller_ids_path(SID)}.json")

    assert [row["phone_number"] for row in listed.json()["outgoing_caller_ids"]] == ["+14158675309"]


def test_missing_seed_file_is_reported_in_one_line(command: Command) -> None:
    [complaint] = serve_with_seed(command, "nowhere.toml")

    assert complaint == "ringback: nowhere.toml: No such file or directory"
