"""Suggestions for mistyped arguments, and values that error messages must not repeat."""

import pytest

from ringback.commands.ready import WrongUrl, server_url
from support.servers.command import Command

MISTAKES = {
    "an option with letters exchanged": (["serve", "--prot", "8010"], "unknown option --prot. Did you mean --port?"),
    "an option with a value": (
        ["serve", "--auth-tokn=secret"],
        "unknown option --auth-tokn. Did you mean --auth-token?",
    ),
    "a part of an option": (["serve", "--database", "x"], "unknown option --database. Did you mean --database-url?"),
    "an option before the command": (["--prot", "serve"], "unknown option --prot. Did you mean --port?"),
    "a command's option and its value before the command": (
        ["--port", "8010", "serve"],
        "--port must follow the command: ringback serve --port.",
    ),
    "a command's option with = before the command": (
        ["--auth-token=secret", "serve"],
        "--auth-token must follow the command: ringback serve --auth-token.",
    ),
    "an option of several commands before the command": (
        ["--database-url", "x", "migrate"],
        "--database-url must follow the command: ringback migrate --database-url.",
    ),
    "an unknown option and its value before the command": (
        ["--prot", "8010", "serve"],
        "unknown option --prot. Did you mean --port?",
    ),
    "an option with a value that it does not take": (
        ["--version=3"],
        "argument --version: ignored explicit argument '3' (`ringback --help` lists all options)",
    ),
    "an option of another command": (
        ["migrate", "--port", "1"],
        "unknown option --port. It is an option of: ringback serve.",
    ),
    "an option of nothing": (
        ["ready", "--xyz"],
        "unknown option --xyz. `ringback ready --help` lists all options.",
    ),
    "a stray word": (["serve", "now"], "unexpected argument now. `ringback serve --help` lists all options."),
    "an option without dashes": (["serve", "port", "1"], "unexpected argument port. Did you mean --port?"),
    "a command with a letter too few": (
        ["serv"],
        "unknown command serv. Did you mean serve? Commands: serve, migrate, ready, env.",
    ),
    "another program's command": (
        ["start", "--port", "1"],
        "unknown command start. Did you mean serve? Commands: serve, migrate, ready, env.",
    ),
    "a command of nothing": (["xyz"], "unknown command xyz. Commands: serve, migrate, ready, env."),
    "an option alone": (["--verison"], "unknown option --verison. Did you mean --version?"),
    "a short option": (["-v"], "unknown option -v. `ringback --help` lists all options."),
    "an option without its value": (
        ["serve", "--port"],
        "argument --port: expected one argument (`ringback serve --help` lists all options)",
    ),
    "control characters": (["x\x1b[31m"], "unknown command 'x\\x1b[31m'. Commands: serve, migrate, ready, env."),
    "a long word": (["x" * 99], f"unknown command {'x' * 64}.... Commands: serve, migrate, ready, env."),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_invalid_argument_is_reported_in_one_line_with_a_suggestion_and_status_2(
    command: Command, mistake: str
) -> None:
    arguments, expected = MISTAKES[mistake]

    refused = command(*arguments)

    assert (refused.status, refused.out) == (2, "")
    assert refused.complaints == [f"ringback: {expected}"]


def test_bare_command_prints_its_help_with_status_2(command: Command) -> None:
    bare, helped = command(), command("--help")

    assert (bare.status, bare.out, bare.err) == (2, "", helped.out)
    assert helped.status == 0


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"]])
def test_help_lists_the_exit_statuses(command: Command, arguments: list[str]) -> None:
    helped = command(*arguments)

    assert "Exit status: 0 success; 1 failure" in helped.out


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("127.0.0.1:8110", "http://127.0.0.1:8110"),
        ("localhost:8110", "http://localhost:8110"),
        (" localhost ", "http://localhost"),
        ("8110", "http://127.0.0.1:8110"),
        (":8110", "http://127.0.0.1:8110"),
        ("[::1]:8110", "http://[::1]:8110"),
        ("0.0.0.0:8110", "http://127.0.0.1:8110"),
        ("http://127.0.0.1:8110/", "http://127.0.0.1:8110"),
        ("http://127.0.0.1:8110/readyz", "http://127.0.0.1:8110"),
        ("https://ringback.test/prefix/", "https://ringback.test/prefix"),
        ("http://me:secret@127.0.0.1:8110", "http://127.0.0.1:8110"),
        ("http://me:secret@localhost", "http://localhost"),
    ],
)
def test_server_url_may_be_written_in_many_ways(written: str, url: str) -> None:
    assert server_url(written) == url


@pytest.mark.parametrize(
    "written",
    ["", "ftp://me:secret@x", "http://", "http://[::1", "http://x:99999", "x:port", "http://b\u00fccher:1", "\u0661"],
)
def test_text_that_is_not_a_server_url_is_refused(written: str) -> None:
    with pytest.raises(WrongUrl, match="is not the URL of a server") as refusal:
        server_url(written)

    assert "secret" not in str(refusal.value)
