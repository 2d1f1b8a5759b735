"""How bytes become requests: uvicorn's HTTP protocol, with Twilio's answer to what is no HTTP request or has no end."""

import asyncio
from http import HTTPStatus
from typing import Any, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ringback.domain.errors import TwilioError, malformed_request, request_timeout
from ringback.domain.urls import TARGET_KEY
from ringback.operations.id_generator import new_request_sid
from ringback.server.transports import OneWriteTransport, PipelineFlowControl
from ringback.twilio_api.request_context import DROP_EXTENSION, error_response, response_headers

MAX_HEAD_BYTES = 64 * 1024
"""How long a request line and its header fields may be together."""
MAX_FRAMING_BYTES = 256 * 1024
"""How much may come after a head that belongs to no body: sizes and extensions of chunks, and what trails the last."""
PARSED_AT_ONCE_BYTES = 16 * 1024
"""How closely a head that never ends is watched."""
MAX_WAITING_REQUESTS = 100
"""How many requests of a connection may wait for the answer to an earlier one before no more of them are parsed."""
REQUEST_SECONDS = 60
"""How long a client may take to send a request, or to begin its first one; after twice as long it is given up."""
NO_HTTP = "Invalid HTTP request received."
HEAD_TOO_LARGE = f"request line and header fields may have {MAX_HEAD_BYTES} bytes"
FRAMING_TOO_LARGE = f"the framing of a body may have {MAX_FRAMING_BYTES} bytes"


class _TooLarge(Exception):
    """A request has more of something than is read; the message says of what."""


class _Progress(NamedTuple):
    """What changes on a connection whose client does something."""

    begins_and_ends: int
    unsent_bytes: int
    is_closing: bool


_NOTHING_YET = _Progress(0, 0, is_closing=False)


class TwilioHttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, whose one answer of its own is Twilio-shaped too, and comes when its turn is.

    It limits the size of a request's head and framing, and how long a request may take to come. It takes a request that
    would rather speak another protocol, as Java's HttpClient would rather speak HTTP/2, for the HTTP/1.1 that it is:
    RFC 9110, 7.8, leaves that to the server.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._is_in_head = False
        self._is_in_body = False
        self._is_first_piece = False
        self._counted_bytes = 0  # of head or framing, without the first piece, which may have begun with other things
        self._body_bytes = 0  # of the piece being parsed
        self._begins_and_ends = 0  # of requests
        self._unparsed = b""
        self._refusal: TwilioError | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._own_transport = OneWriteTransport(transport, self.loop)
        self.transport = self._own_transport  # type: ignore[assignment]
        self.flow = self._own_flow = PipelineFlowControl(transport, self._is_backlogged)
        self._extensions = {DROP_EXTENSION: self._own_transport.close}
        self._watch = self.loop.call_later(REQUEST_SECONDS, self._look, _NOTHING_YET)

    def connection_lost(self, exc: Exception | None) -> None:
        self._watch.cancel()
        self._own_flow.let_go()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if not self._is_backlogged():
            self._read(data)
        elif self._refusal is None:
            self._unparsed += data

    def _is_backlogged(self) -> bool:
        """Tell whether what comes on the connection is to wait, or nothing is to come any more."""
        return bool(self.pipeline or self._unparsed or self._refusal)

    def _read(self, data: bytes) -> None:
        try:
            while data and not self.transport.is_closing():
                if len(self.pipeline) >= MAX_WAITING_REQUESTS:
                    self._unparsed = data
                    return
                left = self._parse(data[:PARSED_AT_ONCE_BYTES])
                data = left + data[PARSED_AT_ONCE_BYTES:]
        except _TooLarge as error:
            self._refuse(malformed_request(str(error)))
        except HttpParserError as error:
            reason = str(error.__context__) if isinstance(error.__context__, _TooLarge) else NO_HTTP
            self._refuse(malformed_request(reason))

    def _parse(self, data: bytes) -> bytes:
        """Parse some bytes, and return those that are to be parsed next."""
        self._is_first_piece = False
        self._body_bytes = 0
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as stop:
            head = self._head_without_upgrade()
            self.parser = HttpRequestParser(self)  # after `close, upgrade` the old one would read nothing more
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
            return head + data[stop.args[0] :]
        if not self._is_first_piece:
            self._count(len(data) - self._body_bytes)
        return b""

    def _count(self, size: int) -> None:
        if self._is_in_head or self._is_in_body:
            self._counted_bytes += size
        if self._is_in_head and self._counted_bytes > MAX_HEAD_BYTES:
            raise _TooLarge(HEAD_TOO_LARGE)
        if self._is_in_body and self._counted_bytes > MAX_FRAMING_BYTES:
            raise _TooLarge(FRAMING_TOO_LARGE)

    def _head_without_upgrade(self) -> bytes:
        request_line = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        fields = [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([request_line, *fields, b"", b""])

    def on_message_begin(self) -> None:
        self._is_in_head = self._is_first_piece = True
        self._counted_bytes = 0
        self._begins_and_ends += 1
        super().on_message_begin()
        self.scope["extensions"] = self._extensions  # type: ignore[typeddict-item]

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        if self._counted_bytes and self._exact_head_bytes() > MAX_HEAD_BYTES:
            raise _TooLarge(HEAD_TOO_LARGE)
        if self.parser.get_method() == b"CONNECT":
            raise HttpParserError("this is no proxy")
        if not self.parser.should_upgrade():  # it will be back, without the wish
            self.scope[TARGET_KEY] = self.url  # type: ignore[literal-required]
            super().on_headers_complete()
            self._is_in_body, self._is_first_piece, self._counted_bytes = True, True, 0
            self.headers = []  # what comes now trails the body, and is no part of the head

    def _exact_head_bytes(self) -> int:
        around_target, around_field, empty_line = len("  HTTP/1.1\r\n"), len(": \r\n"), len("\r\n")
        request_line = len(self.parser.get_method()) + len(self.url) + around_target
        fields = sum(len(name) + len(value) + around_field for name, value in self.headers)
        return request_line + fields + empty_line

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_in_body = False
        if not self.parser.should_upgrade():
            self._begins_and_ends += 1
            super().on_message_complete()

    def on_response_complete(self) -> None:
        was_last = not self.pipeline
        super().on_response_complete()
        if self._refusal and was_last:
            refusal, self._refusal = self._refusal, None
            self._answer_and_hang_up(refusal)
        elif self._unparsed and len(self.pipeline) < MAX_WAITING_REQUESTS:
            data, self._unparsed = self._unparsed, b""
            self._read(data)
        self.flow.resume_reading()

    def _refuse(self, error: TwilioError) -> None:
        """Answer instead of the request being read, after those before it; but no request is answered twice."""
        self.logger.warning(error.message)
        if self._is_in_body and self.pipeline:
            self.pipeline.popleft()
        elif self._is_in_body and self.cycle.response_started:
            self._own_transport.end()
            return
        elif self._is_in_body or self._is_idle():
            self._answer_and_hang_up(error)
            return
        self._refusal, self._unparsed = error, b""
        self.flow.pause_reading()

    def _is_idle(self) -> bool:
        """Tell whether every request but the one being read is answered."""
        return self.cycle is None or self.cycle.response_complete

    def _progress(self) -> _Progress:
        transport = self._own_transport
        return _Progress(self._begins_and_ends, transport.get_write_buffer_size(), transport.is_closing())

    def _look(self, before: _Progress) -> None:
        """Give up a client that has done nothing since before, where that is what is waited for."""
        now = self._progress()
        if now == before and (now.is_closing or self.flow.write_paused):
            self._own_transport.abort()
        elif now == before and self._waits_for_client():
            self._give_up()
        self._watch = self.loop.call_later(REQUEST_SECONDS, self._look, self._progress())

    def _waits_for_client(self) -> bool:
        if self.flow.read_paused:
            return False
        if self._is_in_body:
            return not self.cycle.waiting_for_100_continue
        return self._is_idle() and (self._is_in_head or self.timeout_keep_alive_task is None)

    def _give_up(self) -> None:
        if self._is_in_head or self._is_in_body:
            self._refuse(request_timeout(REQUEST_SECONDS))
        else:
            self._own_transport.close()

    def send_400_response(self, msg: str) -> None:
        self._answer_and_hang_up(malformed_request(msg))

    def _answer_and_hang_up(self, error: TwilioError) -> None:
        """Answer what is no whole HTTP request, and hang up."""
        response = error_response(error, None)
        lines = [b"HTTP/1.1 %d %b" % (error.status, HTTPStatus(error.status).phrase.encode())]
        for name, value in [
            *self.server_state.default_headers,
            *response.raw_headers,
            *response_headers(new_request_sid(), 0.0, len(self.tasks) + 1),
            (b"connection", b"close"),
        ]:
            lines.append(name + b": " + value)
        self._own_transport.write(b"\r\n".join([*lines, b"", bytes(response.body)]))
        self._own_transport.end()
