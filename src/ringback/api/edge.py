"""What every request to the Twilio surface goes through, once, in one place.

The suffix is taken off the path, the client authenticated, the answer given Twilio's headers, every error Twilio's
shape, and one line is logged. Pure ASGI: a BaseHTTPMiddleware would cost more than the rest of a request.
"""

import re
import time
from urllib.parse import quote, unquote

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringback.api import documents
from ringback.api.authentication import credentials_of
from ringback.api.exchange import STATE_KEY, Exchange, TwilioResponse, no_content
from ringback.api.fault_injection import BEFORE, ConnectionCut, UnderFault, struck
from ringback.api.representation import Representation, for_errors, split_suffix
from ringback.api.services import Services
from ringback.domain.errors import TwilioError, internal_server_error, method_not_allowed, not_found
from ringback.domain.faults import Effect, described
from ringback.operations.accounts import authenticate
from ringback.operations.identifiers import new_request_sid

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

METHOD_NOT_ALLOWED = 405

_ACCOUNT_PATH = re.compile(r"/2010-04-01/Accounts/([^/]+?)(?:/|(?:\.[^/]*)?$)")
"""A suffix, a known one or not, is no part of the account's SID."""
_ESCAPED_SEPARATOR = re.compile(rb"%(?=2[EeFf])")
_PRINTED = "".join(map(chr, range(0x21, 0x7F)))

log = structlog.get_logger()


def answer_headers(request_sid: str, elapsed_seconds: float, requests_under_way: int) -> list[tuple[bytes, bytes]]:
    """Return the headers that every answer carries."""
    return [
        (b"twilio-request-id", request_sid.encode()),
        (b"twilio-request-duration", b"%.3f" % elapsed_seconds),
        (b"twilio-concurrent-requests", b"%d" % requests_under_way),
        *CONSTANT_HEADERS,
    ]


class TwilioEdge:
    """The outermost layer of the Twilio surface; `other_paths` and those under `other_prefix` pass through."""

    def __init__(self, app: ASGIApp, services: Services, other_paths: frozenset[str], other_prefix: str) -> None:
        self._app = app
        self._services = services
        self._other_paths = other_paths
        self._other_prefix = other_prefix
        self._requests_under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if b"%" in scope["raw_path"]:
            scope = {**scope, "path": _decoded(scope["raw_path"])}
        if self._is_elsewhere(scope["path"]):
            await self._app(scope, receive, send)
            return
        self._requests_under_way += 1
        passage = _Passage(scope, send, new_request_sid(), self._requests_under_way)
        try:
            await self._pass(passage, receive)
        except ClientDisconnect:
            log.info("the client left before its request was complete", request_id=passage.request_sid)
        finally:
            self._requests_under_way -= 1
            passage.log()

    def _is_elsewhere(self, path: str) -> bool:
        return path in self._other_paths or path.startswith(self._other_prefix)

    async def _pass(self, passage: "_Passage", receive: Receive) -> None:
        try:
            if passage.scope["method"] == "OPTIONS":
                await no_content()(passage.scope, receive, passage.send)
                return
            exchange = await self._exchange(passage)
            passage.scope["state"] = {STATE_KEY: exchange}
            app = self._app
            if exchange.account.has_faults and (fault := await struck(exchange, passage.scope)):
                passage.fault, app = fault, UnderFault(app, fault, passage.path)
            await app(passage.scope, receive, passage.send)
        except TwilioError as error:
            await passage.answer_error(error, receive)
        except (ClientDisconnect, ConnectionCut):
            raise
        except Exception:
            if passage.status:
                raise
            log.exception("a request failed", request_id=passage.request_sid, path=passage.path)
            await passage.answer_error(internal_server_error(), receive)

    async def _exchange(self, passage: "_Passage") -> Exchange:
        """Authenticate the client for the path's account, before anything else about the path is looked at."""
        match = _ACCOUNT_PATH.match(passage.scope["path"])
        if match is None:
            raise not_found(passage.path)
        credentials = credentials_of(passage.scope["headers"])
        account = await self._services.database.run(authenticate, credentials, match[1])
        if passage.representation is None:
            raise not_found(passage.path)
        return Exchange(self._services, passage.path, passage.representation, account)


def _decoded(raw_path: bytes) -> str:
    """Return the path to route by: an escaped slash or dot is no separator, and stays escaped."""
    return unquote(_ESCAPED_SEPARATOR.sub(b"%25", raw_path))


class _Passage:
    """One request on its way through the edge, and what is to be said of it afterwards."""

    __slots__ = (
        "_error_code",
        "_is_head",
        "_method",
        "_requests_under_way",
        "_send",
        "_started",
        "fault",
        "path",
        "representation",
        "request_sid",
        "scope",
        "status",
    )

    def __init__(self, scope: Scope, send: Send, request_sid: str, requests_under_way: int) -> None:
        self._started = time.perf_counter()
        self._method = scope["method"]
        self._is_head = self._method == "HEAD"
        self._send = send
        self._requests_under_way = requests_under_way
        self._error_code: int | None = None
        self.request_sid = request_sid
        self.status = 0
        self.fault: Effect | None = None
        self.path = quote(scope["raw_path"], safe=_PRINTED)
        inner_path, self.representation = split_suffix(scope["path"])
        self.scope = {**scope, "path": inner_path, "method": "GET" if self._is_head else self._method}

    async def send(self, message: Message) -> None:
        """Send on an answer's message, its head with Twilio's headers, its body unless only the head was asked for."""
        if message["type"] == "http.response.start":
            self.status = 0 if self.fault == BEFORE else message["status"]
            elapsed_seconds = time.perf_counter() - self._started
            own = answer_headers(self.request_sid, elapsed_seconds, self._requests_under_way)
            message["headers"] = [*message["headers"], *own]
        elif self._is_head:
            message = {**message, "body": b""}
        await self._send(message)

    async def answer_error(self, error: TwilioError, receive: Receive) -> None:
        """Answer with an error, in the form the path asks errors to be in."""
        self._error_code = error.code
        await error_response(error, self.representation)(self.scope, receive, self.send)

    def log(self) -> None:
        """Log the request: one line, no credentials, no parameters."""
        route = self.scope.get("route")
        log.info(
            "request",
            method=self._method,
            path=self.path,
            operation=route.name if route else None,
            status=self.status,
            code=self._error_code,
            milliseconds=round((time.perf_counter() - self._started) * 1000, 3),
            request_id=self.request_sid,
            **({"fault": described(self.fault)} if self.fault else {}),
        )


def error_response(error: TwilioError, representation: Representation | None) -> Response:
    """Return an error as an answer, its own headers included."""
    form = for_errors(representation)
    response = TwilioResponse(error.status, form.serialize(documents.error(error)), form.content_type)
    response.raw_headers += [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
    return response


async def answer_http_exception(request: Request, raised: Exception) -> Response:
    """Turn the router's own 404 and 405 into Twilio's, or into a plain JSON error beside the Twilio surface."""
    assert isinstance(raised, HTTPException)  # noqa: S101
    exchange = request.scope.get("state", {}).get(STATE_KEY)
    if exchange is None:
        error = {"error": str(raised.detail), "hint": "GET /docs lists what there is"}
        return JSONResponse(error, raised.status_code, raised.headers)
    if raised.status_code == METHOD_NOT_ALLOWED:
        raise method_not_allowed(_allowed_methods(request))
    raise not_found(exchange.path)


def _allowed_methods(request: Request) -> str:
    methods = {"OPTIONS"}
    for route in request.app.routes:
        if route.matches(request.scope)[0] != Match.NONE:
            methods |= route.methods
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))
