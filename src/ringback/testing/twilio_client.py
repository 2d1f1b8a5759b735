"""Twilio's helper library for Python with an HTTP client that sends all requests to a ringback server."""

from typing import Any
from urllib.parse import urlsplit

try:
    from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
    from twilio.http.response import Response  # type: ignore[import-untyped]
    from twilio.rest import Client  # type: ignore[import-untyped]
except ImportError as error:
    raise ImportError("client() needs Twilio's official client. Install it with: pip install twilio") from error


class RedirectingHttpClient(TwilioHttpClient):  # type: ignore[misc]
    """HTTP client that sends every request to one server, regardless of its host and of environment variables."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url
        self.session.trust_env = False

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        path = urlsplit(url)._replace(scheme="", netloc="").geturl()
        return super().request(method, self._base_url + path, *args, **kwargs)


def create_http_client(base_url: str) -> TwilioHttpClient:
    """Return an HTTP client that sends all requests to the server at `base_url`."""
    return RedirectingHttpClient(base_url)


def create_client(account_sid: str, auth_token: str, http_client: TwilioHttpClient, base_url: str) -> Client:
    """Return an official client that authenticates as an account."""
    client = Client(account_sid, auth_token, http_client=http_client)
    client.api.base_url = base_url
    return client
