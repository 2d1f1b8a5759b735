"""Printing to standard output and standard error. A stream that cannot be written to never causes a traceback."""

import os
import re
import sys
from contextlib import suppress

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Those of ASCII except tab and line feed, of Latin-1, and Unicode's that change lines or the direction of text."""


def escape_control_characters(text: str) -> str:
    """Return a text with its control characters escaped: a terminal would execute them (escape sequence injection)."""
    return _CONTROL_CHARACTERS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def open_missing_streams() -> None:
    """Open /dev/null in place of standard streams that were closed at the start.

    Otherwise the first files and sockets that the process opens get their descriptors, and what is printed goes there.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest descriptor that is free
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - a descriptor, to the end
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def print_error(*lines: str) -> None:
    """Print messages for the user to standard error. Where that is not possible nobody can be told."""
    with suppress(OSError, ValueError):
        for line in lines:
            print(f"ringback: {escape_control_characters(line)}", file=sys.stderr)  # noqa: T201


def print_lines(*lines: str) -> bool:
    """Print the result of a command to standard output. Return False, with a message, where that is not possible."""
    try:
        print(*lines, sep="\n", flush=True)  # noqa: T201
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        print_error(f"Cannot write to standard output: {reason}.")
        _discard_output()
        return False
    return True


def finish_output() -> None:
    """Write what standard output still holds, or discard it where its reader is gone: no traceback at the exit."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _discard_output()


def _discard_output() -> None:
    with suppress(OSError, ValueError), open(os.devnull, "w", encoding="utf-8") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), sys.stdout.fileno())
