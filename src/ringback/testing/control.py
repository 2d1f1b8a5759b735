"""Sending requests to the control API, synchronously or in an event loop."""

from http import HTTPStatus
from typing import Any, TypeVar

import httpx

from ringback.testing.errors import ControlError
from ringback.testing.requests import PATH, Request

T = TypeVar("T")

ANSWER_SECONDS = 30.0
"""How long an answer may take, beyond the time that a request itself asks to wait."""
UNSENT = (httpx.HTTPError, RuntimeError)
"""What httpx raises where no answer came; RuntimeError is that of a client that was closed."""


class Control:
    """A client of the control API of the server at `base_url`; environment variables for proxies do not divert it."""

    def __init__(self, base_url: str, control_token: str | None) -> None:
        self._http = httpx.Client(**_options(base_url, control_token))

    def send(self, request: Request[T]) -> T:
        """Return the result of a request. Raises ControlError."""
        try:
            answer = self._http.request(**_parts(request))
        except UNSENT as error:
            raise _no_answer(request, self._http.base_url, error) from None
        return _result(request, answer)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class AsyncControl:
    """A client of the control API that leaves the event loop free while it waits for an answer."""

    def __init__(self, base_url: str, control_token: str | None) -> None:
        self._http = httpx.AsyncClient(**_options(base_url, control_token))

    async def send(self, request: Request[T]) -> T:
        """Return the result of a request. Raises ControlError."""
        try:
            answer = await self._http.request(**_parts(request))
        except UNSENT as error:
            raise _no_answer(request, self._http.base_url, error) from None
        return _result(request, answer)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _options(base_url: str, control_token: str | None) -> dict[str, Any]:
    headers = {} if control_token is None else {"Authorization": f"Bearer {control_token}"}
    return {"base_url": base_url, "headers": headers, "trust_env": False}


def _parts(request: Request[Any]) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": PATH + request.path,
        "json": request.body,
        "params": {name: value for name, value in (request.query or {}).items() if value is not None},
        "timeout": ANSWER_SECONDS + request.wait_seconds,
    }


def _no_answer(request: Request[Any], base_url: httpx.URL, error: Exception) -> ControlError:
    reason = f"{base_url} does not answer: {error or type(error).__name__}"
    return ControlError(str(request), None, reason, "is the server running, and is this its URL?")


def _result(request: Request[T], answer: httpx.Response) -> T:
    if not answer.is_success:
        raise _refusal(request, answer)
    if answer.status_code == HTTPStatus.NO_CONTENT:
        return request.read(None)
    try:
        document = answer.json()
    except ValueError as error:
        raise _refusal(request, answer) from error
    return request.read(document)


def _refusal(request: Request[Any], answer: httpx.Response) -> ControlError:
    try:
        told = answer.json()
        return ControlError(str(request), answer.status_code, told["error"], told["hint"])
    except (ValueError, KeyError, TypeError):
        hint = "is there a ringback server at this URL?"
        return ControlError(str(request), answer.status_code, answer.text[:200], hint)
