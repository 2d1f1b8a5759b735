"""The ASGI entry point of the Twilio API: every request is authenticated, routed, answered, logged and recorded here.

It is plain ASGI: Starlette's BaseHTTPMiddleware would cost more time than the rest of a request.
"""

import asyncio
import re
from http import HTTPStatus
from urllib.parse import unquote

import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringback.domain.accounts import explain_wrong_path
from ringback.domain.errors import (
    STOPPING,
    TwilioError,
    internal_server_error,
    resource_not_emulated,
    server_stopping,
    service_unavailable,
)
from ringback.domain.sids import AccountSid
from ringback.operations.accounts import find_account
from ringback.operations.services import Services
from ringback.storage.errors import DatabaseUnavailable
from ringback.twilio_api.authentication import ACCOUNTS_PREFIX, account_sid_in, authenticate_for_path
from ringback.twilio_api.fault_injection import CannotDropConnection, pick_fault, respond_with_fault
from ringback.twilio_api.hosts import product_in
from ringback.twilio_api.regions import regional_handler
from ringback.twilio_api.request_context import REPORT_REFUSAL_KEY, ReportRefusal, RequestContext, no_content
from ringback.twilio_api.router import Route, Router
from ringback.twilio_api.routes import ROUTES

_ESCAPED_SEPARATOR = re.compile(rb"%(?=2[EeFf])")

log = structlog.get_logger()


class TwilioApp:
    """ASGI application that serves the Twilio API.

    It passes requests to `app` if their path is one of `non_twilio_paths` or starts with `non_twilio_prefix`.
    Intercepted requests are not passed on: they were meant for Twilio itself, which does not have ringback's own pages.
    """

    def __init__(
        self, app: ASGIApp, services: Services, non_twilio_paths: frozenset[str], non_twilio_prefix: str
    ) -> None:
        self._app = app
        self._services = services
        self._router = Router(ROUTES)
        self._non_twilio_paths = non_twilio_paths
        self._non_twilio_prefix = non_twilio_prefix
        self._requests_in_progress = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if b"%" in scope["raw_path"]:
            scope = {**scope, "path": _decode_path(scope["raw_path"])}
        if self._is_non_twilio_path(scope["path"]) and REPORT_REFUSAL_KEY not in scope:
            await self._app(scope, receive, send)
            return
        self._requests_in_progress += 1
        context = RequestContext(self._services, scope, receive, send, self._requests_in_progress)
        try:
            await self._send_response(context)
        except ClientDisconnect:
            log.info("client disconnected", request_id=context.request_sid)
        finally:
            self._requests_in_progress -= 1
            context.log_and_record()

    @property
    def is_stopping(self) -> bool:
        """Whether the server is shutting down. All pending waits have ended then."""
        return self._services.change_notifier.is_closed

    def _is_non_twilio_path(self, path: str) -> bool:
        return path in self._non_twilio_paths or path.startswith(self._non_twilio_prefix)

    async def _send_response(self, context: RequestContext) -> None:
        """Send the response to a request, or an error response if it fails."""
        try:
            response = await self._make_response(context)
            await response(context.scope, context.receive, context.send)
        except TwilioError as error:
            await context.send_error(error)
            if context.refused_account_sid:
                await self._attribute_to_account(context, context.refused_account_sid, error)
        except (ClientDisconnect, CannotDropConnection):
            raise
        except DatabaseUnavailable as error:
            if context.status:
                raise
            await context.send_error(service_unavailable(str(error)))
        except asyncio.CancelledError:
            if context.status or not self.is_stopping:
                raise
            await context.send_error(server_stopping())
        except Exception:
            if context.status:
                raise
            log.exception("request failed", request_id=context.request_sid, path=context.path)
            await context.send_error(internal_server_error())

    async def _make_response(self, context: RequestContext) -> Response:
        """Return the handler's response. Raises TwilioError.

        On an account's path, the client is authenticated before the rest of the path is examined. Permissions are
        checked after routing, on all paths.
        """
        if REPORT_REFUSAL_KEY in context.scope:
            self._reject_unsupported_resource(context)
        if context.method == "OPTIONS":
            return no_content()
        route = await self._authenticate_and_route(context)
        context.access.check(route.operation, context.username or "")
        if context.account.has_faults:
            context.fault = await pick_fault(context, route.operation)
        handler = regional_handler(context, route)
        if context.fault:
            return await respond_with_fault(context, handler, context.fault)
        return await handler(context)

    def _reject_unsupported_resource(self, context: RequestContext) -> None:
        """Raise TwilioError 20404 for an intercepted request whose resource or method is not emulated.

        This comes before authentication: the response reveals nothing about accounts, and the credentials may be real.
        """
        path = context.resource_path
        if self._router.matches(context.route_method, path, product_in(context.scope)):
            return
        error = resource_not_emulated(context.method, context.path)
        report_refusal: ReportRefusal = context.scope[REPORT_REFUSAL_KEY]
        report_refusal(context.method, context.path, error.message)
        context.refused_account_sid = AccountSid(account_sid_in(path))
        raise error

    async def _authenticate_and_route(self, context: RequestContext) -> Route:
        if f"{context.resource_path}/".startswith(ACCOUNTS_PREFIX):
            await authenticate_for_path(context)
            if not context.has_known_suffix:
                raise context.not_found()
            return self._router.find(context)
        route = self._router.find(context)
        await route.authenticate(context)
        return route

    async def _attribute_to_account(self, context: RequestContext, account_sid: AccountSid, error: TwilioError) -> None:
        """Find the account whose journal records a refused request, and set the reason that the log shows.

        Timing side channel: this runs after the response, so that response times do not reveal which accounts exist.
        """
        try:
            await asyncio.sleep(0)
            context.journal_account = await self._services.database.run(find_account, account_sid)
        except DatabaseUnavailable as failure:
            context.hint = f"not in the request journal: {failure}"
            return
        except asyncio.CancelledError:
            if not self.is_stopping:
                raise
            context.hint = f"not in the request journal: {STOPPING}"
            return
        if error.status == HTTPStatus.UNAUTHORIZED and not error.reason:
            context.reason = explain_wrong_path(context.username or "", account_sid, context.journal_account)


class Application(FastAPI):
    """FastAPI application. `twilio_app` receives each request first, and passes on requests for other paths."""

    twilio_app: TwilioApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.twilio_app(scope, receive, send)

    async def answer_non_twilio(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that is not for the Twilio API. If the server stops before the response starts, send 503."""
        is_started = False

        async def observed_send(message: Message) -> None:
            nonlocal is_started
            is_started = True
            await send(message)

        try:
            await super().__call__(scope, receive, observed_send)
        except asyncio.CancelledError:  # uvicorn cancels requests when the grace period of a stop ends
            if is_started or scope["type"] != "http" or not self.twilio_app.is_stopping:
                raise
            error = {"error": STOPPING, "hint": "check whether the request took effect before you send it again"}
            await JSONResponse(error, HTTPStatus.SERVICE_UNAVAILABLE)(scope, receive, send)


def _decode_path(raw_path: bytes) -> str:
    """Return the path for routing. Escaped slashes and dots stay escaped, so that they are not separators."""
    return unquote(_ESCAPED_SEPARATOR.sub(b"%25", raw_path))


async def answer_http_exception(_: Request, raised: Exception) -> Response:
    """Return a plain JSON error for FastAPI's own 404 and 405, on paths outside the Twilio API."""
    assert isinstance(raised, HTTPException)  # noqa: S101
    error = {"error": str(raised.detail), "hint": "GET /docs lists the routes"}
    return JSONResponse(error, raised.status_code, raised.headers)
