"""Parser of ``multipart/form-data`` bodies, which Node's helper library 3.0.0 to 3.40.0 sends."""

import re
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ringback.domain import errors

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MULTIPART_CONTENT_TYPE = b"multipart/form-data"
MAX_PART_HEADERS = 8
MAX_PART_HEADER_BYTES = 4096
MAX_DELIMITERS = 50
"""Maximum number of semicolons and quotation marks in a header. python-multipart parses such a header in quadratic
time."""
_BOUNDARY = re.compile(rb"[ -~]{0,69}[!-~]")
"""Source: RFC 2046, 5.1.1, and a few more characters that helper libraries use."""
_PLAIN_ENCODINGS = (b"", b"7bit", b"8bit", b"binary")
_QUOTED_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_EXTENDED_FILENAME = re.compile(rb";[ \t]*filename\*", re.IGNORECASE)


def parse_multipart(body: bytes, content_type: bytes, *, max_parts: int) -> dict[str, str]:
    """Return the fields of a multipart body; the last value of a repeated name wins, and files are ignored.

    An empty body has no fields: this is how Node's helper library sends an update without parameters.

    Raises TwilioError 20400 for a malformed body, for names and values that are not UTF-8, and for more than
    `max_parts` parts. Source: docs/fidelity.md, representation [documented].
    """
    if not body:
        return {}
    boundary = _options(content_type)[1].get(b"boundary", b"")
    if not _BOUNDARY.fullmatch(boundary):
        raise errors.malformed_request("the multipart body has no valid boundary")
    reader = _FieldReader(max_parts)
    parser = MultipartParser(
        boundary,
        reader.callbacks,
        max_header_count=MAX_PART_HEADERS,
        max_header_size=MAX_PART_HEADER_BYTES,
    )
    try:
        parser.write(body)
    except FormParserError as error:
        raise errors.malformed_request("the multipart body is malformed") from error
    if not reader.is_complete:
        raise errors.malformed_request("the multipart body has no closing boundary")
    return reader.fields


class _FieldReader:
    """Collects the fields of one body from the parser's events."""

    def __init__(self, max_parts: int) -> None:
        self.fields: dict[str, str] = {}
        self.is_complete = False
        self._max_parts = max_parts
        self._parts = 0
        self._header_name = b""
        self._header_value = b""
        self._headers: dict[bytes, bytes] = {}
        self._field_name: str | None = None
        self._value = bytearray()
        self.callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin_part,
            "on_header_field": self._add_to_header_name,
            "on_header_value": self._add_to_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._add_to_value,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > self._max_parts:
            raise errors.malformed_request(f"more than {self._max_parts} parameters")
        self._headers = {}
        self._value = bytearray()

    def _add_to_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_to_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _end_headers(self) -> None:
        self._field_name = _field_name(self._headers)

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        if self._field_name is not None:
            self._value += data[start:end]

    def _end_part(self) -> None:
        if self._field_name is not None:
            self.fields[self._field_name] = _decode(bytes(self._value))

    def _end(self) -> None:
        self.is_complete = True


def _options(header: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the value of a header and its parameters. Raises TwilioError 20400 for too many parameters."""
    if header.count(b";") + header.count(b'"') > MAX_DELIMITERS:
        raise errors.malformed_request("a header of the multipart body has too many parameters")
    return parse_options_header(header)


def _field_name(headers: dict[bytes, bytes]) -> str | None:
    """Return the field name of a part, or None for a file. Raises TwilioError 20400 for a part that is neither."""
    disposition = headers.get(b"content-disposition", b"")
    kind, options = _options(disposition)
    if kind.strip() != b"form-data" or b"name" not in options:
        raise errors.malformed_request("a part of the multipart body has no field name")
    if b"filename" in options or _EXTENDED_FILENAME.search(_QUOTED_TEXT.sub(b"", disposition)):
        return None
    if headers.get(b"content-type", b"").strip().lower().startswith(b"multipart/"):
        raise errors.malformed_request("a part of the multipart body is itself multipart")
    if headers.get(b"content-transfer-encoding", b"").strip().lower() not in _PLAIN_ENCODINGS:
        raise errors.malformed_request("a part of the multipart body has a Content-Transfer-Encoding")
    return _decode(options[b"name"])


def _decode(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise errors.malformed_request("the parameters are not UTF-8") from error
