"""Clients that send validation requests one after another, while servers are killed and restarted."""

import random
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

import httpx

from support.servers.seeds import number_at
from support.servers.server import caller_ids_path
from support.waiting import PATIENCE_SECONDS

SCRIPTED = number_at(999)
SCRIPT = ("busy", "hang-up", "enter-wrong-code", "unreachable", "enter-nothing", "no-answer") * 4
"""None of these behaviors verifies the number, so the next call to it uses the next entry."""
RESERVED = [f"+1500555001{digit}" for digit in range(1, 8)]
ALREADY_VERIFIED = 21450
LONGEST_PAUSE_SECONDS = 0.015
SHARES = {"scripted": 15, "reserved": 20, "again": 10, "new": 55}
"""Kinds of numbers that clients verify, with their frequency in percent."""
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""An empty TLS context: the tests do not use TLS, and creating the default context is slow."""


def http_client(base_url: str = "") -> httpx.Client:
    return httpx.Client(base_url=base_url, timeout=PATIENCE_SECONDS, trust_env=False, verify=_NO_TLS)


@dataclass
class Tenant:
    """A client with its own account, and a record of its requests and their responses."""

    sid: str
    auth_token: str
    dice: random.Random
    script: list[float] = field(default_factory=list)
    """Entries in the script of the scripted number, identified by their ring_seconds."""
    answered: dict[str, str] = field(default_factory=dict)
    """The phone numbers of accepted requests, by CallSid."""
    refused: list[str] = field(default_factory=list)
    unanswered: int = 0
    _new: "count[int]" = field(default_factory=count)

    @classmethod
    def opened(cls, http: httpx.Client, seed: str) -> "Tenant":
        """Create an account, and queue the script of its scripted number."""
        account = http.post("/_ringback/accounts").raise_for_status().json()
        tenant = cls(account["sid"], account["auth_token"], random.Random(seed))  # noqa: S311
        tenant.script = [round(0.05 + position / 1000, 3) for position in range(len(SCRIPT))]
        entries = [{"behavior": entry, "ring_seconds": ring} for entry, ring in zip(SCRIPT, tenant.script, strict=True)]
        path = f"/_ringback/accounts/{tenant.sid}/phones/{SCRIPTED}/script"
        http.post(path, json=entries).raise_for_status()
        return tenant

    def request_until(self, over: threading.Event, urls: Callable[[], Sequence[str]], receiver_url: str) -> None:
        """Send validation requests to running servers until `over` is set."""
        with http_client() as http:
            while not over.wait(self.dice.uniform(0, LONGEST_PAUSE_SECONDS)):
                running = urls()
                if running:
                    self.ask(http, self.dice.choice(running), self._number(), f"{receiver_url}/{self.sid}?own=1")

    def ask(self, http: httpx.Client, base_url: str, number: str, status_callback: str) -> None:
        """Send a validation request, and record the response."""
        form = {
            "PhoneNumber": number,
            "StatusCallback": status_callback,
            "StatusCallbackMethod": self.dice.choice(["POST", "POST", "POST", "GET"]),
            "CallDelay": self.dice.choices([0, 1], [9, 1])[0],
        }
        url, owner = f"{base_url}{caller_ids_path(self.sid)}.json", (self.sid, self.auth_token)
        try:
            answer = http.post(url, data=form, auth=owner)
        except httpx.TransportError:
            self.unanswered += 1
            return
        told = answer.json()
        if answer.status_code == httpx.codes.OK:
            self.answered[told["call_sid"]] = number
        else:
            assert told["code"] == ALREADY_VERIFIED, told
            self.refused.append(number)

    def _number(self) -> str:
        [share] = self.dice.choices([*SHARES], [*SHARES.values()])
        if share == "scripted":
            return SCRIPTED
        if share == "reserved":
            return self.dice.choice(RESERVED)
        earlier = [*self.answered.values()]
        return self.dice.choice(earlier) if share == "again" and earlier else number_at(next(self._new))
