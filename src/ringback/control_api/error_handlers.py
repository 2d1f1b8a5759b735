"""Exception handlers that convert exceptions raised during a request into error responses with a hint."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringback.config.validators import error_message
from ringback.control_api.errors import ControlError, error_response, invalid_json
from ringback.storage.errors import DatabaseUnavailable

DOCS_HINT = "GET /_ringback/docs lists all requests"
JSON_HINT = "send the body with Content-Type: application/json"
RETRY_AFTER_SECONDS = "1"

log = structlog.get_logger()


async def _handle_control_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ControlError)  # noqa: S101
    return error.response


async def _handle_validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    if any(details["type"] == "json_invalid" for details in error.errors()):
        return invalid_json().response
    problems = [_describe_problem(details) for details in error.errors()]
    is_parsed = not isinstance(error.body, bytes)  # FastAPI does not parse a body with another Content-Type
    return error_response(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(problems), DOCS_HINT if is_parsed else JSON_HINT)


def _describe_problem(details: Any) -> str:
    field = ".".join(str(part) for part in details["loc"][1:]) or str(details["loc"][0])
    return f"{field}: {error_message(details)}"


async def _handle_http_exception(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == HTTPStatus.BAD_REQUEST:  # FastAPI's own, for JSON that is too deep or not UTF-8
        return invalid_json().response
    return error_response(error.status_code, str(error.detail), DOCS_HINT, error.headers)


async def _handle_unavailable_database(request: Request, error: Exception) -> Response:
    log.warning("control request failed, database unavailable", path=request.url.path, reason=str(error))
    retry_after = {"Retry-After": RETRY_AFTER_SECONDS}
    return error_response(HTTPStatus.SERVICE_UNAVAILABLE, "the database is unavailable", "try again soon", retry_after)


async def _handle_unexpected_error(_: Request, __: Exception) -> Response:
    return error_response(HTTPStatus.INTERNAL_SERVER_ERROR, "ringback failed", "see the error in ringback's log")


EXCEPTION_HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    ControlError: _handle_control_error,
    RequestValidationError: _handle_validation_error,
    HTTPException: _handle_http_exception,
    DatabaseUnavailable: _handle_unavailable_database,
    Exception: _handle_unexpected_error,
}
