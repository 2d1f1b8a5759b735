"""A connection to a running server."""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ringback.testing.account import Account
from ringback.testing.control import Control, parse_server_url
from ringback.testing.requests import ServerRequests

if TYPE_CHECKING:
    from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]


class Connection:
    """A connection to a running server. Use it to create accounts, one for each test."""

    def __init__(self, base_url: str, control_token: str | None = None) -> None:
        self.base_url = parse_server_url(base_url)
        self.control_token = control_token
        self.control = Control(self.base_url, control_token)
        self._requests = ServerRequests()
        self._twilio_http: TwilioHttpClient | None = None

    def account(
        self,
        *,
        friendly_name: str | None = None,
        owner_email: str | None = None,
        parent_sid: str | None = None,
    ) -> Account:
        """Create an account with a new SID and auth token."""
        request = self._requests.account(friendly_name=friendly_name, owner_email=owner_email, parent_sid=parent_sid)
        return Account(self, self.control.send(request))

    def existing_account(self, account_sid: str) -> Account:
        """Return an existing account, such as the one in the server's settings. Raises ControlError (404)."""
        return Account(self, self.control.send(self._requests.existing_account(account_sid)))

    def accounts(self) -> list[Account]:
        """Return all accounts, oldest first."""
        return [Account(self, document) for document in self.control.send(self._requests.accounts())]

    def reset(self) -> None:
        """Delete everything, including all accounts. Do not use it while other tests use the server."""
        self.control.send(self._requests.reset())

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state of the server as one JSON document."""
        return self.control.send(self._requests.snapshot())

    def restore(self, document: dict[str, Any]) -> None:
        """Replace the whole state of the server with a snapshot."""
        self.control.send(self._requests.restore(document))

    def twilio_http_client(self) -> "TwilioHttpClient":
        """Return the HTTP client that official clients use. Raises ImportError if twilio is not installed."""
        from ringback.testing.twilio_client import create_http_client  # 60 ms

        self._twilio_http = self._twilio_http or create_http_client(self.base_url)
        return self._twilio_http

    def describe_failure(self) -> str:
        """Describe why the server does not answer."""
        return f"the server at {self.base_url} does not answer"

    def close(self) -> None:
        """Close the connections. The server keeps running."""
        self.control.close()
        if self._twilio_http is not None and self._twilio_http.session is not None:
            self._twilio_http.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def connect(url: str, control_token: str | None = None) -> Connection:
    """Connect to the server at `url`. Pass its `control_token` if it has one. Raises ValueError for an invalid URL."""
    return Connection(url, control_token)
