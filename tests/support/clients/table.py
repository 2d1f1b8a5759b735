"""Reads the table of HTTP clients in docs/interception.md, and returns the command of each client."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from support.clients.isolated import FAILS_CLOSED, PROXIED, REACHES_TWILIO, Run
from support.clients.node import FOLDER as NODE_FOLDER
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN
from support.waiting import PROGRAM_SECONDS

PAGE = Path(__file__).parents[3] / "docs" / "interception.md"
PROGRAMS = Path(__file__).parents[2] / "system" / "http_clients"
HEADING = "### HTTP client support"
OUTCOMES = {PROXIED: PROXIED, FAILS_CLOSED: FAILS_CLOSED, f"**{REACHES_TWILIO}**": REACHES_TWILIO}
_ROW = re.compile(r"\| `([a-z]+)` \| `([^`|]+)` \| ([^|]+) \| ([^|]*)\|")


class TableRow(NamedTuple):
    """A row of the table: a client, the `ringback env` lines that it needs, and the outcome of its requests."""

    lines: str
    client: str
    outcome: str
    instead: str

    @property
    def name(self) -> str:
        return f"{self.lines} {self.client}"


class Language(NamedTuple):
    """The program that runs a language's clients, and the function that builds their command in a folder."""

    program: str
    prepare: Callable[[Path], list[str]]


def table_rows() -> list[TableRow]:
    """Return the rows of the page's table."""
    section = PAGE.read_text(encoding="utf-8").partition(HEADING)[2].partition("\n#")[0]
    return [
        TableRow(lines, client, OUTCOMES[outcome], instead) for lines, client, outcome, instead in _ROW.findall(section)
    ]


def _go(folder: Path) -> list[str]:
    _compile("go", "build", "-o", str(folder / "request"), str(PROGRAMS / "request.go"))
    return [str(folder / "request")]


def _java(folder: Path) -> list[str]:
    _compile("javac", "-d", str(folder), str(PROGRAMS / "Request.java"))
    return ["java", "-cp", str(folder), "Request"]


def _compile(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=PROGRAM_SECONDS)  # noqa: S603


def _curl(_: Path) -> list[str]:
    status = '{"status": %{http_code}}\n'
    return ["sh", "-c", f"exec curl -sS -o /dev/null -w '{status}' -u {ACCOUNT_SID}:{AUTH_TOKEN} \"$2\"", "sh"]


LANGUAGES: Mapping[str, Language] = {
    "node": Language("node", lambda _: ["node", "request.mjs"]),
    "python": Language(sys.executable, lambda _: [sys.executable, str(PROGRAMS / "request.py")]),
    "curl": Language("curl", _curl),
    "php": Language("php", lambda _: ["php", str(PROGRAMS / "request.php")]),
    "ruby": Language("ruby", lambda _: ["ruby", str(PROGRAMS / "request.rb")]),
    "go": Language("go", _go),
    "java": Language("javac", _java),
}


def is_installed(language: str) -> bool:
    return shutil.which(LANGUAGES[language].program) is not None


def prepared_commands(folder: Path) -> dict[str, list[str]]:
    """Return a command for each installed language. The caller appends a client's name and a URL."""
    commands = {}
    for name, language in LANGUAGES.items():
        if is_installed(name):
            (folder / name).mkdir()
            commands[name] = language.prepare(folder / name)
    return commands


def run_of(row: TableRow, commands: Mapping[str, list[str]], *, lines: str = "") -> Run:
    """Return the run for a table row. `lines` replaces the `ringback env` lines that the row names."""
    folder = str(NODE_FOLDER) if row.lines == "node" else "."
    return Run(row.name, lines or row.lines, [*commands[row.lines], row.client], folder)
