"""Checks of the language of code and docs: words and constructions that make sentences hard to read are rejected.

Code, inline code and code blocks are exempt, and so are questions and Twilio's own texts.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BANNED = {
    "anew": "again",
    "till": "until",
    "[Ww]hoever": "clients that, anyone who",
    "[Bb]esides": "also",
    "[Ll]ikewise": "also, the same",
    "for ever": "forever, without limit",
    "any more": "no longer",
    "of its own": "its own, a separate",
    "so many": "the number",
    "so often": "the number of times",
    "nobody's": "invalid, unowned",
    "manieth": "n-th",
    "is none": "is not valid, does not exist",
    "is to be": "must be",
    "is no(?! longer)": "is not, without",
    "are no(?! longer)": "are not, without",
}
"""Patterns, and their replacements."""
CLAUSE_SUBJECT = re.compile(r"(?:^|(?<=[.;:!] ))(?:What|Who|Whoever|Whatever|Which|Whose) (?!\w+\?)[a-z][^?]*?(?:\.|$)")
"""A sentence that begins with a clause as its subject. A question ends with a question mark."""
INLINE_CODE = re.compile(r"``.*?``|`[^`]*`")
CODE_BLOCK = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
FOLDERS = ("src", "docs", "migrations", "examples")


def paths(*suffixes: str) -> list[Path]:
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in suffixes]
    pages = [path for path in ROOT.glob("*.md") if path.suffix in suffixes]
    return sorted(path for path in (*found, *pages) if "node_modules" not in path.parts)


def without_code(text: str) -> str:
    return INLINE_CODE.sub("CODE", text)


def python_prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the docstrings, comments and longer string literals of a Python file, each with its line."""
    source = path.read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value


def markdown_prose(path: Path) -> Iterator[tuple[int, str]]:
    text = CODE_BLOCK.sub(lambda block: "\n" * block[0].count("\n"), path.read_text(encoding="utf-8"))
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("#"):  # a heading is not a sentence
            yield number, re.sub(r"^[-#*|> \d.]+", "", line)


def page_prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a page's HTML, JavaScript or style sheet."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        yield number, line.strip().removeprefix("//").removeprefix("/*").strip()


READERS = {".py": python_prose, ".md": markdown_prose, ".js": page_prose, ".html": page_prose, ".css": page_prose}
FILES = paths(*READERS)


def sentences_of(path: Path) -> list[tuple[int, str]]:
    return [(line, without_code(text)) for line, text in READERS[path.suffix](path)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_banned_words_do_not_occur(path: Path) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {match[0]!r}; write {instead!r}: {text[:100]!r}"
        for line, text in sentences_of(path)
        for pattern, instead in BANNED.items()
        if (match := re.search(rf"\b{pattern}\b", text))
    ]

    assert found == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sentences_do_not_begin_with_a_clause(path: Path) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {match[0][:100]!r}"
        for line, text in sentences_of(path)
        if (match := CLAUSE_SUBJECT.search(text))
    ]

    assert found == []


@pytest.mark.parametrize(
    "text",
    ["It begins anew.", "There is no row.", "This is none.", "A page of its own", "What is owed is sent."],
)
def test_examples_of_the_guide_are_rejected(text: str) -> None:
    assert any(re.search(rf"\b{pattern}\b", text) for pattern in BANNED) or CLAUSE_SUBJECT.search(text)


@pytest.mark.parametrize("text", ["It is no longer there.", "What does it do?", "Write until it ends."])
def test_plain_english_is_accepted(text: str) -> None:
    assert not any(re.search(rf"\b{pattern}\b", text) for pattern in BANNED)
    assert not CLAUSE_SUBJECT.search(text)
