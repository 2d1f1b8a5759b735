"""Printing to standard output and standard error, without a traceback if a stream cannot be written to."""

import os
import re
import sys
from contextlib import suppress

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""ASCII except tab and line feed, Latin-1, and Unicode characters that separate lines or set the text direction."""


def escape_control_characters(text: str) -> str:
    """Escape control characters, which a terminal would execute (escape sequence injection)."""
    return _CONTROL_CHARACTERS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def open_missing_streams() -> None:
    """Open /dev/null in place of standard streams that the parent process has closed.

    Otherwise the first files or sockets of the process would get their descriptors, and receive what is printed.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - open until the process exits
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def print_error(*lines: str) -> None:
    """Print messages for the user to standard error. Errors of the stream are ignored."""
    with suppress(OSError, ValueError):
        for line in lines:
            print(f"ringback: {escape_control_characters(line)}", file=sys.stderr)  # noqa: T201


def print_lines(*lines: str) -> bool:
    """Print the result of a command to standard output. On failure print an error and return False."""
    try:
        print(*lines, sep="\n", flush=True)  # noqa: T201
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        print_error(f"Cannot write to standard output: {reason}.")
        _discard_output()
        return False
    return True


def finish_output() -> None:
    """Flush standard output, or discard its buffer if the reader is gone, so that exiting prints no traceback."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _discard_output()


def _discard_output() -> None:
    with suppress(OSError, ValueError), open(os.devnull, "w", encoding="utf-8") as null:  # noqa: PTH123
        os.dup2(null.fileno(), sys.stdout.fileno())
