"""A server that runs, whoever started it."""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from ringback.testing.account import Account
from ringback.testing.control import Control

if TYPE_CHECKING:
    from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]


class Connection:
    """A running server: it makes accounts, one for each test."""

    def __init__(self, base_url: str, control_token: str | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self.control = Control(self.base_url, control_token)
        self._twilio_http: TwilioHttpClient | None = None

    def account(
        self,
        *,
        friendly_name: str | None = None,
        owner_email: str | None = None,
        parent_sid: str | None = None,
    ) -> Account:
        """Make an account with a new SID and auth token."""
        wanted = {"friendly_name": friendly_name, "owner_email": owner_email, "parent_sid": parent_sid}
        return Account(self, self.control.ask("POST", "/accounts", wanted))

    def existing_account(self, account_sid: str) -> Account:
        """Return an account that is there already, such as the settings' own. Raises ControlError."""
        return Account(self, self.control.ask("GET", f"/accounts/{quote(account_sid, safe='')}"))

    def accounts(self) -> list[Account]:
        """Return all accounts, the oldest first."""
        return [Account(self, shown) for shown in self.control.ask("GET", "/accounts")["accounts"]]

    def reset(self) -> None:
        """Forget everything, of all accounts: not where another test uses the same server."""
        self.control.ask("POST", "/reset")

    def snapshot(self) -> dict[str, Any]:
        """Return the server's whole state as one JSON document."""
        document: dict[str, Any] = self.control.ask("GET", "/snapshot")
        return document

    def restore(self, document: dict[str, Any]) -> None:
        """Bring a snapshot's state back, in place of all there is."""
        self.control.ask("PUT", "/snapshot", document)

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
    """Return the server that runs at `url`; `control_token` is its setting, where it has one."""
    return Connection(url, control_token)
