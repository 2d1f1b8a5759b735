"""uvicorn's HTTP protocol with Twilio-shaped errors, limits for hostile clients, and one write per response.

The docstring of each override says why it is needed; without the override, tests/integration/test_http_*.py or
tests/contract/test_wire_connections.py fail. `uvicorn_internals` lists the private names of uvicorn that are used here
and in `transports`.
"""

import asyncio
from http import HTTPStatus
from typing import Any, NamedTuple

import structlog
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ringback.domain.errors import TwilioError, malformed_request, request_timeout
from ringback.domain.urls import TARGET_KEY
from ringback.operations.id_generator import new_request_sid
from ringback.server.transports import OneWriteTransport, PipelineFlowControl
from ringback.twilio_api.request_context import DROP_EXTENSION, error_response, response_headers

MAX_HEAD_BYTES = 64 * 1024
"""Limit on a request line and its header fields together."""
MAX_FRAMING_BYTES = 256 * 1024
"""Limit on the bytes after a head that are not body: sizes and extensions of chunks, and trailer fields."""
PARSED_AT_ONCE_BYTES = 16 * 1024
"""Number of bytes that are parsed between two checks of the limits."""
MAX_WAITING_REQUESTS = 100
"""Number of a connection's pipelined requests that may wait before the protocol stops parsing."""
REQUEST_SECONDS = 60
"""Interval between checks for progress. A client that makes no progress between two checks is disconnected."""
LINGER_SECONDS = 0.2
"""How long idle connections stay open when the server stops, for requests that are already on their way."""
INVALID_REQUEST = "Invalid HTTP request received."
HEAD_TOO_LARGE = f"request line and header fields are larger than {MAX_HEAD_BYTES} bytes"
FRAMING_TOO_LARGE = f"the framing of the body is larger than {MAX_FRAMING_BYTES} bytes"

log = structlog.get_logger()


class _TooLarge(Exception):
    """A request exceeds the limit that the message names."""


class _Progress(NamedTuple):
    """The state of a connection that changes while its client is active."""

    messages: int  # starts and ends of messages
    unsent_bytes: int
    is_closing: bool


_NO_PROGRESS = _Progress(0, 0, is_closing=False)


class TwilioHttpProtocol(HttpToolsProtocol):
    """One connection. Its own errors are Twilio-shaped, and are sent after the responses to earlier requests.

    It ignores requests to upgrade to another protocol, such as those that Java's HttpClient sends for HTTP/2. RFC 9110,
    7.8, permits this.
    """

    transport: OneWriteTransport  # type: ignore[assignment]
    flow: PipelineFlowControl

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._is_in_head = False
        self._is_in_body = False
        self._is_first_piece = False
        self._counted_bytes = 0  # of the head or framing, except for the first piece, which may start with other data
        self._body_bytes = 0  # of the piece being parsed
        self._messages = 0  # starts and ends of messages
        self._unparsed = b""
        self._pending_error: TwilioError | None = None
        self._is_stopping = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Replace uvicorn's transport and flow control with ringback's, and start watching the client."""
        super().connection_made(transport)
        self.transport = OneWriteTransport(transport, self.loop)
        self.flow = PipelineFlowControl(transport, self._is_backlogged)
        self._extensions = {DROP_EXTENSION: self.transport.close}
        self._watch = self.loop.call_later(REQUEST_SECONDS, self._check_progress, _NO_PROGRESS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching the client, and break the reference cycle through the flow control."""
        self._watch.cancel()
        self.flow.release_protocol()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse data in small pieces, not all at once as uvicorn does, or buffer it while pipelined requests wait."""
        self._unset_keepalive_if_required()
        if not self._is_backlogged():
            self._parse_in_pieces(data)
        elif self._pending_error is None:
            self._unparsed += data

    def _is_backlogged(self) -> bool:
        """Return whether requests are waiting for their turn, or an error is waiting for earlier responses."""
        return bool(self.pipeline or self._unparsed or self._pending_error)

    def _parse_in_pieces(self, data: bytes) -> None:
        try:
            while data and not self.transport.is_closing():
                if len(self.pipeline) >= MAX_WAITING_REQUESTS:
                    self._unparsed = data
                    return
                unparsed = self._parse(data[:PARSED_AT_ONCE_BYTES])
                data = unparsed + data[PARSED_AT_ONCE_BYTES:]
        except _TooLarge as error:
            self._reject(malformed_request(str(error)))
        except HttpParserError as error:
            reason = str(error.__context__) if isinstance(error.__context__, _TooLarge) else INVALID_REQUEST
            self._reject(malformed_request(reason))

    def _parse(self, data: bytes) -> bytes:
        """Parse a piece, and return the bytes that must be parsed next."""
        self._is_first_piece = False
        self._body_bytes = 0
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            head = self._head_without_upgrade()
            self.parser = HttpRequestParser(self)  # the old parser stops reading after `close, upgrade`
            return head + data[upgrade.args[0] :]
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
        """Start counting the head's bytes, and give the application a way to drop the connection."""
        self._is_in_head = self._is_first_piece = True
        self._counted_bytes = 0
        self._messages += 1
        super().on_message_begin()
        self.scope["extensions"] = self._extensions  # type: ignore[typeddict-item]

    def on_headers_complete(self) -> None:
        """Check the head's size, reject CONNECT, and skip a head that will be parsed again without its upgrade."""
        self._is_in_head = False
        if self._counted_bytes and self._exact_head_bytes() > MAX_HEAD_BYTES:
            raise _TooLarge(HEAD_TOO_LARGE)
        if self.parser.get_method() == b"CONNECT":
            raise HttpParserError("this port is not a proxy")
        if not self.parser.should_upgrade():
            self.scope[TARGET_KEY] = self.url  # type: ignore[literal-required]
            super().on_headers_complete()
            if self._is_stopping:
                self.cycle.keep_alive = False
            self._is_in_body, self._is_first_piece, self._counted_bytes = True, True, 0
            self.headers = []  # further fields are trailers, not part of the head

    def _exact_head_bytes(self) -> int:
        around_target, around_field, empty_line = len("  HTTP/1.1\r\n"), len(": \r\n"), len("\r\n")
        request_line = len(self.parser.get_method()) + len(self.url) + around_target
        fields = sum(len(name) + len(value) + around_field for name, value in self.headers)
        return request_line + fields + empty_line

    def on_body(self, body: bytes) -> None:
        """Count the bytes of the body, to distinguish them from its framing."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Skip the end of a head that will be parsed again without its upgrade."""
        self._is_in_body = False
        if not self.parser.should_upgrade():
            self._messages += 1
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Parse the buffered bytes of later requests, or send the pending error."""
        was_last = not self.pipeline
        super().on_response_complete()
        if self._pending_error and was_last:
            error, self._pending_error = self._pending_error, None
            self._answer_and_close(error)
        elif self._unparsed and len(self.pipeline) < MAX_WAITING_REQUESTS:
            data, self._unparsed = self._unparsed, b""
            self._parse_in_pieces(data)
        self.flow.resume_reading()

    def _reject(self, error: TwilioError) -> None:
        """Answer the request being read with an error, after the earlier requests, unless its response has started."""
        log.warning("request rejected", reason=error.message)
        if self._is_in_body and self.pipeline:
            self.pipeline.popleft()
        elif self._is_in_body and self.cycle.response_started:
            self.transport.end()
            return
        elif self._is_in_body or self._is_idle():
            self._answer_and_close(error)
            return
        self._pending_error, self._unparsed = error, b""
        self.flow.pause_reading()

    def shutdown(self) -> None:
        """Close an idle connection after LINGER_SECONDS, or after the response to a request that arrives before that.

        uvicorn closes it immediately. A load balancer that was just sending a POST could then not tell whether it was
        processed, and would not try another server.
        """
        self._is_stopping = True
        if self._is_idle():
            self.loop.call_later(LINGER_SECONDS, super().shutdown)
        else:
            super().shutdown()

    def _is_idle(self) -> bool:
        """Return whether all requests except the one being read have been answered."""
        return self.cycle is None or self.cycle.response_complete

    def _progress(self) -> _Progress:
        return _Progress(self._messages, self.transport.get_write_buffer_size(), self.transport.is_closing())

    def _check_progress(self, before: _Progress) -> None:
        """Disconnect the client if the server is waiting for it and it has made no progress since the last check."""
        now = self._progress()
        if now == before and (now.is_closing or self.flow.write_paused):
            self.transport.abort()
        elif now == before and self._is_waiting_for_client():
            self._time_out()
        self._watch = self.loop.call_later(REQUEST_SECONDS, self._check_progress, self._progress())

    def _is_waiting_for_client(self) -> bool:
        if self.flow.read_paused:
            return False
        if self._is_in_body:
            return not self.cycle.waiting_for_100_continue
        return self._is_idle() and (self._is_in_head or self.timeout_keep_alive_task is None)

    def _time_out(self) -> None:
        if self._is_in_head or self._is_in_body:
            self._reject(request_timeout(REQUEST_SECONDS))
        else:
            self.transport.close()

    def _answer_and_close(self, error: TwilioError) -> None:
        """Answer a malformed or incomplete request, which has no ASGI scope, and close the connection."""
        response = error_response(error, None)
        lines = [b"HTTP/1.1 %d %b" % (error.status, HTTPStatus(error.status).phrase.encode())]
        for name, value in [
            *self.server_state.default_headers,
            *response.raw_headers,
            *response_headers(new_request_sid(), 0.0, len(self.tasks) + 1, scheme=self.scheme),
            (b"connection", b"close"),
        ]:
            lines.append(name + b": " + value)
        self.transport.write(b"\r\n".join([*lines, b"", bytes(response.body)]))
        self.transport.end()
