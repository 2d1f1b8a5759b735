"""The requests of the control API, described without sending them.

The synchronous handles and those of `ringback.testing.aio` send the same descriptions: each method here has the name
and the parameters of the handles' methods.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from ringback.testing.records import ApiKey, CallbackAttempt, CallerId, Event, InboxSummary, LoggedRequest

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)

PATH = "/_ringback"
MOST = 1_000
"""As many items as a list shows at once."""
LONG_SECONDS = 600.0
"""How much longer an answer may take that is about the whole server, or that waits for receivers of callbacks."""


@dataclass(frozen=True)
class Request(Generic[T]):
    """A request of the control API; `path` is what follows ``/_ringback``.

    `read` turns the answer's JSON into the result. Query parameters that are None are left out. The answer may take
    `wait_seconds` longer than others.
    """

    method: str
    path: str
    read: Callable[[Any], T]
    body: Any = None
    query: Mapping[str, Any] | None = None
    wait_seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.method} {PATH}{self.path}"


def segment(text: str) -> str:
    """Return a text as one segment of a path."""
    return quote(text, safe="")


def account_path(account_sid: str) -> str:
    """Return the path of an account."""
    return f"/accounts/{segment(account_sid)}"


def as_document(answer: Any) -> Any:
    """Return the answer's JSON as it is."""
    return answer


def nothing(_: Any) -> None:
    """Ignore the answer."""


def items(name: str, model: type[Model]) -> Callable[[Any], list[Model]]:
    """Return a function that reads the list of that name."""
    return lambda answer: [model.model_validate(item) for item in answer[name]]


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


class ServerRequests:
    """Requests about a whole server."""

    def account(
        self, *, friendly_name: str | None = None, owner_email: str | None = None, parent_sid: str | None = None
    ) -> Request[Any]:
        body = {"friendly_name": friendly_name, "owner_email": owner_email, "parent_sid": parent_sid}
        return Request("POST", "/accounts", as_document, body)

    def existing_account(self, account_sid: str) -> Request[Any]:
        return Request("GET", account_path(account_sid), as_document)

    def accounts(self) -> Request[list[Any]]:
        return Request("GET", "/accounts", lambda answer: list(answer["accounts"]))

    def reset(self) -> Request[None]:
        return Request("POST", "/reset", nothing, wait_seconds=LONG_SECONDS)

    def snapshot(self) -> Request[dict[str, Any]]:
        return Request("GET", "/snapshot", as_document, wait_seconds=LONG_SECONDS)

    def restore(self, document: dict[str, Any]) -> Request[None]:
        return Request("PUT", "/snapshot", nothing, document, wait_seconds=LONG_SECONDS)


class AccountRequests:
    """Requests about one account, and about what has no handle."""

    def __init__(self, account_sid: str) -> None:
        self._path = account_path(account_sid)

    def add_caller_id(
        self, number: str, friendly_name: str | None = None, date_created: datetime | None = None
    ) -> Request[CallerId]:
        created = None if date_created is None else date_created.isoformat()
        body = given({"phone_number": number, "friendly_name": friendly_name, "date_created": created})
        return Request("POST", f"{self._path}/caller-ids", CallerId.model_validate, body)

    def events(
        self,
        type: str | None = None,  # noqa: A002 - the event's own word for it
        *,
        call_sid: str | None = None,
        after: int = 0,
        wait_seconds: float = 0.0,
    ) -> Request[list[Event]]:
        query = {"type": type, "call_sid": call_sid, "after": after, "wait_seconds": wait_seconds}
        path = f"{self._path}/events"
        return Request("GET", path, items("events", Event), query=query, wait_seconds=wait_seconds)

    def calls(self, *, phone_number: str | None = None, status: str | None = None) -> Request[list[Any]]:
        query = {"phone_number": phone_number, "status": status, "limit": MOST}
        return Request("GET", f"{self._path}/calls", lambda answer: list(answer["calls"]), query=query)

    def call(self, call_sid: str) -> Request[Any]:
        return Request("GET", f"{self._path}/calls/{segment(call_sid)}", as_document)

    def callbacks(self, call_sid: str) -> Request[list[CallbackAttempt]]:
        path = f"{self._path}/calls/{segment(call_sid)}/callbacks"
        return Request("GET", path, items("callbacks", CallbackAttempt))

    def redeliver(self, call_sid: str) -> Request[None]:
        return Request("POST", f"{self._path}/calls/{segment(call_sid)}/callbacks/redeliver", nothing)

    def inboxes(self) -> Request[list[InboxSummary]]:
        return Request("GET", f"{self._path}/inboxes", items("inboxes", InboxSummary))

    def requests(self) -> Request[list[LoggedRequest]]:
        return Request("GET", f"{self._path}/requests", items("requests", LoggedRequest), query={"limit": MOST})

    def api_key(self) -> Request[ApiKey]:
        return Request("POST", f"{self._path}/keys", ApiKey.model_validate)

    def set_status(self, status: str) -> Request[None]:
        return Request("PATCH", self._path, nothing, {"status": status})

    def reset(self) -> Request[None]:
        return Request("POST", f"{self._path}/reset", nothing)

    def delete(self) -> Request[None]:
        return Request("DELETE", self._path, nothing)


class CallRequests:
    """Requests about one call; each returns the call's document."""

    def __init__(self, account_sid: str, call_sid: str) -> None:
        self._path = f"{account_path(account_sid)}/calls/{segment(call_sid)}"

    def look_again(self) -> Request[Any]:
        return Request("GET", self._path, as_document)

    def answer(self) -> Request[Any]:
        return Request("POST", f"{self._path}/answer", as_document)

    def key(self, digits: str) -> Request[Any]:
        return Request("POST", f"{self._path}/digits", as_document, {"digits": digits})

    def hang_up(self) -> Request[Any]:
        return Request("POST", f"{self._path}/hang-up", as_document)

    def reject(self) -> Request[Any]:
        return Request("POST", f"{self._path}/reject", as_document)
