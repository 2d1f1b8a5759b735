"""One request on its way through the edge: the answer's own headers, its errors, and what is said of it afterwards."""

import time
from urllib.parse import quote

import structlog
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from ringback.domain.accounts import Account
from ringback.domain.errors import TwilioError
from ringback.domain.faults import DROP_BEFORE, Effect, described
from ringback.domain.request_journal import KEPT_CHARACTERS, AnsweredRequest, kept_parameters
from ringback.domain.sids import AccountSid
from ringback.operations.services import Services
from ringback.twilio_api import documents
from ringback.twilio_api.parameters import FORM_KEY, QUERY_KEY, UNREAD_KEY
from ringback.twilio_api.representations import Representation, for_errors, split_suffix
from ringback.twilio_api.responses import CALL_KEY, TwilioResponse

CORS_HEADERS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Unmodified-Since",
    ),
    (b"access-control-expose-headers", b"ETag"),
    (b"access-control-allow-credentials", b"true"),
]
CONSTANT_HEADERS = [
    *CORS_HEADERS,
    (b"x-home-region", b"us1"),
    (b"x-api-domain", b"api.twilio.com"),
]
"""Source: docs/fidelity.md, headers [observed]."""

_PRINTED = "".join(map(chr, range(0x21, 0x7F)))

log = structlog.get_logger()


def response_headers(request_sid: str, elapsed_seconds: float, requests_under_way: int) -> list[tuple[bytes, bytes]]:
    """Return the headers that every answer carries."""
    return [
        (b"twilio-request-id", request_sid.encode()),
        (b"twilio-request-duration", b"%.3f" % elapsed_seconds),
        (b"twilio-concurrent-requests", b"%d" % requests_under_way),
        *CONSTANT_HEADERS,
    ]


class Passage:
    """One request on its way through the edge, and what is to be said of it afterwards."""

    __slots__ = (
        "_elapsed_ms",
        "_error_code",
        "_is_head",
        "_method",
        "_operation",
        "_requests_under_way",
        "_send",
        "_started",
        "account",
        "fault",
        "path",
        "reason",
        "refused_sid",
        "representation",
        "request_sid",
        "scope",
        "status",
        "username",
    )

    def __init__(self, scope: Scope, send: Send, request_sid: str, requests_under_way: int) -> None:
        self._started = time.perf_counter()
        self._method = scope["method"]
        self._is_head = self._method == "HEAD"
        self._send = send
        self._requests_under_way = requests_under_way
        self._error_code: int | None = None
        self.reason = ""
        self.request_sid = request_sid
        self.status = 0
        self.account: Account | None = None
        self.refused_sid: AccountSid | None = None
        self.username: str | None = None
        self.fault: Effect | None = None
        self.path = quote(scope["raw_path"], safe=_PRINTED)
        inner_path, self.representation = split_suffix(scope["path"])
        self.scope = {**scope, "path": inner_path, "method": "GET" if self._is_head else self._method}

    async def send(self, message: Message) -> None:
        """Send on an answer's message, its head with Twilio's headers, its body unless only the head was asked for."""
        if message["type"] == "http.response.start":
            self.status = 0 if self.fault == DROP_BEFORE else message["status"]
            elapsed_seconds = time.perf_counter() - self._started
            own = response_headers(self.request_sid, elapsed_seconds, self._requests_under_way)
            message["headers"] = [*message["headers"], *own]
        elif self._is_head:
            message = {**message, "body": b""}
        await self._send(message)

    async def answer_error(self, error: TwilioError, receive: Receive) -> None:
        """Answer with an error, in the form the path asks errors to be in."""
        self._error_code = error.code
        self.reason = error.reason
        await error_response(error, self.representation)(self.scope, receive, self.send)

    def log(self) -> None:
        """Log the request in one line, without credentials and parameters.

        `reason` says why it was not authenticated, or why the database was unavailable; `hint` says why its parameters
        were not read.
        """
        route = self.scope.get("route")
        self._operation = route.name if route else None
        self._elapsed_ms = round((time.perf_counter() - self._started) * 1000, 3)
        log.info(
            "request",
            method=self._method,
            path=self.path,
            operation=self._operation,
            status=self.status,
            code=self._error_code,
            milliseconds=self._elapsed_ms,
            request_id=self.request_sid,
            **({"call_sid": self.scope[CALL_KEY]} if CALL_KEY in self.scope else {}),
            **({"fault": described(self.fault)} if self.fault else {}),
            **({"reason": self.reason} if self.reason else {}),
            **({"hint": self.scope[UNREAD_KEY]} if self.scope.get(UNREAD_KEY) else {}),
        )

    def enter(self, services: Services) -> None:
        """Count the logged request, and enter it into the journal of its account, if there is one."""
        seconds = self._elapsed_ms / 1000
        services.metrics.observe_request(self._operation, self._method, self.status, seconds)
        if self.account is None:
            return
        services.journal.add(
            AnsweredRequest(
                self.account.sid,
                self.account.clock.now(services.now()),
                self.request_sid,
                self._method,
                self.path[:KEPT_CHARACTERS],
                self._operation,
                self.username,
                self._parameters(),
                self.status,
                self._error_code,
                self._elapsed_ms,
                described(self.fault) if self.fault else None,
            )
        )

    def _parameters(self) -> dict[str, str]:
        """Return what the journal keeps of the request's parameters; a query that was read is not read again."""
        query, read, form = self.scope["query_string"], self.scope.get(QUERY_KEY), self.scope.get(FORM_KEY, {})
        if read:
            return kept_parameters(b"", {**read, **form})
        return kept_parameters(query, form) if query or form else {}


def error_response(error: TwilioError, representation: Representation | None) -> Response:
    """Return an error as an answer, its own headers included."""
    form = for_errors(representation)
    response = TwilioResponse(error.status, form.serialize(documents.error(error)), form.content_type)
    response.raw_headers += [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
    return response
