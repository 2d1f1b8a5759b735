"""A ready-made receiver of StatusCallbacks."""

from urllib.parse import quote

from ringback.testing.control import MOST, PATH, Control
from ringback.testing.records import InboxMessage


class Inbox:
    """An inbox of one account: give its `url` as StatusCallback, and read what came."""

    def __init__(self, control: Control, base_url: str, account_sid: str, name: str) -> None:
        self._control = control
        self._path = f"/accounts/{quote(account_sid, safe='')}/inbox/{quote(name, safe='')}"
        self.url = f"{base_url}{PATH}{self._path}"

    def messages(self) -> list[InboxMessage]:
        """Return what came, the oldest first, each with the verdict on its signature."""
        shown = self._control.ask("GET", f"{self._path}/messages", query={"limit": MOST})["messages"]
        return [InboxMessage.model_validate(message) for message in shown]

    def empty(self) -> None:
        """Forget what came."""
        self._control.ask("DELETE", f"{self._path}/messages")
