"""Tokenizer for a snapshot, which reads the text in parts: parsing 50 MB of JSON at once would block the event loop.

A JSON parser reads only the rows, a few at a time. The text around the rows has a fixed format.
"""

import re
import sys
from collections.abc import Iterator
from typing import Any

import orjson

from ringback.storage.stepwise import Steps

MAX_NAME_BYTES = 64 * 1024
"""Maximum size of a string outside the rows, because searching megabytes for its end would block the event loop."""

_SPACE = rb"[ \t\n\r]*+"
_TEXT = rb'"(?:[^"\\\x00-\x1f]++|\\.)*+"'
_ROW = rb'\{(?:[^{}"]++|' + _TEXT + rb")*+\}"
_SPACES, _STRING = re.compile(_SPACE), re.compile(_TEXT, re.DOTALL)
_ROWS = re.compile(_ROW + rb"(?>" + _SPACE + b"," + _SPACE + _ROW + rb")*+", re.DOTALL)
_MARKS = frozenset((b"{", b"}", b"[", b"]", b":", b","))


class NotInForm(Exception):
    """The text is not in the format of a snapshot; the message says where."""


class SnapshotText:
    """The text of a snapshot. Only the part that is being parsed is kept as one string."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._text = b""
        self._at = 0
        self._read_bytes = 0

    def token(self) -> Steps[bytes]:
        """Return the next string or punctuation mark. Raises NotInForm if something else follows."""
        following = yield from self._following()
        if following == b'"':
            return (yield from self._match(_STRING, MAX_NAME_BYTES))
        if following not in _MARKS:
            raise self._not_in_form()
        self._at += 1
        return following

    def expect(self, *tokens: bytes) -> Steps[bytes]:
        """Return the next token. Raises NotInForm if it is not one of `tokens`."""
        token = yield from self.token()
        if token not in tokens:
            raise self._not_in_form()
        return token

    def string(self) -> Steps[str]:
        """Return the next string. Raises NotInForm if something else follows."""
        return self.decoded((yield from self.token()))

    def decoded(self, token: bytes) -> str:
        """Return the string that a token represents. Raises NotInForm if the token is not a valid string."""
        try:
            text = orjson.loads(token)
        except orjson.JSONDecodeError as error:
            raise self._not_in_form() from error
        return str(text)

    def rows(self) -> Steps[list[Any] | None]:
        """Return the next objects of a list, or None if the next token is not an object.

        Raises NotInForm.
        """
        if (yield from self._following()) != b"{":
            return None
        text = yield from self._match(_ROWS)
        try:
            rows: list[Any] = orjson.loads(b"[%b]" % text)
        except orjson.JSONDecodeError as error:
            raise self._not_in_form() from error
        return rows

    def end(self) -> Steps[None]:
        """Raise NotInForm unless only white space follows."""
        if (yield from self._following()):
            raise self._not_in_form()

    def _following(self) -> Steps[bytes]:
        """Skip white space, and return the next character, or an empty string at the end."""
        while True:
            spaces = _SPACES.match(self._text, self._at)
            self._at = spaces.end() if spaces else self._at
            following = self._text[self._at : self._at + 1]
            if following or not self._append():
                return following
            yield

    def _match(self, pattern: re.Pattern[bytes], limit: int = sys.maxsize) -> Steps[bytes]:
        """Return the text that matches at the current position.

        Raises NotInForm if `limit` bytes do not contain a match. If the text read so far does not contain a complete
        match, the amount of text is doubled before the next attempt, so that a long value is not searched again for
        each part.
        """
        while (match := pattern.match(self._text, self._at)) is None:
            searched_bytes = len(self._text) - self._at
            if searched_bytes > limit or not self._append(searched_bytes):
                raise self._not_in_form()
            yield
        self._at = match.end()
        return match[0]

    def _append(self, least_bytes: int = 0) -> bool:
        """Read the next parts, more than `least_bytes` if available. Return False at the end."""
        added, added_bytes = list[bytes](), 0
        while added_bytes <= least_bytes and (part := next(self._parts, None)) is not None:
            added.append(part)
            added_bytes += len(part)
        self._read_bytes += self._at
        self._text, self._at = b"".join((self._text[self._at :], *added)), 0
        return bool(added)

    def _not_in_form(self) -> NotInForm:
        return NotInForm(f"it is not in the format of a snapshot after {self._read_bytes + self._at} bytes")
