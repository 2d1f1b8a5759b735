"""Errors of the control API: what is wrong, and what to do about it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field

CONFLICTS: dict[int | str, dict[str, Any]] = {HTTPStatus.CONFLICT: {}}
"""Of a route that may have to say `conflict`."""


class ControlError(Exception):
    """An answer that is an error: `error` says what is wrong, `hint` what to do about it."""

    def __init__(self, status: HTTPStatus, error: str, hint: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.hint = hint
        self.headers = headers


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


def unfit(error: str, hint: str) -> ControlError:
    """Say that a value cannot be used."""
    return ControlError(HTTPStatus.UNPROCESSABLE_ENTITY, error, hint)
