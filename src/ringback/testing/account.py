"""An account, and access to everything in it."""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ringback.testing import event_loop_warnings
from ringback.testing.calls import Call
from ringback.testing.models import (
    ApiKey,
    CallbackAttempt,
    CallerId,
    Event,
    InboxSummary,
    JournaledRequest,
    KeyType,
    OAuthApp,
)
from ringback.testing.requests import AccountRequests
from ringback.testing.resources import DEFAULT, Clock, Faults, Inbox, IncomingPhoneNumbers, Phone, Policy
from ringback.testing.waiting import wait_for

if TYPE_CHECKING:
    from twilio.rest import Client  # type: ignore[import-untyped]

    from ringback.testing.connection import Connection


class AccountData:
    """The properties of an account, as the server returned them."""

    def __init__(self, base_url: str, document: Any) -> None:
        self.base_url = base_url
        self._set_document(document)

    def _set_document(self, document: Any) -> None:
        """Set the properties. The next call of `client` returns a client with the auth token of `document`."""
        self.document = document
        self.account_sid: str = document["sid"]
        self.auth_token: str = document["auth_token"]
        self.secondary_auth_token: str | None = document.get("secondary_auth_token")
        self.friendly_name: str = document["friendly_name"]
        self.owner_email: str | None = document["owner_email"]
        self.parent_sid: str | None = document["parent_sid"]
        vars(self).pop("_client", None)

    def _set_primary_token(self, token: str) -> None:
        """Set the tokens after a promotion. The next call of `client` returns a client with the primary one."""
        self.auth_token, self.secondary_auth_token = token, None
        vars(self).pop("_client", None)

    def __repr__(self) -> str:
        return f"<Account {self.account_sid} at {self.base_url}>"


class Account(AccountData):
    """An account of a server. Changes to it do not affect other accounts."""

    def __init__(self, server: "Connection", document: Any) -> None:
        super().__init__(server.base_url, document)
        self.server = server
        self._control = server.control
        self._requests = AccountRequests(self.account_sid)
        self.clock = Clock(self._control, self.account_sid)
        self.faults = Faults(self._control, self.account_sid)
        self.policy = Policy(self._control, self.account_sid)
        self.incoming_phone_numbers = IncomingPhoneNumbers(self._control, self.account_sid)
        self.default_phone = self.phone(DEFAULT)

    def client(self) -> "Client":
        """Return Twilio's official client for this account. Every call returns the same client.

        The client ignores proxies and Twilio regions in the environment. Raises ImportError if twilio is not installed.
        """
        return self._client

    @cached_property
    def _client(self) -> "Client":
        http_client = self.server.twilio_http_client()
        from ringback.testing.twilio_client import create_client  # 60 ms

        return create_client(self.account_sid, self.auth_token, http_client, self.base_url)

    def phone(self, number: str) -> Phone:
        """Return the simulated phone at a number, to set its behavior."""
        return Phone(self._control, self.account_sid, number)

    def add_caller_id(
        self, number: str, friendly_name: str | None = None, date_created: datetime | None = None
    ) -> CallerId:
        """Create a caller ID (verified number) immediately, without a call."""
        return self._control.send(self._requests.add_caller_id(number, friendly_name, date_created))

    def events(
        self,
        type: str | None = None,  # noqa: A002 - the name of the event's field
        *,
        call_sid: str | None = None,
        after: int = 0,
        wait_seconds: float = 0.0,
    ) -> list[Event]:
        """Return the events after the one with the id `after`. If there are none, wait up to `wait_seconds` for one."""
        request = self._requests.events(type, call_sid=call_sid, after=after, wait_seconds=wait_seconds)
        return self._control.send(request)

    def wait_for(
        self,
        type: str,  # noqa: A002 - the name of the event's field
        *,
        call_sid: str | None = None,
        after: int = 0,
        timeout_seconds: float = 10.0,
    ) -> Event:
        """Wait for an event and return it. Raises TimeoutError, which lists the events that happened instead."""
        blocks_loop = event_loop_warnings.is_running()
        steps = wait_for(self.account_sid, type, call_sid, after, timeout_seconds, blocks_loop=blocks_loop)
        request = next(steps)
        while True:
            try:
                request = steps.send(self._control.send(request))
            except StopIteration as end:
                return Event.model_validate(end.value)

    def calls(self, *, phone_number: str | None = None, status: str | None = None) -> list[Call]:
        """Return the newest 1,000 calls, newest first."""
        documents = self._control.send(self._requests.calls(phone_number=phone_number, status=status))
        return [Call.of(self._control, document) for document in documents]

    def call(self, call_sid: str) -> Call:
        """Return a call. Raises ControlError (404) if it does not exist."""
        return Call.of(self._control, self._control.send(self._requests.call(call_sid)))

    def callbacks(self, call_sid: str) -> list[CallbackAttempt]:
        """Return all attempts to deliver the call's StatusCallback, oldest first."""
        return self._control.send(self._requests.callbacks(call_sid))

    def redeliver(self, call_sid: str) -> None:
        """Send the call's StatusCallback again. Raises ControlError (409) unless it was delivered or has failed."""
        self._control.send(self._requests.redeliver(call_sid))

    def inbox(self, name: str = "inbox") -> Inbox:
        """Return an inbox, a receiver of StatusCallbacks. Any name is valid."""
        return Inbox(self._control, self.base_url, self.account_sid, name)

    def inboxes(self) -> list[InboxSummary]:
        """Return the inboxes that have messages. The inbox with the newest message is first."""
        return self._control.send(self._requests.inboxes())

    def requests(self) -> list[JournaledRequest]:
        """Return the newest 1,000 requests to the Twilio API for this account, newest first."""
        return self._control.send(self._requests.requests())

    def api_key(self, type: KeyType = "standard", permissions: Sequence[str] | None = None) -> ApiKey:  # noqa: A002
        """Create an API key. A `main` key grants full access, a `standard` key all access except to ``/Accounts``.

        A `restricted` key grants only its `permissions`, such as ``twilio/voice/outgoing-caller-ids/list``.
        """
        return self._control.send(self._requests.api_key(type, permissions))

    def api_keys(self) -> list[ApiKey]:
        """Return the API keys, oldest first."""
        return self._control.send(self._requests.api_keys())

    def delete_api_key(self, key_sid: str) -> None:
        """Delete an API key. Raises ControlError (404) if the account does not have it."""
        self._control.send(self._requests.delete_api_key(key_sid))

    def permissions_used(self) -> list[str]:
        """Return the permissions that a restricted key would need for the requests made to this account so far."""
        return self._control.send(self._requests.permissions_used())

    def oauth_app(self, scopes: Sequence[str], lifetime_seconds: int = 3_600) -> OAuthApp:
        """Create an OAuth app whose access tokens have these permissions and this lifetime."""
        return self._control.send(self._requests.oauth_app(scopes, lifetime_seconds))

    def oauth_apps(self) -> list[OAuthApp]:
        """Return the OAuth apps, oldest first."""
        return self._control.send(self._requests.oauth_apps())

    def delete_oauth_app(self, client_id: str) -> None:
        """Delete an OAuth app and its access tokens. Raises ControlError (404) if the account does not have it."""
        self._control.send(self._requests.delete_oauth_app(client_id))

    def refresh(self) -> None:
        """Read the properties again, such as the auth tokens after the application has rotated them.

        The next call of `client` returns a client with the current `auth_token`.
        """
        self._set_document(self._control.send(self._requests.refresh()))

    def create_secondary_token(self) -> str:
        """Create a secondary auth token and return it. It is valid for authentication, but not used for signatures."""
        token: str = self._control.send(self._requests.create_secondary_token())["secondary_auth_token"]
        self.secondary_auth_token = token
        return token

    def delete_secondary_token(self) -> None:
        """Delete the secondary auth token. Raises ControlError (409) if it does not exist."""
        self._control.send(self._requests.delete_secondary_token())
        self.secondary_auth_token = None

    def promote_secondary_token(self) -> str:
        """Make the secondary auth token the primary one and return it. Raises ControlError (409) if it does not exist.

        The token replaces `auth_token`, and `client` returns a new client that uses it.
        """
        document = self._control.send(self._requests.promote_secondary_token())
        self._set_primary_token(document["auth_token"])
        return self.auth_token

    def sign_with_shared_key(self, key_sid: str, secret: str, algorithm: str = "HMAC_SHA256") -> None:
        """Sign StatusCallbacks with a shared key and `algorithm`, ``HMAC_SHA256`` or ``HMAC_SHA1``."""
        self._control.send(self._requests.sign_with_shared_key(key_sid, secret, algorithm))

    def sign_with_auth_token(self) -> None:
        """Sign StatusCallbacks with the auth token again."""
        self._control.send(self._requests.sign_with_auth_token())

    def set_status(self, status: str) -> None:
        """Set the status: `active`, `suspended` or `closed`. The Twilio API serves only active accounts."""
        self._control.send(self._requests.set_status(status))

    def reset(self) -> None:
        """Delete everything in the account, including phones, faults and policy, and reset its clock."""
        self._control.send(self._requests.reset())

    def delete(self) -> None:
        """Delete the account and everything in it."""
        self._control.send(self._requests.delete())
