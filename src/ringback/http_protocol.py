"""How bytes become requests: uvicorn's HTTP protocol, with Twilio's answer to what is no HTTP request."""

import asyncio
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ringback.api.fault_injection import CUT_EXTENSION
from ringback.api.passage import answer_headers, error_response
from ringback.domain.errors import malformed_request
from ringback.domain.urls import TARGET_KEY
from ringback.operations.identifiers import new_request_sid

MAX_HEAD_BYTES = 64 * 1024
"""How long a request line and its header fields may be together."""
PARSED_AT_ONCE_BYTES = 16 * 1024
"""How closely a head that never ends is watched."""
LINGER_SECONDS = 2
"""How long a refused client may go on sending: closed at once, the connection would be reset, and the answer lost."""
NO_HTTP = "Invalid HTTP request received."
HEAD_TOO_LARGE = f"request line and header fields may have {MAX_HEAD_BYTES} bytes"


class OneWriteTransport:
    """A transport that sends what is written in one turn of the event loop, an answer's head and body, in one piece.

    Some seed-era clients take what their first read brings for the whole answer.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pending: list[bytes] = []
        self._has_ended = False

    def write(self, data: bytes) -> None:
        if not self._pending:
            self._loop.call_soon(self._flush)
        self._pending.append(data)

    def close(self) -> None:
        """Close once what was written before is sent; what is written from now on goes nowhere."""
        self._flush()
        self._transport.close()

    def end(self) -> None:
        """Close as soon as the other side does, or after LINGER_SECONDS; nothing more is sent."""
        self._flush()
        self._has_ended = True
        self._transport.write_eof()
        self._loop.call_later(LINGER_SECONDS, self._transport.close)

    def is_closing(self) -> bool:
        return self._has_ended or self._transport.is_closing()

    def _flush(self) -> None:
        if self._pending and not self.is_closing():
            self._transport.write(b"".join(self._pending))
        self._pending.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _HeadTooLarge(Exception):
    """A head has come to its end, and was too large."""


class TwilioHttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, whose one answer of its own is Twilio-shaped too.

    It limits the size of a request's head, and takes a request that would rather speak another protocol, as Java's
    HttpClient would rather speak HTTP/2, for the HTTP/1.1 that it is: RFC 9110, 7.8, leaves that to the server.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._is_in_head = False
        self._is_first_piece = False
        self._head_bytes = 0  # without the first piece, which may have begun with another request

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._own_transport = OneWriteTransport(transport, self.loop)
        self.transport = self._own_transport  # type: ignore[assignment]
        self._extensions = {CUT_EXTENSION: self._own_transport.close}

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            while data and not self.transport.is_closing():
                left = self._parse(data[:PARSED_AT_ONCE_BYTES])
                data = left + data[PARSED_AT_ONCE_BYTES:]
        except _HeadTooLarge:
            self._refuse(HEAD_TOO_LARGE)
        except HttpParserError as error:
            self._refuse(HEAD_TOO_LARGE if isinstance(error.__context__, _HeadTooLarge) else NO_HTTP)

    def _parse(self, data: bytes) -> bytes:
        """Parse some bytes, and return those that are to be parsed next."""
        self._is_first_piece = False
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as stop:
            head = self._head_without_upgrade()
            self.parser = HttpRequestParser(self)  # after `close, upgrade` the old one would read nothing more
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
            return head + data[stop.args[0] :]
        if self._is_in_head and not self._is_first_piece:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                raise _HeadTooLarge
        return b""

    def _head_without_upgrade(self) -> bytes:
        request_line = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        fields = [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([request_line, *fields, b"", b""])

    def on_message_begin(self) -> None:
        self._is_in_head = self._is_first_piece = True
        self._head_bytes = 0
        super().on_message_begin()
        self.scope["extensions"] = self._extensions  # type: ignore[typeddict-item]

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        if self._head_bytes and self._exact_head_bytes() > MAX_HEAD_BYTES:
            raise _HeadTooLarge
        if self.parser.get_method() == b"CONNECT":
            raise HttpParserError("this is no proxy")
        if not self.parser.should_upgrade():  # it will be back, without the wish
            self.scope[TARGET_KEY] = self.url  # type: ignore[literal-required]
            super().on_headers_complete()

    def _exact_head_bytes(self) -> int:
        around_target, around_field, empty_line = len("  HTTP/1.1\r\n"), len(": \r\n"), len("\r\n")
        request_line = len(self.parser.get_method()) + len(self.url) + around_target
        fields = sum(len(name) + len(value) + around_field for name, value in self.headers)
        return request_line + fields + empty_line

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _refuse(self, reason: str) -> None:
        self.logger.warning(reason)
        self.send_400_response(reason)

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are no HTTP request, and hang up."""
        response = error_response(malformed_request(msg), None)
        lines = [b"HTTP/1.1 400 Bad Request"]
        for name, value in [
            *self.server_state.default_headers,
            *response.raw_headers,
            *answer_headers(new_request_sid(), 0.0, len(self.tasks) + 1),
            (b"connection", b"close"),
        ]:
            lines.append(name + b": " + value)
        self._own_transport.write(b"\r\n".join([*lines, b"", bytes(response.body)]))
        self._own_transport.end()
