"""The phone page in a browser, and the account that it shows."""

from dataclasses import dataclass
from typing import Any, Self

import httpx
from playwright.sync_api import ConsoleMessage, Error, Locator, Page, Request, expect

from support.servers.server import ServerProcess
from support.waiting import PATIENCE_SECONDS

MANUAL = "+15005550018"
MANUAL_WRITTEN = "+1 500-555-0018"
ERROR_RESPONSE_MESSAGE = "Failed to load resource"
"""Chromium's message for every error response. It is ignored, because the page handles error responses."""
RING = "Ring a phone you answer yourself"


@dataclass
class Visited:
    """An account for one test, with a client that sends requests to both APIs."""

    server: ServerProcess
    http: httpx.Client
    sid: str
    auth_token: str

    @classmethod
    def new(cls, server: ServerProcess, name: str = "One test", token: str | None = None) -> Self:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        http = httpx.Client(base_url=server.base_url, timeout=PATIENCE_SECONDS, trust_env=False, headers=headers)
        made = http.post("/_ringback/accounts", json={"friendly_name": name}).json()
        return cls(server, http, made["sid"], made["auth_token"])

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to the control API of this account, and return the JSON of the response."""
        answer = self.http.request(method, f"/_ringback/accounts/{self.sid}{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def validate(self, number: str = MANUAL, **parameters: str) -> dict[str, Any]:
        """Send a validation request, as an application does."""
        path = f"/2010-04-01/Accounts/{self.sid}/OutgoingCallerIds.json"
        data = {"PhoneNumber": number, **parameters}
        answer = self.http.post(path, data=data, auth=(self.sid, self.auth_token))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def call(self, sid: str) -> dict[str, Any]:
        found: dict[str, Any] = self.control("GET", f"/calls/{sid}")
        return found

    def send_message(self) -> str:
        """Send a text message through the proxy, as an application does, and return the path of the refused request."""
        serving = self.server.wait_for_log(lambda line: line.get("event") == "serving")
        path = f"/2010-04-01/Accounts/{self.sid}/Messages.json"
        with httpx.Client(proxy=serving["proxy"], timeout=PATIENCE_SECONDS, trust_env=False) as client:
            assert client.post(f"http://api.twilio.com{path}", data={"Body": "Hello"}).status_code == 404
        return path

    def inbox(self, name: str) -> str:
        return f"{self.server.base_url}/_ringback/accounts/{self.sid}/inbox/{name}"

    def wait_for(self, kind: str, call_sid: str) -> None:
        """Wait for an event of a call."""
        found = self.control("GET", f"/events?type={kind}&call_sid={call_sid}&wait_seconds=30")
        assert found["events"], f"no {kind} in time"

    def close(self) -> None:
        self.http.close()


class PhonePage:
    """The page in a browser.

    `complaints` are errors in the console; there must be none. `failed_loads` are requests that got no response.
    """

    def __init__(self, page: Page, account: Visited) -> None:
        self.page = page
        self.account = account
        self.complaints: list[str] = []
        self.failed_loads: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", self._hear_error)
        page.on("requestfailed", self._note_failed_load)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(ERROR_RESPONSE_MESSAGE):
            self.complaints.append(message.text)

    def _hear_error(self, error: Error) -> None:
        self.complaints.append(str(error))

    def _note_failed_load(self, request: Request) -> None:
        self.failed_loads.append(f"{request.url}: {request.failure}")

    def open(self, view: str = "calls") -> None:
        """Go to a view of the account, and wait until the page is live."""
        self.page.goto(f"{self.account.server.base_url}/?account={self.account.sid}#/{view}")
        try:
            expect(self.page.get_by_text("Live", exact=True)).to_be_visible()
        except AssertionError as error:
            error.add_note(
                f"errors in the console: {self.complaints}; requests without a response: {self.failed_loads}"
            )
            raise

    def stop_polling(self) -> None:
        """Disable the polling of the page until it is loaded again."""
        self.page.evaluate("() => { window.polls = false; }")

    def show(self, view: str) -> None:
        """Open a view."""
        self.page.get_by_role("navigation", name="Views").get_by_role("link", name=view, exact=True).click()
        expect(self.page.get_by_role("heading", level=1, name=view)).to_be_attached()

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def phone(self, number: str = MANUAL_WRITTEN) -> Locator:
        """Return the phone card of a number."""
        return self.page.get_by_role("article", name=number)

    def answer(self, number: str = MANUAL_WRITTEN) -> None:
        """Answer a phone, and wait for the prompt."""
        self.phone(number).get_by_role("button", name="Answer").click()
        expect(self.phone(number).get_by_role("group", name="Keypad")).to_be_focused()

    def row(self, number: str = MANUAL_WRITTEN) -> Locator:
        """Return the row of a number in the list of verifications."""
        return self.page.get_by_role("region", name="Verifications").get_by_role("link").filter(has_text=number)

    @property
    def trace(self) -> Locator:
        return self.page.locator(".trace")

    def shown_code(self, number: str = MANUAL_WRITTEN) -> str:
        """Return the code that the page shows next to the phone."""
        label = self.phone(number).locator(".code").get_attribute("aria-label")
        assert label is not None
        return label.removeprefix("Code ").replace(" ", "")

    def close(self) -> None:
        """Navigate to an empty page."""
        self.page.remove_listener("console", self._hear)
        self.page.remove_listener("pageerror", self._hear_error)
        self.page.remove_listener("requestfailed", self._note_failed_load)
        self.page.goto("about:blank")
