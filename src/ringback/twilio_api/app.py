"""What every request to the Twilio surface goes through, once, in one place.

The suffix is taken off the path, the client authenticated, the answer given Twilio's headers, every error Twilio's
shape, and one line is logged. Pure ASGI: a BaseHTTPMiddleware would cost more than the rest of a request.
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
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.domain.accounts import Account
from ringback.domain.authentication_reasons import unfit_path
from ringback.domain.errors import (
    TwilioError,
    internal_server_error,
    not_found,
    resource_not_emulated,
    service_unavailable,
)
from ringback.domain.sids import AccountSid
from ringback.operations.accounts import authenticate, find_account
from ringback.operations.id_generator import new_request_sid
from ringback.operations.refused_requests import INTERCEPTED_KEY
from ringback.operations.services import Services
from ringback.storage.errors import DatabaseUnavailable
from ringback.twilio_api.authentication import credentials_of
from ringback.twilio_api.fault_injection import ConnectionDropped, FaultInjectingApp, pick_fault
from ringback.twilio_api.request_context import Passage
from ringback.twilio_api.responses import STATE_KEY, Exchange, no_content
from ringback.twilio_api.routes import Routes

_ACCOUNTS_PATH = "/2010-04-01/Accounts/"
_ESCAPED_SEPARATOR = re.compile(rb"%(?=2[EeFf])")

log = structlog.get_logger()


class TwilioApp:
    """The Twilio surface, which answers by its own `routes`; `other_paths` and those under `other_prefix` are not its.

    Those pass through, to `app`, unless they were meant for Twilio itself, where ringback's own pages are not.
    """

    def __init__(
        self, app: ASGIApp, services: Services, routes: Routes, other_paths: frozenset[str], other_prefix: str
    ) -> None:
        self._app = app
        self._services = services
        self._routes = routes
        self._other_paths = other_paths
        self._other_prefix = other_prefix
        self._requests_under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if b"%" in scope["raw_path"]:
            scope = {**scope, "path": _decoded(scope["raw_path"])}
        if self._is_elsewhere(scope["path"]) and INTERCEPTED_KEY not in scope:
            await self._app(scope, receive, send)
            return
        self._requests_under_way += 1
        passage = Passage(scope, send, new_request_sid(), self._requests_under_way)
        try:
            await self._pass(passage, receive)
        except ClientDisconnect:
            log.info("the client left before its request was complete", request_id=passage.request_sid)
        finally:
            self._requests_under_way -= 1
            passage.log()
            passage.enter(self._services)

    def _is_elsewhere(self, path: str) -> bool:
        return path in self._other_paths or path.startswith(self._other_prefix)

    async def _pass(self, passage: Passage, receive: Receive) -> None:
        try:
            self._reject_unsupported_resource(passage)
            if passage.scope["method"] == "OPTIONS":
                await no_content()(passage.scope, receive, passage.send)
                return
            exchange = await self._exchange(passage)
            passage.scope["state"] = {STATE_KEY: exchange}
            route = self._routes.find(passage.scope, passage.path)
            app = route.app
            if exchange.account.has_faults and (fault := await pick_fault(exchange, route.name)):
                passage.fault, app = fault, FaultInjectingApp(app, fault, passage.path)
            await app(passage.scope, receive, passage.send)
        except TwilioError as error:
            await passage.answer_error(error, receive)
            if passage.refused_sid:
                await self._attribute_to_account(passage, passage.refused_sid, error)
        except (ClientDisconnect, ConnectionDropped):
            raise
        except DatabaseUnavailable as error:
            if passage.status:
                raise
            await passage.answer_error(service_unavailable(str(error)), receive)
        except Exception:
            if passage.status:
                raise
            log.exception("a request failed", request_id=passage.request_sid, path=passage.path)
            await passage.answer_error(internal_server_error(), receive)

    def _reject_unsupported_resource(self, passage: Passage) -> None:
        """Raise TwilioError 20404 for an intercepted request whose resource or method is not emulated.

        Before authentication, as the answer tells nothing of accounts, and the credentials may be real ones.
        """
        refuse, path = passage.scope.get(INTERCEPTED_KEY), passage.scope["path"]
        if refuse is None:
            return
        method = passage.scope["method"]
        if self._routes.emulate(method, path) and not self._is_elsewhere(path):
            return
        error = resource_not_emulated(method, passage.path)
        refuse(passage.path, error.message)
        passage.refused_sid = AccountSid(_account_sid(path))
        raise error

    async def _exchange(self, passage: Passage) -> Exchange:
        """Authenticate the client for the path's account, before anything else about the path is looked at."""
        account_sid = _account_sid(passage.scope["path"])
        if not account_sid:
            raise not_found(passage.path)
        account = await self._authenticated(passage, account_sid)
        if passage.representation is None:
            raise not_found(passage.path)
        return Exchange(self._services, passage.path, passage.representation, account)

    async def _authenticated(self, passage: Passage, account_sid: str) -> Account:
        database = self._services.database
        try:
            credentials = credentials_of(passage.scope["headers"])
            passage.username = credentials.username
            passage.account = account = await database.run(authenticate, credentials, account_sid)
        except TwilioError:
            passage.refused_sid = AccountSid(account_sid)
            raise
        return account

    async def _attribute_to_account(self, passage: Passage, account_sid: AccountSid, error: TwilioError) -> None:
        """Find the account that a refused request was meant for, and the reason for the log where that is the path.

        After the answer was sent, so that its timing does not tell a stranger which accounts exist.
        """
        await asyncio.sleep(0)
        try:
            passage.account = await self._services.database.run(find_account, account_sid)
        except DatabaseUnavailable as failure:
            log.warning(
                "the account of a refused request is unknown", request_id=passage.request_sid, reason=str(failure)
            )
            return
        if error.status == HTTPStatus.UNAUTHORIZED and not error.reason:
            passage.reason = unfit_path(passage.username or "", account_sid, passage.account)


class Application(FastAPI):
    """FastAPI's application behind `twilio_app`, whose requests skip all layers of FastAPI."""

    twilio_app: TwilioApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.twilio_app(scope, receive, send)

    async def answer_other(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that is not for the Twilio API."""
        await super().__call__(scope, receive, send)


def _account_sid(path: str) -> str:
    """Return what a path has in the place of an account's SID, or nothing; a suffix, known or not, is no part of it."""
    if not path.startswith(_ACCOUNTS_PATH):
        return ""
    segment, slash, _ = path[len(_ACCOUNTS_PATH) :].partition("/")
    return segment if slash else segment[:1] + segment[1:].partition(".")[0]


def _decoded(raw_path: bytes) -> str:
    """Return the path to route by: an escaped slash or dot is no separator, and stays escaped."""
    return unquote(_ESCAPED_SEPARATOR.sub(b"%25", raw_path))


async def answer_http_exception(_: Request, raised: Exception) -> Response:
    """Turn the router's own 404 and 405, beside the Twilio surface, into a plain JSON error."""
    assert isinstance(raised, HTTPException)  # noqa: S101
    error = {"error": str(raised.detail), "hint": "GET /docs lists what there is"}
    return JSONResponse(error, raised.status_code, raised.headers)
