"""The command line parser. It reports an error in one line, with a suggestion if possible."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from ringback.commands.exit_status import WRONG_USAGE
from ringback.config.validators import closest
from ringback.server.console import print_error

SHOWN_CHARACTERS = 64
MEANT: Mapping[str, str] = {"start": "serve", "run": "serve", "up": "serve", "help": "--help", "version": "--version"}
"""Common names of commands and options, with ringback's names for them."""


def printable(argument: str) -> str:
    """Return an argument for an error message: truncated, and without control characters."""
    short = argument if len(argument) <= SHOWN_CHARACTERS else f"{argument[:SHOWN_CHARACTERS]}..."
    return short if short.isprintable() else ascii(short)


class CommandParser(argparse.ArgumentParser):
    """A parser of options, or of commands with their own parsers."""

    def __init__(self, **options: Any) -> None:
        self.known_options: list[str] = []
        self.commands: dict[str, CommandParser] = {}
        super().__init__(allow_abbrev=False, **options)

    def add_argument(self, *names: str, **options: Any) -> argparse.Action:
        self.known_options += [name for name in names if name.startswith("--")]
        return super().add_argument(*names, **options)

    def parse_command(self, arguments: Sequence[str]) -> dict[str, Any]:
        """Return the options of the command that the arguments name. On an error, print one line and exit with 2.

        Without arguments, print the help and exit with status 2.
        """
        if not arguments:
            self.print_help(sys.stderr)
            sys.exit(WRONG_USAGE)
        if not arguments[0].startswith("-") and arguments[0] not in self.commands:
            self._reject_command(arguments[0])
        command = next((argument for argument in arguments if argument in self.commands), None)
        if arguments[0].startswith("-") and arguments[0].partition("=")[0] not in (*self.known_options, "-h"):
            self._reject_argument(arguments[0], self.commands.get(command or "", self))
        options, unknown = self.parse_known_args(arguments)
        if unknown:
            self._reject_argument(unknown[0], self.commands.get(command or "", self))
        return vars(options)

    def _reject_command(self, name: str) -> NoReturn:
        meant = MEANT.get(name.lower()) or closest(name, self.commands)
        hint = f" Did you mean {meant}?" if meant else ""
        self.fail(f"unknown command {printable(name)}.{hint} Commands: {', '.join(self.commands)}.")

    def _reject_argument(self, argument: str, parser: "CommandParser") -> NoReturn:
        """Report an unknown argument. A value after = is not repeated, because it may be secret."""
        name = argument.partition("=")[0]
        kind = "unknown option" if name.startswith("-") else "unexpected argument"
        others = [other for other in self.commands if name in self.commands[other].known_options]
        if parser is not self and name in parser.known_options:
            self.fail(f"{printable(name)} must follow the command: {parser.prog} {name}.")
        if meant := closest(name, parser.known_options):
            hint = f"Did you mean {meant}?"
        elif others:
            hint = f"It is an option of: {', '.join(f'{self.prog} {other}' for other in others)}."
        else:
            hint = f"`{parser.prog} --help` lists all options."
        self.fail(f"{kind} {printable(name)}. {hint}")

    def error(self, message: str) -> NoReturn:
        self.fail(f"{message} (`{self.prog} --help` lists all options)")

    def fail(self, message: str) -> NoReturn:
        """Print one line and exit with status 2."""
        print_error(message)
        sys.exit(WRONG_USAGE)
