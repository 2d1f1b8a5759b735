"""README's own code, and that of the pages on clients: what they print is what the tests run."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
CLIENT_PAGES = ROOT / "docs" / "clients"
BASE_URL = "http://127.0.0.1:8010"
"""The server's address as the pages print it; tests put their own server's in its place."""

_BLOCK = re.compile(
    r"^<!-- run: (?P<name>[a-z-]+) -->[ \t]*\n+"
    r"^(?P<fence>`{3,})[^\n`]*\n"
    r"(?P<code>.*?)"
    r"^(?P=fence)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)


class ReadmeError(Exception):
    """A page has not exactly one block of that name; the message is for whoever edits the page."""


def block_names(page: Path = README) -> list[str]:
    """Return the names of the blocks that a page marks as run by tests, in its order."""
    return [name for name, _ in _blocks(page.read_text(encoding="utf-8"))]


def client_page(name: str) -> Path:
    """Return the page on a client, such as ``python`` or ``old``."""
    return CLIENT_PAGES / f"{name}.md"


def readme_block(name: str, *, base_url: str = BASE_URL, page: Path = README, text: str | None = None) -> str:
    """Return the code of the fenced block behind the line ``<!-- run: NAME -->``, aimed at `base_url`.

    `text` is the page's unless given. Raises ReadmeError where there is no such block, or more than one.
    """
    blocks = _blocks(page.read_text(encoding="utf-8") if text is None else text)
    found = [code for known, code in blocks if known == name]
    if len(found) != 1:
        names = ", ".join(known for known, _ in blocks) or "none"
        marker = f"<!-- run: {name} -->"
        raise ReadmeError(
            f"{page.name} has {len(found)} fenced blocks behind a line {marker}, not one; it has: {names}"
        )
    return found[0].replace(BASE_URL, base_url.rstrip("/"))


def _blocks(text: str) -> list[tuple[str, str]]:
    return [(block["name"], block["code"]) for block in _BLOCK.finditer(text)]
