"""Regular expressions in the source: their anchors, and the characters that they accept."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from support.code_blocks import ROOT

FUNCTIONS = {"compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
UNICODE_CLASSES = (r"\d", r"\w", r"\s", r"\b")
DIGIT_TESTS = {"isdigit", "isdecimal", "isnumeric", "isalnum"}


class Pattern(NamedTuple):
    """A pattern in a call to the re module, with the text of its flags."""

    place: str
    text: str
    is_bytes: bool
    flags: str

    @property
    def ends_before_a_line_feed(self) -> bool:
        is_escaped = (len(self.text) - len(self.text[:-1].rstrip("\\"))) % 2 == 0
        return self.text.endswith("$") and not is_escaped and "MULTILINE" not in self.flags

    @property
    def is_unicode(self) -> bool:
        folds = any(name in self.text for name in UNICODE_CLASSES) or "IGNORECASE" in self.flags
        return folds and not self.is_bytes and "ASCII" not in self.flags


def patterns_in(source: str, name: str) -> Iterator[Pattern]:
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FUNCTIONS):
            continue
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "re":
            parts = [part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)]
            is_bytes = any(isinstance(part, bytes) for part in parts)
            text = "".join(part.decode("latin-1") if isinstance(part, bytes) else str(part) for part in parts)
            flags = " ".join(ast.unparse(part) for part in [*node.args[1:], *(k.value for k in node.keywords)])
            yield Pattern(f"{name}:{node.lineno}", text, is_bytes, flags)


def all_patterns() -> list[Pattern]:
    files = sorted(ROOT.glob("src/**/*.py"))
    return [pattern for file in files for pattern in patterns_in(file.read_text(encoding="utf-8"), str(file))]


def test_patterns_do_not_match_before_a_trailing_line_feed() -> None:
    patterns = all_patterns()

    assert len(patterns) > 30
    assert [pattern for pattern in patterns if pattern.ends_before_a_line_feed] == []


def test_patterns_do_not_accept_digits_or_letters_outside_ascii() -> None:
    assert [pattern for pattern in all_patterns() if pattern.is_unicode] == []


def test_isdigit_is_combined_with_isascii() -> None:
    lines = [
        (file.name, line)
        for file in sorted(ROOT.glob("src/**/*.py"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if any(f".{name}()" in line for name in DIGIT_TESTS)
    ]

    assert lines
    assert [found for found in lines if ".isascii()" not in found[1]] == []


@pytest.mark.parametrize(
    ("call", "is_wrong"),
    [
        ('re.compile(r"^a$")', True),
        ('re.compile(r"a$", re.MULTILINE)', False),
        (r're.match(rb"a\$", x)', False),
        (r're.match(r"a\\$", x)', True),
        (r're.match(r"a\Z", x)', False),
        ('re.sub(rf"{x}$", "", y)', True),
    ],
)
def test_pattern_scan_detects_invalid_examples(call: str, *, is_wrong: bool) -> None:
    [pattern] = patterns_in(call, "source")

    assert pattern.ends_before_a_line_feed is is_wrong
