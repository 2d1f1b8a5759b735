"""Twilio's helper library for Python with an async HTTP client that sends all requests to a ringback server."""

from typing import Any
from urllib.parse import urlsplit

try:
    from twilio.http.async_http_client import AsyncTwilioHttpClient  # type: ignore[import-untyped]
    from twilio.http.response import Response  # type: ignore[import-untyped]
except ImportError as error:
    raise ImportError("client() needs Twilio's official client. Install it with: pip install twilio") from error


class AsyncRedirectingHttpClient(AsyncTwilioHttpClient):  # type: ignore[misc]
    """HTTP client that sends every request to one server, regardless of its host and of environment variables."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url

    async def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        path = urlsplit(url)._replace(scheme="", netloc="").geturl()
        return await super().request(method, self._base_url + path, *args, **kwargs)
