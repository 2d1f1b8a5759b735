"""An account: the handle that everything hangs on."""

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ringback.testing.calls import Call
from ringback.testing.clock import Clock
from ringback.testing.control import MOST
from ringback.testing.faults import Faults
from ringback.testing.inbox import Inbox
from ringback.testing.phones import DEFAULT, Phone
from ringback.testing.policy import Policy
from ringback.testing.records import ApiKey, CallbackAttempt, CallerId, Event, LoggedRequest
from ringback.testing.waiting import wait_for

if TYPE_CHECKING:
    from twilio.rest import Client  # type: ignore[import-untyped]

    from ringback.testing.connection import Connection


class Account:
    """One account of a server. Nothing that is done to it can be seen in another."""

    def __init__(self, server: "Connection", document: Any) -> None:
        self._server = server
        self._control = server.control
        self.account_sid: str = document["sid"]
        self.auth_token: str = document["auth_token"]
        self.friendly_name: str = document["friendly_name"]
        self.owner_email: str | None = document["owner_email"]
        self.parent_sid: str | None = document["parent_sid"]
        self._path = f"/accounts/{quote(self.account_sid, safe='')}"
        self.clock = Clock(self._control, self.account_sid)
        self.faults = Faults(self._control, self.account_sid)
        self.policy = Policy(self._control, self.account_sid)
        self.default_phone = self.phone(DEFAULT)

    def __repr__(self) -> str:
        return f"<Account {self.account_sid} at {self.base_url}>"

    @property
    def base_url(self) -> str:
        """The server's base URL."""
        return self._server.base_url

    def client(self) -> "Client":
        """Return Twilio's official client as this account, ready to use; the same one each time.

        Neither proxies nor Twilio regions of the environment divert it. Raises ImportError where twilio is missing.
        """
        return self._client

    @cached_property
    def _client(self) -> "Client":
        http_client = self._server.twilio_http()
        from ringback.testing.twilio_client import client_of

        return client_of(self.account_sid, self.auth_token, http_client, self.base_url)

    def phone(self, number: str) -> Phone:
        """Return the phone at a number, to say what it does."""
        return Phone(self._control, self.account_sid, number)

    def add_caller_id(
        self, number: str, friendly_name: str | None = None, date_created: datetime | None = None
    ) -> CallerId:
        """Have a number verified at once, without a call."""
        created = None if date_created is None else date_created.isoformat()
        wanted = {"phone_number": number, "friendly_name": friendly_name, "date_created": created}
        given = {name: value for name, value in wanted.items() if value is not None}
        return CallerId.model_validate(self._ask("POST", "/caller-ids", given))

    def events(
        self,
        type: str | None = None,  # noqa: A002 - the event's own word for it
        *,
        call_sid: str | None = None,
        after: int = 0,
        wait_seconds: float = 0.0,
    ) -> list[Event]:
        """Return what has happened, after the event with the id `after`; wait so long if nothing has."""
        query = {"type": type, "call_sid": call_sid, "after": after, "wait_seconds": wait_seconds}
        found = self._ask("GET", "/events", query=query, wait_seconds=wait_seconds)["events"]
        return [Event.model_validate(event) for event in found]

    def wait_for(
        self,
        type: str,  # noqa: A002 - the event's own word for it
        *,
        call_sid: str | None = None,
        after: int = 0,
        timeout_seconds: float = 10.0,
    ) -> Event:
        """Return the first such event, as soon as it has happened. Raises TimeoutError, with what did instead."""
        return wait_for(self, type, call_sid, after, timeout_seconds)

    def calls(self, *, phone_number: str | None = None, status: str | None = None) -> list[Call]:
        """Return the newest 1,000 calls, newest first."""
        query = {"phone_number": phone_number, "status": status, "limit": MOST}
        return [Call.of(self._control, call) for call in self._ask("GET", "/calls", query=query)["calls"]]

    def call(self, call_sid: str) -> Call:
        """Return a call. Raises ControlError (404)."""
        return Call.of(self._control, self._ask("GET", f"/calls/{quote(call_sid, safe='')}"))

    def callbacks(self, call_sid: str) -> list[CallbackAttempt]:
        """Return all attempts at delivering the call's StatusCallback, the oldest first."""
        found = self._ask("GET", f"/calls/{quote(call_sid, safe='')}/callbacks")["callbacks"]
        return [CallbackAttempt.model_validate(attempt) for attempt in found]

    def redeliver(self, call_sid: str) -> None:
        """Have the call's StatusCallback sent again. Raises ControlError (409) unless it was delivered or given up."""
        self._ask("POST", f"/calls/{quote(call_sid, safe='')}/callbacks/redeliver")

    def inbox(self, name: str = "inbox") -> Inbox:
        """Return a receiver of StatusCallbacks; any name will do."""
        return Inbox(self._control, self.base_url, self.account_sid, name)

    def requests(self) -> list[LoggedRequest]:
        """Return the account's latest 1,000 requests to the Twilio surface, newest first."""
        found = self._ask("GET", "/requests", query={"limit": MOST})["requests"]
        return [LoggedRequest.model_validate(one) for one in found]

    def api_key(self) -> ApiKey:
        """Make an API key."""
        return ApiKey.model_validate(self._ask("POST", "/keys"))

    def set_status(self, status: str) -> None:
        """Make the account `active`, `suspended` or `closed`; only an active one is served."""
        self._ask("PATCH", "", {"status": status})

    def reset(self) -> None:
        """Forget all that is in the account, phones, faults, policy and clock too; the account stays."""
        self._ask("POST", "/reset")

    def delete(self) -> None:
        """Delete the account and all that is in it."""
        self._ask("DELETE", "")

    def _ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        return self._control.ask(method, self._path + path, body, **options)
