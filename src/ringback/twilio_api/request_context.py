"""The context of a request to the Twilio API, which is passed to every handler, and the responses of handlers."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

import structlog
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from ringback.domain.accounts import Account
from ringback.domain.errors import TwilioError, not_found
from ringback.domain.fault_effects import DROP_BEFORE, Effect, describe_effect
from ringback.domain.oauth import OAuthApp
from ringback.domain.operations import Operation
from ringback.domain.paging import Page
from ringback.domain.permissions import Access
from ringback.domain.policies import CallPolicy
from ringback.domain.request_journal import KEPT_CHARACTERS, AnsweredRequest, truncate_parameters
from ringback.domain.sids import AccountSid, CallSid
from ringback.operations.id_generator import new_request_sid
from ringback.operations.services import Services
from ringback.twilio_api.documents import Document, error_document
from ringback.twilio_api.representations import XML, Representation, for_errors, split_suffix

REPORT_REFUSAL_KEY = "ringback.report_refusal"
"""Scope key that marks an intercepted request, one meant for Twilio itself. The proxy's host filter sets it to a
`ReportRefusal`."""
DROP_EXTENSION = "ringback.drop_connection"
"""Key in the scope's extensions for the server's function that closes the connection."""
ReportRefusal = Callable[[str, str, str], None]
"""Called with the method, the path and the error message of an intercepted request that is not emulated."""

NO_CONTENT = 204
ROWS_ON_EVENT_LOOP = 100
"""Maximum length of a page serialized on the event loop. A longer page takes milliseconds, and is left to a thread."""
NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})
CORS_HEADERS = [
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-allow-headers",
        (
            b"Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Unmodified-Since, "
            b"Idempotency-Key"
        ),
    ),
    (b"access-control-allow-methods", b"GET, POST, DELETE, OPTIONS"),
    (b"access-control-expose-headers", b"ETag"),
    (b"access-control-allow-credentials", b"true"),
]
CONSTANT_HEADERS = [
    *CORS_HEADERS,
    (b"x-powered-by", b"AT-5000"),
    (b"x-shenanigans", b"none"),
    (b"x-home-region", b"us1"),
    (b"x-api-domain", b"api.twilio.com"),
]
"""Headers with constant values, in Twilio's order. Source: docs/fidelity.md, headers [observed]."""
CONSTANT_TLS_HEADERS = [*CONSTANT_HEADERS, (b"strict-transport-security", b"max-age=31536000")]

_UNPRINTABLE = re.compile(rb"[^!-~]")

Row = TypeVar("Row")

log = structlog.get_logger()


class RequestContext:
    """One request to the Twilio API: its path, account and parameters, its response, its log line and journal entry.

    `method` and `path` are as the client sent them, for errors, log and journal; `path` is percent-encoded to printable
    ASCII. The router uses `route_method`, which is GET for HEAD, and `resource_path`, which has no suffix. Before it
    calls the handler, TwilioApp sets `account`, `access`, `operation`, `path_parameters`, and `holder_sid`, the account
    that the credentials belong to. `journal_account` is the account whose journal records the request. It is also set
    for a refused request whose path names an account. `is_routed` tells whether the router found a
    route. `status` is 0 until the response starts.
    """

    access: Access
    account: Account
    holder_sid: AccountSid
    oauth_app: OAuthApp
    path_parameters: Mapping[str, str]
    operation: Operation | None = None
    is_routed = False
    username: str | None = None
    refused_account_sid: AccountSid | None = None
    journal_account: Account | None = None
    query = form = NO_PARAMETERS
    hint = ""
    call_sid: CallSid | None = None
    fault: Effect | None = None
    reason = ""
    status = 0
    _error_code: int | None = None

    def __init__(
        self, services: Services, scope: Scope, receive: Receive, send: Send, requests_in_progress: int = 1
    ) -> None:
        self._started = time.perf_counter()
        self.services = services
        self.scope = scope
        self.receive = receive
        self._send = send
        self._requests_in_progress = requests_in_progress
        self.request_sid = new_request_sid()
        self.method: str = scope["method"]
        self._is_head = self.method == "HEAD"
        self.route_method = "GET" if self._is_head else self.method
        self.path = _UNPRINTABLE.sub(_percent_encode, scope["raw_path"]).decode()
        self.resource_path, representation = split_suffix(scope["path"])
        self.has_known_suffix = representation is not None
        self.representation = representation or XML

    @property
    def policy(self) -> CallPolicy:
        """The policy that applies to the account: its own values, and the settings for all others."""
        return self.account.policy.merged_with(self.services.call_policy)

    def make_response(self, document: Document, status: int = 200) -> Response:
        """Return `document` in the representation that the path selects."""
        return TwilioResponse(status, self.representation.serialize(document), self.representation.content_type)

    async def make_page_response(self, page: Page[Row], make_document: Callable[[Page[Row]], Document]) -> Response:
        """Return status 200 with the document of `page`. The document of a long page is created in a thread."""
        if len(page.rows) <= ROWS_ON_EVENT_LOOP:
            return self.make_response(make_document(page))
        return await asyncio.to_thread(lambda: self.make_response(make_document(page)))

    def not_found(self) -> TwilioError:
        """Return TwilioError 20404, which names the path."""
        return not_found(self.path)

    async def send(self, message: Message) -> None:
        """Send an ASGI message of the response, with Twilio's headers added and, for HEAD, the body removed."""
        if message["type"] == "http.response.start":
            # the server discards this response if the fault has closed the connection
            self.status = 0 if self.fault == DROP_BEFORE else message["status"]
            elapsed_seconds = time.perf_counter() - self._started
            scheme = self.scope.get("scheme", "http")
            own = response_headers(self.request_sid, elapsed_seconds, self._requests_in_progress, scheme=scheme)
            message["headers"] = [*message["headers"], *own]
        elif self._is_head:
            message = {**message, "body": b""}
        await self._send(message)

    async def send_error(self, error: TwilioError) -> None:
        """Send an error in the representation that the path selects for errors."""
        self._error_code = error.code
        self.reason = error.reason
        await error_response(error, self.representation)(self.scope, self.receive, self.send)

    def log_and_record(self) -> None:
        """Log and count the request, and add it to the journal of its account if the account is known."""
        elapsed_ms = round((time.perf_counter() - self._started) * 1000, 3)
        operation = str(self.operation) if self.operation else None
        self._log(operation, elapsed_ms)
        self._record(operation, elapsed_ms)

    def _log(self, operation: str | None, elapsed_ms: float) -> None:
        """Log the request in one line, without credentials and parameters.

        `reason` says why the client was not authenticated, why the database was unavailable, or which setting would
        accept the phone number; `hint` says why parameters were not read, or why the journal lacks the request.
        """
        log.info(
            "request",
            method=self.method,
            path=self.path,
            operation=operation,
            status=self.status,
            code=self._error_code,
            milliseconds=elapsed_ms,
            request_id=self.request_sid,
            **({"call_sid": self.call_sid} if self.call_sid else {}),
            **({"fault": describe_effect(self.fault)} if self.fault else {}),
            **({"reason": self.reason} if self.reason else {}),
            **({"hint": self.hint} if self.hint else {}),
        )

    def _record(self, operation: str | None, elapsed_ms: float) -> None:
        services = self.services
        services.metrics.observe_request(operation, self.method, self.status, elapsed_ms / 1000)
        if self.journal_account is None:
            return
        services.journal.add(
            AnsweredRequest(
                self.journal_account.sid,
                self.journal_account.clock.now(services.system_now()),
                self.request_sid,
                self.method,
                self.path[:KEPT_CHARACTERS],
                operation,
                self.username,
                self._journal_parameters(),
                self.status,
                self._error_code,
                elapsed_ms,
                describe_effect(self.fault) if self.fault else None,
            ),
            is_routed=self.is_routed,
        )

    def _journal_parameters(self) -> dict[str, str]:
        """Return the parameters that the journal keeps; a query that was parsed is not parsed again."""
        query_string = self.scope["query_string"]
        if self.query:
            return truncate_parameters(b"", {**self.query, **self.form})
        return truncate_parameters(query_string, self.form) if query_string or self.form else {}


def _percent_encode(byte: re.Match[bytes]) -> bytes:
    return b"%%%02X" % ord(byte[0])


Handler = Callable[[RequestContext], Awaitable[Response]]


class TwilioResponse(Response):
    """A response that is complete when it is created. It skips Starlette's work on headers, cookies and charset."""

    def __init__(self, status: int, body: bytes, content_type: bytes | None) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        content_length = b"%d" % len(body)
        self.raw_headers = (
            [(b"content-length", content_length), (b"content-type", content_type)] if content_type else []
        )


def no_content() -> Response:
    """Return status 204: no body, no Content-Type."""
    return TwilioResponse(NO_CONTENT, b"", None)


def error_response(error: TwilioError, representation: Representation | None) -> Response:
    """Return the response for an error, with the error's own headers."""
    form = for_errors(representation)
    response = TwilioResponse(error.status, form.serialize(error_document(error)), form.content_type)
    response.raw_headers += [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
    return response


def response_headers(
    request_sid: str, elapsed_seconds: float, requests_in_progress: int, *, scheme: str | None
) -> list[tuple[bytes, bytes]]:
    """Return the headers of every response of the Twilio API. Over TLS there is one more."""
    return [
        (b"twilio-concurrent-requests", b"%d" % requests_in_progress),
        (b"twilio-request-id", request_sid.encode()),
        (b"twilio-request-duration", b"%.3f" % elapsed_seconds),
        *(CONSTANT_TLS_HEADERS if scheme == "https" else CONSTANT_HEADERS),
    ]
