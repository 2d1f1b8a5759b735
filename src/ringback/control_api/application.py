"""The control API as an application with its own OpenAPI description; `app` mounts it at ``/_ringback``."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from ringback import __version__
from ringback.control_api import (
    accounts,
    auth_tokens,
    callbacks,
    caller_ids,
    calls,
    clocks,
    events,
    faults,
    fidelity,
    inbox,
    incoming_phone_numbers,
    keys,
    oauth_apps,
    phones,
    policies,
    requests,
    snapshot,
    webhook_signing,
)
from ringback.control_api.access_control import AccessControlMiddleware
from ringback.control_api.error_handlers import DOCS_HINT, EXCEPTION_HANDLERS
from ringback.control_api.errors import error_response
from ringback.control_api.openapi import add_error_responses, add_token_security
from ringback.operations.services import Services

DESCRIPTION = """Controls everything around the emulated Twilio API: accounts, phones, calls, clocks, faults, callbacks.
Everything except the global reset and the snapshot belongs to one account, so that tests can run in parallel. Times are
RFC 3339 in UTC; durations are seconds. Errors are `{"error": "...", "hint": "..."}`."""

ROUTERS = (
    accounts.router,
    keys.router,
    auth_tokens.router,
    oauth_apps.router,
    webhook_signing.router,
    clocks.router,
    calls.router,
    events.router,
    snapshot.router,
    phones.router,
    policies.router,
    caller_ids.router,
    incoming_phone_numbers.router,
    callbacks.router,
    faults.router,
    requests.router,
    inbox.router,
    inbox.receiver_router,
    fidelity.router,
)
"""All routers of the control API, in the order of the OpenAPI description."""

STREAM_ERRORS = frozenset({"BrokenResourceError", "ClosedResourceError"})
"""Names of anyio's exceptions that end FastAPI's event streams when the client disconnects."""

log = structlog.get_logger()


class ControlApplication(FastAPI):
    """A FastAPI application whose OpenAPI description includes the control API's errors and token."""

    requires_token = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with 404 to a path that ends with a line feed: `$` in Starlette's patterns would match before it."""
        if scope["type"] == "http" and scope["path"].endswith("\n"):
            await error_response(HTTPStatus.NOT_FOUND, "Not Found", DOCS_HINT)(scope, receive, send)
            return
        await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            if self.requires_token:
                add_token_security(document)
            add_error_responses(document)
        return super().openapi()


def create_control_app(services: Services, control_token: str | None, host: str) -> FastAPI:
    """Return the control API. With a `control_token`, requests must send it.

    `host` is the host that the server listens on: requests without a token may name it in their Host header.
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
        exception_handlers=EXCEPTION_HANDLERS,
    )
    app.state.services = services
    app.requires_token = control_token is not None
    app.add_middleware(
        AccessControlMiddleware,
        control_token=control_token,
        host=host,
        public_routes=inbox.receiver_router.routes,
        snapshot_limit_bytes=services.snapshot_limit_bytes,
    )
    for router in ROUTERS:
        app.router.routes.extend(router.routes)  # include_router would build each route a second time
    return app


class ErrorLoggingMiddleware:
    """Middleware that logs unexpected exceptions, and re-raises them unless the response is complete.

    A client that disconnects during a response is not a failure.
    """

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_complete = is_disconnected = False

        async def observed_send(message: Message) -> None:
            nonlocal is_complete
            await send(message)
            is_complete = message["type"] == "http.response.body" and not message.get("more_body", False)

        async def observed_receive() -> Message:
            nonlocal is_disconnected
            message = await receive()
            is_disconnected = is_disconnected or message["type"] == "http.disconnect"
            return message

        try:
            await self._app(scope, observed_receive, observed_send)
        except Exception as error:
            if is_disconnected and _is_disconnection(error):
                log.debug("client disconnected during a response", path=scope["path"])
                return
            log.exception("a control request failed", path=scope["path"])
            if not is_complete:
                raise


def _is_disconnection(error: Exception) -> bool:
    """Return whether a closed connection caused the error."""
    if isinstance(error, ExceptionGroup):
        return all(map(_is_disconnection, error.exceptions))
    return isinstance(error, ClientDisconnect | OSError) or type(error).__name__ in STREAM_ERRORS
