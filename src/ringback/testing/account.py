"""An account, and the handles of what belongs to it."""

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ringback.testing import event_loop
from ringback.testing.calls import Call
from ringback.testing.clock import Clock
from ringback.testing.faults import Faults
from ringback.testing.inbox import Inbox
from ringback.testing.phones import DEFAULT, Phone
from ringback.testing.policy import Policy
from ringback.testing.records import ApiKey, CallbackAttempt, CallerId, Event, InboxSummary, LoggedRequest
from ringback.testing.requests import AccountRequests
from ringback.testing.waiting import wait_for

if TYPE_CHECKING:
    from twilio.rest import Client  # type: ignore[import-untyped]

    from ringback.testing.connection import Connection


class AccountData:
    """The data of one account of a server, as the server showed them."""

    def __init__(self, base_url: str, document: Any) -> None:
        self.base_url = base_url
        self.document = document
        self.account_sid: str = document["sid"]
        self.auth_token: str = document["auth_token"]
        self.friendly_name: str = document["friendly_name"]
        self.owner_email: str | None = document["owner_email"]
        self.parent_sid: str | None = document["parent_sid"]

    def __repr__(self) -> str:
        return f"<Account {self.account_sid} at {self.base_url}>"


class Account(AccountData):
    """One account of a server. Nothing that is done to it can be seen in another."""

    def __init__(self, server: "Connection", document: Any) -> None:
        super().__init__(server.base_url, document)
        self.server = server
        self._control = server.control
        self._requests = AccountRequests(self.account_sid)
        self.clock = Clock(self._control, self.account_sid)
        self.faults = Faults(self._control, self.account_sid)
        self.policy = Policy(self._control, self.account_sid)
        self.default_phone = self.phone(DEFAULT)

    def client(self) -> "Client":
        """Return Twilio's official client as this account, ready to use; the same one each time.

        Neither proxies nor Twilio regions of the environment divert it. Raises ImportError where twilio is missing.
        """
        return self._client

    @cached_property
    def _client(self) -> "Client":
        http_client = self.server.twilio_http()
        from ringback.testing.twilio_client import client_of

        return client_of(self.account_sid, self.auth_token, http_client, self.base_url)

    def phone(self, number: str) -> Phone:
        """Return the phone at a number, to say what it does."""
        return Phone(self._control, self.account_sid, number)

    def add_caller_id(
        self, number: str, friendly_name: str | None = None, date_created: datetime | None = None
    ) -> CallerId:
        """Have a number verified at once, without a call."""
        return self._control.send(self._requests.add_caller_id(number, friendly_name, date_created))

    def events(
        self,
        type: str | None = None,  # noqa: A002 - the event's own word for it
        *,
        call_sid: str | None = None,
        after: int = 0,
        wait_seconds: float = 0.0,
    ) -> list[Event]:
        """Return the events after the one with the id `after`; if there are none, wait up to `wait_seconds` for one."""
        request = self._requests.events(type, call_sid=call_sid, after=after, wait_seconds=wait_seconds)
        return self._control.send(request)

    def wait_for(
        self,
        type: str,  # noqa: A002 - the event's own word for it
        *,
        call_sid: str | None = None,
        after: int = 0,
        timeout_seconds: float = 10.0,
    ) -> Event:
        """Return the first such event as soon as it has happened. Raises TimeoutError with the events instead of it."""
        blocks_loop = event_loop.is_running()
        steps = wait_for(self.account_sid, type, call_sid, after, timeout_seconds, blocks_loop=blocks_loop)
        request = next(steps)
        while True:
            try:
                request = steps.send(self._control.send(request))
            except StopIteration as end:
                return Event.model_validate(end.value)

    def calls(self, *, phone_number: str | None = None, status: str | None = None) -> list[Call]:
        """Return the newest 1,000 calls, newest first."""
        found = self._control.send(self._requests.calls(phone_number=phone_number, status=status))
        return [Call.of(self._control, document) for document in found]

    def call(self, call_sid: str) -> Call:
        """Return a call. Raises ControlError (404)."""
        return Call.of(self._control, self._control.send(self._requests.call(call_sid)))

    def callbacks(self, call_sid: str) -> list[CallbackAttempt]:
        """Return all attempts at delivering the call's StatusCallback, the oldest first."""
        return self._control.send(self._requests.callbacks(call_sid))

    def redeliver(self, call_sid: str) -> None:
        """Have the call's StatusCallback sent again. Raises ControlError (409) unless it was delivered or given up."""
        self._control.send(self._requests.redeliver(call_sid))

    def inbox(self, name: str = "inbox") -> Inbox:
        """Return a receiver of StatusCallbacks; any name will do."""
        return Inbox(self._control, self.base_url, self.account_sid, name)

    def inboxes(self) -> list[InboxSummary]:
        """Return the inboxes that have messages, the one with the newest message first."""
        return self._control.send(self._requests.inboxes())

    def requests(self) -> list[LoggedRequest]:
        """Return the account's latest 1,000 requests to the Twilio surface, newest first."""
        return self._control.send(self._requests.requests())

    def api_key(self) -> ApiKey:
        """Make an API key."""
        return self._control.send(self._requests.api_key())

    def set_status(self, status: str) -> None:
        """Make the account `active`, `suspended` or `closed`; only an active one is served."""
        self._control.send(self._requests.set_status(status))

    def reset(self) -> None:
        """Empty the account, including phones, faults, policy and clock; the account stays."""
        self._control.send(self._requests.reset())

    def delete(self) -> None:
        """Delete the account and all that is in it."""
        self._control.send(self._requests.delete())
