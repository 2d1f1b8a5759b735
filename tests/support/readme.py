"""README's own code: what it prints is what the tests run."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
BASE_URL = "http://127.0.0.1:8010"
"""The server's address as README prints it; tests put their own server's in its place."""

_BLOCK = re.compile(
    r"^<!-- run: (?P<name>[a-z-]+) -->[ \t]*\n+"
    r"^(?P<fence>`{3,})[^\n`]*\n"
    r"(?P<code>.*?)"
    r"^(?P=fence)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)


class ReadmeError(Exception):
    """README has not exactly one block of that name; the message is for whoever edits README."""


def block_names(text: str | None = None) -> list[str]:
    """Return the names of the blocks that README marks as run by tests, in its order."""
    return [name for name, _ in _blocks(text)]


def readme_block(name: str, *, base_url: str = BASE_URL, text: str | None = None) -> str:
    """Return the code of the fenced block behind the line ``<!-- run: NAME -->``, aimed at `base_url`.

    `text` is README.md's unless given. Raises ReadmeError where there is no such block, or more than one.
    """
    blocks = _blocks(text)
    found = [code for known, code in blocks if known == name]
    if len(found) != 1:
        names = ", ".join(known for known, _ in blocks) or "none"
        marker = f"<!-- run: {name} -->"
        raise ReadmeError(f"README.md has {len(found)} fenced blocks behind a line {marker}, not one; it has: {names}")
    return found[0].replace(BASE_URL, base_url.rstrip("/"))


def _blocks(text: str | None) -> list[tuple[str, str]]:
    page = README.read_text(encoding="utf-8") if text is None else text
    return [(block["name"], block["code"]) for block in _BLOCK.finditer(page)]
