"""The code blocks of README and docs, which the tests run as printed."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
CLIENT_PAGES = DOCS / "clients"
PAGES = sorted([README, *DOCS.glob("**/*.md"), ROOT / "CONTRIBUTING.md", *ROOT.glob("examples/*/*.md")])
"""All pages whose code blocks must be run by a test, or marked with the reason why they are not run."""
BASE_URL = "http://127.0.0.1:8010"
"""The server's address in the pages; tests replace it with the address of their server."""

_BLOCK = re.compile(
    r"^<!-- run: (?P<name>[a-z-]+) -->[ \t]*\n+"
    r"^(?P<fence>`{3,})[^\n`]*\n"
    r"(?P<code>.*?)"
    r"^(?P=fence)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)


class ReadmeError(Exception):
    """A page does not have exactly one code block with the requested name."""


def block_names(page: Path = README) -> list[str]:
    """Return the names of the blocks on a page that tests run, in order."""
    return [name for name, _ in _blocks(page.read_text(encoding="utf-8"))]


def client_page(name: str) -> Path:
    """Return the path of the page about a client, such as ``python`` or ``old``."""
    return CLIENT_PAGES / f"{name}.md"


def docs_page(name: str) -> Path:
    """Return the path of the page about a topic, such as ``testing``."""
    return DOCS / f"{name}.md"


def readme_block(name: str, *, base_url: str = BASE_URL, page: Path = README, text: str | None = None) -> str:
    """Return the code block after ``<!-- run: NAME -->``, with `base_url` in place of the printed address.

    `text` replaces the page's text. Raise ReadmeError if the block is missing or occurs more than once.
    """
    blocks = _blocks(page.read_text(encoding="utf-8") if text is None else text)
    found = [code for known, code in blocks if known == name]
    if len(found) != 1:
        names = ", ".join(known for known, _ in blocks) or "none"
        marker = f"<!-- run: {name} -->"
        raise ReadmeError(f"{page.name} has {len(found)} fenced blocks after a line {marker}, not one; it has: {names}")
    return found[0].replace(BASE_URL, base_url.rstrip("/"))


def _blocks(text: str) -> list[tuple[str, str]]:
    return [(block["name"], block["code"]) for block in _BLOCK.finditer(text)]
