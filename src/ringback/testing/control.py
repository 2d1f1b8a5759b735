"""Asking the control API."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx

from ringback.testing.errors import ControlError

PATH = "/_ringback"
MOST = 1_000
"""As many as any list shows at once."""
ANSWER_SECONDS = 30.0
"""How long an answer may take, beyond the time that a request itself asks to wait."""


class Control:
    """A client of the control API of the server at `base_url`; environment variables for proxies do not divert it."""

    def __init__(self, base_url: str, control_token: str | None) -> None:
        headers = {} if control_token is None else {"Authorization": f"Bearer {control_token}"}
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=ANSWER_SECONDS, trust_env=False)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        wait_seconds: float = 0.0,
    ) -> Any:
        """Return the JSON of an answer, or None where it has no body. Raises ControlError.

        `path` is what follows ``/_ringback``. What is None in `query` is left out. The answer may take `wait_seconds`
        longer than others.
        """
        request = f"{method} {PATH}{path}"
        given = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            answer = self._http.request(
                method, PATH + path, json=body, params=given, timeout=ANSWER_SECONDS + wait_seconds
            )
        except (httpx.HTTPError, RuntimeError) as error:  # httpx says so of a client that was closed
            reason = f"{self._http.base_url} does not answer: {error or type(error).__name__}"
            raise ControlError(request, None, reason, "is the server running, and is this its URL?") from None
        if not answer.is_success:
            raise _refusal(request, answer)
        if answer.status_code == HTTPStatus.NO_CONTENT:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise _refusal(request, answer) from error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _refusal(request: str, answer: httpx.Response) -> ControlError:
    try:
        told = answer.json()
        return ControlError(request, answer.status_code, told["error"], told["hint"])
    except (ValueError, KeyError, TypeError):
        return ControlError(request, answer.status_code, answer.text[:200], "is there a ringback server at this URL?")
