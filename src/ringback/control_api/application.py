"""The control API as an application of its own, with its own OpenAPI: mounted at ``/_ringback``."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from ringback import __version__
from ringback.config.validators import complaint
from ringback.control_api import (
    accounts,
    callbacks,
    caller_ids,
    calls,
    clocks,
    events,
    faults,
    inbox,
    phones,
    policies,
    requests,
    ringing_phones,
    snapshot,
)
from ringback.control_api import refused_requests as refused
from ringback.control_api.access_control import Guards
from ringback.control_api.errors import ControlError, error_response, no_json
from ringback.control_api.openapi import tell_errors, tell_the_token
from ringback.operations.services import Services
from ringback.storage.errors import DatabaseUnavailable

DESCRIPTION = """Everything a test does beside the Twilio surface. All of it but the global reset and the snapshot
belongs to one account, so that tests run side by side without seeing each other. Times are RFC 3339 in UTC; durations
are seconds. Errors are `{"error": "...", "hint": "..."}`."""
DOCS_HINT = "GET /_ringback/docs lists what there is"
RETRY_AFTER_SECONDS = "1"
JSON_HINT = "send the body with Content-Type: application/json"

BROKEN_STREAM = frozenset({"BrokenResourceError", "ClosedResourceError"})
"""anyio's errors, by which FastAPI's event streams end when their client disconnects."""

log = structlog.get_logger()


class ControlApplication(FastAPI):
    """Describes itself truly."""

    asks_for_a_token = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, but not for a path with a final line feed: the $ of Starlette's patterns matches before it."""
        if scope["type"] == "http" and scope["path"].endswith("\n"):
            await error_response(HTTPStatus.NOT_FOUND, "Not Found", DOCS_HINT)(scope, receive, send)
            return
        await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            if self.asks_for_a_token:
                tell_the_token(document)
            tell_errors(document)
        return super().openapi()


def control_application(services: Services, control_token: str | None, host: str) -> FastAPI:
    """Return the control API over these services; with a `control_token` it asks for it.

    `host` is what the server listens on: a name that it may be asked by without a token.
    """
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
            DatabaseUnavailable: _answer_no_database,
            Exception: _answer_failure,
        },
    )
    app.state.services = services
    app.add_middleware(
        Guards,
        control_token=control_token,
        host=host,
        open_routes=inbox.receiver.routes,
        snapshot_limit_bytes=services.snapshot_limit_bytes,
    )
    app.asks_for_a_token = control_token is not None
    for router in (
        accounts.router,
        clocks.router,
        calls.router,
        events.router,
        snapshot.router,
        phones.router,
        ringing_phones.router,
        policies.router,
        caller_ids.router,
        callbacks.router,
        faults.router,
        requests.router,
        refused.router,
        inbox.router,
        inbox.receiver,
    ):
        app.router.routes.extend(router.routes)  # include_router would build each of them once more
    return app


async def _answer_control_error(_: Request, raised: Exception) -> Response:
    assert isinstance(raised, ControlError)  # noqa: S101
    return raised.response


async def _answer_unfit_values(_: Request, raised: Exception) -> Response:
    assert isinstance(raised, RequestValidationError)  # noqa: S101
    if any(details["type"] == "json_invalid" for details in raised.errors()):
        return no_json().response
    mistakes = [_mistake(details) for details in raised.errors()]
    was_read = not isinstance(raised.body, bytes)  # of another Content-Type it is left as it came
    return error_response(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(mistakes), DOCS_HINT if was_read else JSON_HINT)


def _mistake(details: Any) -> str:
    place = ".".join(str(part) for part in details["loc"][1:]) or str(details["loc"][0])
    return f"{place}: {complaint(details)}"


async def _answer_http_exception(_: Request, raised: Exception) -> Response:
    assert isinstance(raised, HTTPException)  # noqa: S101
    return error_response(raised.status_code, str(raised.detail), DOCS_HINT, raised.headers)


async def _answer_no_database(request: Request, raised: Exception) -> Response:
    log.warning("control request failed, database unavailable", path=request.url.path, reason=str(raised))
    retry_after = {"Retry-After": RETRY_AFTER_SECONDS}
    return error_response(HTTPStatus.SERVICE_UNAVAILABLE, "the database cannot be used", "try again soon", retry_after)


async def _answer_failure(_: Request, __: Exception) -> Response:
    return error_response(HTTPStatus.INTERNAL_SERVER_ERROR, "ringback failed", "its log tells why")


class ErrorLoggingMiddleware:
    """Logs what failed for a reason of ours, and raises it where no whole answer was sent.

    A client that disconnects during a response is not a failure.
    """

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answered = disconnected = False

        async def watched(message: Message) -> None:
            nonlocal answered
            await send(message)
            answered = message["type"] == "http.response.body" and not message.get("more_body", False)

        async def watched_receive() -> Message:
            nonlocal disconnected
            message = await receive()
            disconnected = disconnected or message["type"] == "http.disconnect"
            return message

        try:
            await self._app(scope, watched_receive, watched)
        except Exception as error:
            if disconnected and _is_of_the_connection(error):
                log.debug("client disconnected during a response", path=scope["path"])
                return
            log.exception("a control request failed", path=scope["path"])
            if not answered:
                raise


def _is_of_the_connection(error: Exception) -> bool:
    """Tell whether an error is that of a stream whose other end is gone."""
    if isinstance(error, ExceptionGroup):
        return all(map(_is_of_the_connection, error.exceptions))
    return isinstance(error, ClientDisconnect | OSError) or type(error).__name__ in BROKEN_STREAM
