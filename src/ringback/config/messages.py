"""Mistakes of the user in words: what pydantic found wrong with a value, and what an unknown name was meant to be."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


def complaint(details: Any) -> str:
    """Return one of ``ValidationError.errors()`` as the rest of a sentence: ``input should be a valid integer``."""
    message: str = details["msg"].removeprefix("Value error, ")
    is_plain_word = message[1:2].islower() or message[1:2] == " "
    return message[0].lower() + message[1:] if is_plain_word else message


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that `word` was probably meant to be, or None."""
    by_plain_name: dict[str, str] = {}
    for name in known:
        by_plain_name.setdefault(_plain(name), name)
    matches = get_close_matches(_plain(word), by_plain_name, n=1)
    return by_plain_name[matches[0]] if matches else None


def _plain(name: str) -> str:
    return name.lstrip("-").replace("_", "-").lower()
