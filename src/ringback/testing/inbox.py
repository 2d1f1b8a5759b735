"""A ready-made receiver of StatusCallbacks."""

from ringback.testing.control import Control
from ringback.testing.records import InboxMessage
from ringback.testing.requests import PATH
from ringback.testing.resource_requests import InboxRequests


class Inbox:
    """An inbox of one account: give its `url` as StatusCallback, and read the messages that arrive."""

    def __init__(self, control: Control, base_url: str, account_sid: str, name: str) -> None:
        self._control = control
        self._requests = InboxRequests(account_sid, name)
        self.name = name
        self.url = f"{base_url}{PATH}{self._requests.path}"

    def messages(self) -> list[InboxMessage]:
        """Return the messages, the oldest first, each with the verdict on its signature."""
        return self._control.send(self._requests.messages())

    def empty(self) -> None:
        """Delete the messages."""
        self._control.send(self._requests.empty())
