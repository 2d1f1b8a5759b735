"""Requests of the control API, as values. The synchronous and the async classes send the same requests.

Each method here has the name and the parameters of the method that sends its request.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

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

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)

PATH = "/_ringback"
LIST_LIMIT = 1_000
"""The largest `limit` of a list."""
LONG_SECONDS = 600.0
"""Additional timeout for requests for the whole server, and for requests that wait for receivers of callbacks."""


@dataclass(frozen=True)
class Request(Generic[T]):
    """A request of the control API. `path` is the part after ``/_ringback``.

    `read` converts the JSON of the response to the result. Query parameters that are None are not sent.
    `wait_seconds` is added to the timeout.
    """

    method: str
    path: str
    read: Callable[[Any], T]
    body: Any = None
    query: Mapping[str, Any] | None = None
    wait_seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.method} {PATH}{self.path}"


def quote_segment(text: str) -> str:
    """Percent-encode a string as a single path segment."""
    return quote(text, safe="")


def account_path(account_sid: str) -> str:
    """Return the path of an account."""
    return f"/accounts/{quote_segment(account_sid)}"


def read_document(document: Any) -> Any:
    """Return the JSON of a response unchanged."""
    return document


def ignore_response(_: Any) -> None:
    """Ignore a response."""


def list_reader(name: str, model: type[Model]) -> Callable[[Any], list[Model]]:
    """Return a function that reads the list `name` of a response."""
    return lambda document: [model.model_validate(item) for item in document[name]]


def without_nones(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


class ServerRequests:
    """Requests for a whole server."""

    def account(
        self, *, friendly_name: str | None = None, owner_email: str | None = None, parent_sid: str | None = None
    ) -> Request[Any]:
        body = {"friendly_name": friendly_name, "owner_email": owner_email, "parent_sid": parent_sid}
        return Request("POST", "/accounts", read_document, body)

    def existing_account(self, account_sid: str) -> Request[Any]:
        return Request("GET", account_path(account_sid), read_document)

    def accounts(self) -> Request[list[Any]]:
        return Request("GET", "/accounts", lambda document: list(document["accounts"]))

    def reset(self) -> Request[None]:
        return Request("POST", "/reset", ignore_response, wait_seconds=LONG_SECONDS)

    def snapshot(self) -> Request[dict[str, Any]]:
        return Request("GET", "/snapshot", read_document, wait_seconds=LONG_SECONDS)

    def restore(self, document: dict[str, Any]) -> Request[None]:
        return Request("PUT", "/snapshot", ignore_response, document, wait_seconds=LONG_SECONDS)


class AccountRequests:
    """Requests for one account, and for everything in it that has no separate class."""

    def __init__(self, account_sid: str) -> None:
        self._path = account_path(account_sid)

    def refresh(self) -> Request[Any]:
        return Request("GET", self._path, read_document)

    def add_caller_id(
        self, number: str, friendly_name: str | None = None, date_created: datetime | None = None
    ) -> Request[CallerId]:
        created = None if date_created is None else date_created.isoformat()
        body = without_nones({"phone_number": number, "friendly_name": friendly_name, "date_created": created})
        return Request("POST", f"{self._path}/caller-ids", CallerId.model_validate, body)

    def events(
        self,
        type: str | None = None,  # noqa: A002 - the name of the event's field
        *,
        call_sid: str | None = None,
        after: int = 0,
        wait_seconds: float = 0.0,
    ) -> Request[list[Event]]:
        query = {"type": type, "call_sid": call_sid, "after": after, "wait_seconds": wait_seconds}
        path = f"{self._path}/events"
        return Request("GET", path, list_reader("events", Event), query=query, wait_seconds=wait_seconds)

    def calls(self, *, phone_number: str | None = None, status: str | None = None) -> Request[list[Any]]:
        query = {"phone_number": phone_number, "status": status, "limit": LIST_LIMIT}
        return Request("GET", f"{self._path}/calls", lambda document: list(document["calls"]), query=query)

    def call(self, call_sid: str) -> Request[Any]:
        return Request("GET", f"{self._path}/calls/{quote_segment(call_sid)}", read_document)

    def callbacks(self, call_sid: str) -> Request[list[CallbackAttempt]]:
        path = f"{self._path}/calls/{quote_segment(call_sid)}/callbacks"
        return Request("GET", path, list_reader("callbacks", CallbackAttempt))

    def redeliver(self, call_sid: str) -> Request[None]:
        return Request("POST", f"{self._path}/calls/{quote_segment(call_sid)}/callbacks/redeliver", ignore_response)

    def inboxes(self) -> Request[list[InboxSummary]]:
        return Request("GET", f"{self._path}/inboxes", list_reader("inboxes", InboxSummary))

    def requests(self) -> Request[list[JournaledRequest]]:
        return Request(
            "GET", f"{self._path}/requests", list_reader("requests", JournaledRequest), query={"limit": LIST_LIMIT}
        )

    def api_key(
        self,
        type: KeyType = "standard",  # noqa: A002 - the name of the key's field
        permissions: Sequence[str] | None = None,
    ) -> Request[ApiKey]:
        body = without_nones({"type": type, "permissions": None if permissions is None else list(permissions)})
        return Request("POST", f"{self._path}/keys", ApiKey.model_validate, body)

    def api_keys(self) -> Request[list[ApiKey]]:
        return Request("GET", f"{self._path}/keys", list_reader("keys", ApiKey))

    def delete_api_key(self, key_sid: str) -> Request[None]:
        return Request("DELETE", f"{self._path}/keys/{quote_segment(key_sid)}", ignore_response)

    def permissions_used(self) -> Request[list[str]]:
        return Request("GET", f"{self._path}/permissions-used", lambda document: list(document["permissions"]))

    def oauth_app(self, scopes: Sequence[str], lifetime_seconds: int = 3_600) -> Request[OAuthApp]:
        body = {"scopes": list(scopes), "lifetime_seconds": lifetime_seconds}
        return Request("POST", f"{self._path}/oauth-apps", OAuthApp.model_validate, body)

    def oauth_apps(self) -> Request[list[OAuthApp]]:
        return Request("GET", f"{self._path}/oauth-apps", list_reader("oauth_apps", OAuthApp))

    def delete_oauth_app(self, client_id: str) -> Request[None]:
        return Request("DELETE", f"{self._path}/oauth-apps/{quote_segment(client_id)}", ignore_response)

    def create_secondary_token(self) -> Request[Any]:
        return Request("POST", f"{self._path}/auth-tokens/secondary", read_document)

    def delete_secondary_token(self) -> Request[None]:
        return Request("DELETE", f"{self._path}/auth-tokens/secondary", ignore_response)

    def promote_secondary_token(self) -> Request[Any]:
        return Request("POST", f"{self._path}/auth-tokens/promote", read_document)

    def sign_with_shared_key(self, key_sid: str, secret: str, algorithm: str = "HMAC_SHA256") -> Request[None]:
        body = {"key_sid": key_sid, "secret": secret, "algorithm": algorithm}
        return Request("PUT", f"{self._path}/webhook-signing", ignore_response, body)

    def sign_with_auth_token(self) -> Request[None]:
        return Request("DELETE", f"{self._path}/webhook-signing", ignore_response)

    def set_status(self, status: str) -> Request[None]:
        return Request("PATCH", self._path, ignore_response, {"status": status})

    def reset(self) -> Request[None]:
        return Request("POST", f"{self._path}/reset", ignore_response)

    def delete(self) -> Request[None]:
        return Request("DELETE", self._path, ignore_response)


class CallRequests:
    """Requests for one call. Each returns the document of the call."""

    def __init__(self, account_sid: str, call_sid: str) -> None:
        self._path = f"{account_path(account_sid)}/calls/{quote_segment(call_sid)}"

    def refresh(self) -> Request[Any]:
        return Request("GET", self._path, read_document)

    def answer(self) -> Request[Any]:
        return Request("POST", f"{self._path}/answer", read_document)

    def key(self, digits: str) -> Request[Any]:
        return Request("POST", f"{self._path}/digits", read_document, {"digits": digits})

    def hang_up(self) -> Request[Any]:
        return Request("POST", f"{self._path}/hang-up", read_document)

    def reject(self) -> Request[Any]:
        return Request("POST", f"{self._path}/reject", read_document)
