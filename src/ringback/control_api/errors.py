"""Errors of the control API: what is wrong, and what to do about it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

CONFLICTS: dict[int | str, dict[str, Any]] = {HTTPStatus.CONFLICT: {}}
"""Of a route that may have to say `conflict`."""


class ControlError(HTTPException):
    """An answer that is an error: `detail` says what is wrong, `hint` what to do about it, `reason` is for the log.

    FastAPI lets an HTTPException through wherever it is raised, while a body is read too.
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


class ErrorBody(BaseModel):
    """Every error of the control API."""

    error: str = Field(description="What is wrong.")
    hint: str = Field(description="What to do about it.")


def not_found(what: str, hint: str) -> ControlError:
    """`what` is, say, ``account AC…``."""
    return ControlError(HTTPStatus.NOT_FOUND, f"there is no {what}", hint)


def conflict(error: str, hint: str) -> ControlError:
    """Say that something cannot be done as things stand."""
    return ControlError(HTTPStatus.CONFLICT, error, hint)


def unprocessable(error: str, hint: str) -> ControlError:
    """Say that a value cannot be used."""
    return ControlError(HTTPStatus.UNPROCESSABLE_ENTITY, error, hint)


def no_json() -> ControlError:
    """Say that a body is no JSON."""
    return ControlError(HTTPStatus.BAD_REQUEST, "the body is no JSON", "send a JSON object, or no body at all")


def too_large(limit: int) -> ControlError:
    """Say that a body has more than `limit` bytes."""
    return ControlError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large", f"send at most {limit} bytes")


def refuse_excess(announced: str, limit: int) -> None:
    """Raise ControlError for a Content-Length of more than `limit`, however many zeros it begins with."""
    if announced.isascii() and announced.isdigit() and int(announced.lstrip("0") or "0") > limit:
        raise too_large(limit)


def error_response(status: int, error: str, hint: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error as every error of the control API is."""
    return JSONResponse({"error": _sendable(error), "hint": _sendable(hint)}, status, headers)


def _sendable(text: str) -> str:
    """Replace the lone surrogates that what a request said may hold."""
    return text.encode("utf-8", "replace").decode()
