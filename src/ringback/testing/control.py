"""Clients of the control API, synchronous and async."""

from http import HTTPStatus
from typing import Any, TypeVar

import httpx

from ringback.testing.errors import ControlError
from ringback.testing.requests import PATH, Request

T = TypeVar("T")

TIMEOUT_SECONDS = 30.0
"""Timeout for a response, in addition to the time that a request asks the server to wait."""
TRANSPORT_ERRORS = (httpx.HTTPError, RuntimeError)
"""Exceptions that httpx raises if no response arrives. RuntimeError means that the client is closed."""


class Control:
    """Client of the control API at `base_url`. It ignores environment variables for proxies."""

    def __init__(self, base_url: str, control_token: str | None) -> None:
        self._http = httpx.Client(**_client_options(base_url, control_token))

    def send(self, request: Request[T]) -> T:
        """Send a request and return its result. Raises ControlError."""
        try:
            response = self._http.request(**_request_arguments(request))
        except TRANSPORT_ERRORS as error:
            raise _no_response(request, self._http.base_url, error) from None
        return _result(request, response)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()


class AsyncControl:
    """Async client of the control API at `base_url`."""

    def __init__(self, base_url: str, control_token: str | None) -> None:
        self._http = httpx.AsyncClient(**_client_options(base_url, control_token))

    async def send(self, request: Request[T]) -> T:
        """Send a request and return its result. Raises ControlError."""
        try:
            response = await self._http.request(**_request_arguments(request))
        except TRANSPORT_ERRORS as error:
            raise _no_response(request, self._http.base_url, error) from None
        return _result(request, response)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


def _client_options(base_url: str, control_token: str | None) -> dict[str, Any]:
    headers = {} if control_token is None else {"Authorization": f"Bearer {control_token}"}
    return {"base_url": base_url, "headers": headers, "trust_env": False}


def _request_arguments(request: Request[Any]) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": PATH + request.path,
        "json": request.body,
        "params": {name: value for name, value in (request.query or {}).items() if value is not None},
        "timeout": TIMEOUT_SECONDS + request.wait_seconds,
    }


def _no_response(request: Request[Any], base_url: httpx.URL, error: Exception) -> ControlError:
    reason = f"{base_url} does not answer: {error or type(error).__name__}"
    return ControlError(str(request), None, reason, "check that the server is running and that this is its URL")


def _result(request: Request[T], response: httpx.Response) -> T:
    if not response.is_success:
        raise _control_error(request, response)
    if response.status_code == HTTPStatus.NO_CONTENT:
        return request.read(None)
    try:
        document = response.json()
    except ValueError as error:
        raise _control_error(request, response) from error
    return request.read(document)


def _control_error(request: Request[Any], response: httpx.Response) -> ControlError:
    try:
        document = response.json()
        return ControlError(str(request), response.status_code, document["error"], document["hint"])
    except (ValueError, KeyError, TypeError):
        hint = "check that the URL is that of a ringback server"
        return ControlError(str(request), response.status_code, response.text[:200], hint)


def parse_server_url(text: str) -> str:
    """Return the base URL of a server. The scheme is optional: ``127.0.0.1:8010`` is valid. Raises ValueError."""
    url = text.strip()
    if "://" not in url:
        url = f"http://{url}"
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        parts = httpx.URL()
    if parts.scheme not in ("http", "https") or not parts.host:
        without_password = text.rpartition("@")[2]
        raise ValueError(f"{without_password!r} is not the URL of a ringback server, such as http://127.0.0.1:8010")
    return url.rstrip("/")
