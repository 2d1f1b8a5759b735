"""Client of the control API of an application in this process. Its system clock is a FakeClock."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI

from support.clocks import FakeClock
from support.domain_values import NUMBER


@dataclass
class ControlledAccount:
    """An account for one test, with clients of the control API and of the Twilio API."""

    http: httpx.AsyncClient
    sid: str
    auth_token: str

    async def control(self, method: str, path: str = "", body: Any = None, **query: Any) -> httpx.Response:
        """Send a request to the control API. `path` is the part after the account's SID."""
        return await ask(self.http, method, f"/accounts/{self.sid}{path}", body, **query)

    async def twilio(self, method: str, path: str, data: Mapping[str, Any] | None = None) -> httpx.Response:
        """Send a request to the Twilio API. `path` is the part after the account's SID."""
        return await self.http.request(
            method, f"/2010-04-01/Accounts/{self.sid}{path}", data=data, auth=(self.sid, self.auth_token)
        )

    async def validate(self, number: str = NUMBER, **parameters: Any) -> dict[str, Any]:
        """Send a validation request, and return the response."""
        answer = await self.twilio("POST", "/OutgoingCallerIds.json", {"PhoneNumber": number, **parameters})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def advance(self, seconds: float) -> dict[str, Any]:
        """Advance the account's clock, and return it. Everything that falls due has then happened."""
        answer = await self.control("POST", "/clock/advance", {"seconds": seconds})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def call(self, sid: str) -> dict[str, Any]:
        answer = await self.control("GET", f"/calls/{sid}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def events(self, **query: Any) -> list[dict[str, Any]]:
        """Return the account's events."""
        answer = await self.control("GET", "/events", **{"wait_seconds": 0, **query})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["events"]
        return found


@dataclass
class Controlled:
    """An application, its HTTP client, and its system clock, which the test controls."""

    app: FastAPI
    http: httpx.AsyncClient
    clock: FakeClock

    async def ask(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        """Send a request to the control API. `path` is the part after ``/_ringback``."""
        return await ask(self.http, method, path, body, **query)

    async def account(self, **wanted: Any) -> ControlledAccount:
        """Create an account."""
        answer = await self.ask("POST", "/accounts", wanted)
        assert answer.status_code == 201, answer.text
        return ControlledAccount(self.http, answer.json()["sid"], answer.json()["auth_token"])


async def ask(http: httpx.AsyncClient, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
    """Send a request to the control API, and check the format of an error response."""
    answer = await http.request(method, f"/_ringback{path}", json=body, params=query)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert set(answer.json()) == {"error", "hint"}, answer.text
    return answer
