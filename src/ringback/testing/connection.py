"""A running server, started by this process or by another."""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ringback.testing.account import Account
from ringback.testing.control import Control
from ringback.testing.requests import ServerRequests
from ringback.testing.urls import server_url

if TYPE_CHECKING:
    from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]


class Connection:
    """A running server: it makes accounts, one for each test."""

    def __init__(self, base_url: str, control_token: str | None = None) -> None:
        self.base_url = server_url(base_url)
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
        """Make an account with a new SID and auth token."""
        request = self._requests.account(friendly_name=friendly_name, owner_email=owner_email, parent_sid=parent_sid)
        return Account(self, self.control.send(request))

    def existing_account(self, account_sid: str) -> Account:
        """Return an account that exists, such as the one of the server's settings. Raises ControlError."""
        return Account(self, self.control.send(self._requests.existing_account(account_sid)))

    def accounts(self) -> list[Account]:
        """Return all accounts, the oldest first."""
        return [Account(self, document) for document in self.control.send(self._requests.accounts())]

    def reset(self) -> None:
        """Empty the server, with all accounts: not where another test uses the same server."""
        self.control.send(self._requests.reset())

    def snapshot(self) -> dict[str, Any]:
        """Return the server's whole state as one JSON document."""
        return self.control.send(self._requests.snapshot())

    def restore(self, document: dict[str, Any]) -> None:
        """Replace the server's whole state with that of a snapshot."""
        self.control.send(self._requests.restore(document))

    def twilio_http(self) -> "TwilioHttpClient":
        """Return what the official clients send their requests with. Raises ImportError where twilio is missing."""
        from ringback.testing.twilio_client import redirected_to

        self._twilio_http = self._twilio_http or redirected_to(self.base_url)
        return self._twilio_http

    def absence(self) -> str:
        """Return a sentence about a server that gives no answer."""
        return f"the server at {self.base_url} does not answer"

    def close(self) -> None:
        """Close the connections; the server goes on."""
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
    """Return the server that runs at `url`; `control_token` is its setting, where it has one. Raises ValueError."""
    return Connection(url, control_token)
