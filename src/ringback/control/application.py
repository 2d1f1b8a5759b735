"""The control API as an application of its own, with its own OpenAPI: mounted at ``/_ringback``."""

import hmac
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from ringback import __version__
from ringback.complaints import complaint
from ringback.control import (
    accounts,
    callbacks,
    caller_ids,
    calls,
    clocks,
    events,
    faults,
    inbox,
    phones,
    requests,
    snapshot,
)
from ringback.control.description import tell_errors
from ringback.control.errors import ControlError
from ringback.control.services import ControlServices

DESCRIPTION = """Everything a test does beside the Twilio surface. All of it but the global reset and the snapshot
belongs to one account, so that tests run side by side without seeing each other. Times are RFC 3339 in UTC; durations
are seconds. Errors are `{"error": "...", "hint": "..."}`."""
DOCS_HINT = "GET /_ringback/docs lists what there is"

log = structlog.get_logger()
_bearer = HTTPBearer(auto_error=False, description="The setting `control_token`.")


class ControlApplication(FastAPI):
    """Describes itself truly."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            tell_errors(super().openapi())
        return super().openapi()


def control_application(services: ControlServices, control_token: str | None) -> FastAPI:
    """Return the control API over these services; with a `control_token` it asks for it."""
    app = ControlApplication(
        title="ringback control API",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        separate_input_output_schemas=False,
        exception_handlers={
            ControlError: _answer_control_error,
            RequestValidationError: _answer_unfit_values,
            HTTPException: _answer_http_exception,
            Exception: _answer_failure,
        },
    )
    app.state.services = services
    app.state.control_token = control_token
    guards = [Depends(_of_this_site)] + ([] if control_token is None else [Depends(_authorized)])
    for router in (
        accounts.router,
        clocks.router,
        calls.router,
        events.router,
        snapshot.router,
        phones.router,
        caller_ids.router,
        callbacks.router,
        faults.router,
        requests.router,
        inbox.router,
    ):
        app.include_router(router, dependencies=guards)
    app.include_router(inbox.receiver)
    return app


def _of_this_site(request: Request) -> None:
    """Refuse what a web page of another site makes a browser ask, which its owner does not know of."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise ControlError(
            HTTPStatus.FORBIDDEN,
            "a web page of another site may not use the control API",
            "ask from a program, or from a page of this server's own address",
        )


def _authorized(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    token: str = request.app.state.control_token
    given = credentials.credentials if credentials else ""
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise ControlError(
            HTTPStatus.UNAUTHORIZED,
            "this server's control API asks for its token",
            "send Authorization: Bearer with the setting control_token",
            {"WWW-Authenticate": "Bearer"},
        )


def error_response(status: int, error: str, hint: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error as every error of the control API is."""
    return JSONResponse({"error": _sendable(error), "hint": _sendable(hint)}, status, headers)


def _sendable(text: str) -> str:
    """Replace the lone surrogates that what a request said may hold."""
    return text.encode("utf-8", "replace").decode()


async def _answer_control_error(_: Request, raised: Exception) -> Response:
    assert isinstance(raised, ControlError)  # noqa: S101
    return error_response(raised.status, raised.error, raised.hint, raised.headers)


async def _answer_unfit_values(_: Request, raised: Exception) -> Response:
    assert isinstance(raised, RequestValidationError)  # noqa: S101
    if any(details["type"] == "json_invalid" for details in raised.errors()):
        return error_response(HTTPStatus.BAD_REQUEST, "the body is no JSON", "send a JSON object, or no body at all")
    mistakes = [_mistake(details) for details in raised.errors()]
    return error_response(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(mistakes), DOCS_HINT)


def _mistake(details: Any) -> str:
    place = ".".join(str(part) for part in details["loc"][1:]) or str(details["loc"][0])
    return f"{place}: {complaint(details)}"


async def _answer_http_exception(_: Request, raised: Exception) -> Response:
    assert isinstance(raised, HTTPException)  # noqa: S101
    return error_response(raised.status_code, str(raised.detail), DOCS_HINT, raised.headers)


async def _answer_failure(_: Request, __: Exception) -> Response:
    return error_response(HTTPStatus.INTERNAL_SERVER_ERROR, "ringback failed", "its log tells why")


class FailuresLogged:
    """Logs what failed for a reason of ours, and raises it where no whole answer was sent."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answered = False

        async def watched(message: Message) -> None:
            nonlocal answered
            await send(message)
            answered = message["type"] == "http.response.body" and not message.get("more_body", False)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            log.exception("a control request failed", path=scope["path"])
            if not answered:
                raise
