"""Twilio's own helper library for Python, sent here."""

from typing import Any
from urllib.parse import urlsplit

try:
    from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
    from twilio.http.response import Response  # type: ignore[import-untyped]
    from twilio.rest import Client  # type: ignore[import-untyped]
except ImportError as error:
    raise ImportError("client() gives Twilio's official client, which is not installed: pip install twilio") from error


class RedirectingHttpClient(TwilioHttpClient):  # type: ignore[misc]
    """Sends every request to one server, whatever host it was meant for; no variable of the environment diverts it."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url
        self.session.trust_env = False

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        path = urlsplit(url)._replace(scheme="", netloc="").geturl()
        return super().request(method, self._base_url + path, *args, **kwargs)


def redirected_to(base_url: str) -> TwilioHttpClient:
    """Return what sends an official client's requests to the server at `base_url`."""
    return RedirectingHttpClient(base_url)


def client_of(account_sid: str, auth_token: str, http_client: TwilioHttpClient, base_url: str) -> Client:
    """Return an official client that authenticates as this account."""
    client = Client(account_sid, auth_token, http_client=http_client)
    client.api.base_url = base_url
    return client
