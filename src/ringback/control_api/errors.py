"""Errors of the control API: each says what happened and what to do."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

CONFLICT_RESPONSE: dict[int | str, dict[str, Any]] = {HTTPStatus.CONFLICT: {}}
"""The `responses` of a route that can respond with 409."""


class ControlError(HTTPException):
    """An error response: `detail` says what happened, `hint` what to do; `reason` is for the log.

    It is an HTTPException because FastAPI does not catch HTTPExceptions while it reads a body.
    """

    def __init__(
        self, status: HTTPStatus, error: str, hint: str, headers: Mapping[str, str] | None = None, reason: str = ""
    ) -> None:
        super().__init__(status, error, headers)
        self.hint = hint
        self.reason = reason or error

    @property
    def response(self) -> Response:
        return error_response(self.status_code, self.detail, self.hint, self.headers)


class ErrorResponse(BaseModel):
    """An error of the control API."""

    error: str = Field(description="The problem.")
    hint: str = Field(description="Advice on how to solve the problem.")


def not_found(what: str, hint: str) -> ControlError:
    """Return the error for something that does not exist; `what` is, for example, ``account AC…``."""
    return ControlError(HTTPStatus.NOT_FOUND, f"{what} does not exist", hint)


def conflict(error: str, hint: str) -> ControlError:
    """Return the error for an action that the current state does not allow."""
    return ControlError(HTTPStatus.CONFLICT, error, hint)


def unprocessable(error: str, hint: str) -> ControlError:
    """Return the error for an invalid value."""
    return ControlError(HTTPStatus.UNPROCESSABLE_ENTITY, error, hint)


def invalid_json() -> ControlError:
    """Return the error for a body that is not valid JSON."""
    return ControlError(HTTPStatus.BAD_REQUEST, "the body is not valid JSON", "send a JSON object, or no body")


def body_too_large(limit: int) -> ControlError:
    """Return the error for a body of more than `limit` bytes."""
    return ControlError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large", f"send at most {limit} bytes")


def check_content_length(content_length: str, limit: int) -> None:
    """Raise ControlError for a Content-Length of more than `limit` bytes. Leading zeros do not count."""
    if content_length.isascii() and content_length.isdigit() and int(content_length.lstrip("0") or "0") > limit:
        raise body_too_large(limit)


def error_response(status: int, error: str, hint: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with an error and a hint."""
    return JSONResponse({"error": _without_surrogates(error), "hint": _without_surrogates(hint)}, status, headers)


def _without_surrogates(text: str) -> str:
    """Replace lone surrogates: a request may contain them, but UTF-8 cannot encode them."""
    return text.encode("utf-8", "replace").decode()
