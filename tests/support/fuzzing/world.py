"""Resources for every path of the control API. They are created again after the fuzzer has deleted them."""

import itertools
from dataclasses import dataclass
from typing import Any

import httpx

NUMBER = "+14158675309"
VERIFIED = {"phone_number": "+14158675302"}
INBOX = "fuzz"
UNTRIGGERED_FAULT = {"operation": "*", "effect": {"status": 429}, "probability": 0}
"""A fault that is never triggered."""
WAIT_SECONDS = 30
PREREQUISITE_ACTIONS = {"/digits": "answer", "/hang-up": "answer", "/redeliver": "reject"}
"""For each suffix of an operation's path, the actions that a ringing call needs before the operation can succeed."""
_counted = itertools.count()


@dataclass
class World:
    """An account with a ringing call, a phone rule, a script, a fault, a caller ID, an API key and a message."""

    http: httpx.Client
    account_sid: str
    call_sid: str
    fault_id: int
    caller_id_sid: str
    key_sid: str
    client_id: str
    sid: str
    """The SID in the path: that of the caller ID, or of an incoming phone number."""

    @property
    def values(self) -> dict[str, object]:
        """Values of path parameters by name."""
        return {
            "account_sid": self.account_sid,
            "call_sid": self.call_sid,
            "number": NUMBER,
            "fault_id": self.fault_id,
            "name": INBOX,
            "sid": self.sid,
            "key_sid": self.key_sid,
            "client_id": self.client_id,
        }

    def is_whole(self) -> bool:
        """Return whether the account exists and its call is ringing."""
        call = self.http.get(f"/accounts/{self.account_sid}/calls/{self.call_sid}")
        return call.status_code == 200 and call.json()["state"] == "ringing"

    def prepare(self, operation_path: str) -> None:
        """Put the resource of an operation into a state in which the operation can succeed."""
        path = f"/accounts/{self.account_sid}"
        for end, act in PREREQUISITE_ACTIONS.items():
            if operation_path.endswith(end):
                self.http.post(f"{path}/calls/{self.call_sid}/{act}")
        if operation_path.endswith("/redeliver"):
            self.wait_for("callback.delivered")
        if operation_path.endswith("/{number}"):
            self.http.put(f"{path}/phones/{NUMBER}", json={"behavior": "manual"})
        if operation_path.endswith("/{fault_id}"):
            self.fault_id = _made(self.http.post(f"{path}/faults", json=UNTRIGGERED_FAULT))["id"]
        if operation_path.endswith("/caller-ids/{sid}"):
            self.http.delete(f"{path}/caller-ids/{self.caller_id_sid}")
            self.sid = self.caller_id_sid = _made(self.http.post(f"{path}/caller-ids", json=VERIFIED))["sid"]
        if operation_path.endswith("/incoming-phone-numbers/{sid}"):
            self.sid = _made(self.http.post(f"{path}/incoming-phone-numbers", json=_owned_number()))["sid"]
        self._prepare_credentials(path, operation_path)

    def _prepare_credentials(self, path: str, operation_path: str) -> None:
        if operation_path.endswith("/{key_sid}"):
            self.key_sid = _made(self.http.post(f"{path}/keys"))["sid"]
        if "/auth-tokens/" in operation_path and next(_counted) % 2:
            self.http.post(f"{path}/auth-tokens/secondary")
        if operation_path.endswith("/{client_id}"):
            self.client_id = _made(self.http.post(f"{path}/oauth-apps", json={"scopes": []}))["client_id"]

    def wait_for(self, kind: str) -> None:
        """Wait until the call has an event of this type."""
        wanted: dict[str, str | int] = {"type": kind, "call_sid": self.call_sid, "wait_seconds": WAIT_SECONDS}
        events = _made(self.http.get(f"/accounts/{self.account_sid}/events", params=wanted))
        assert events["events"], f"no {kind} within {WAIT_SECONDS} s"


def new_world(http: httpx.Client) -> World:
    """Create a world on the server of `http`, through its control API and its Twilio API."""
    account = _made(http.post("/accounts"))
    sid = account["sid"]
    path = f"/accounts/{sid}"
    _made(http.put(f"{path}/phones/default", json={"behavior": "manual", "ring_seconds": 60}))
    _made(http.post(f"{path}/phones/+14158675301/script", json=["busy", {"behavior": "manual"}]))
    caller_id = _made(http.post(f"{path}/caller-ids", json=VERIFIED))
    fault = _made(http.post(f"{path}/faults", json=UNTRIGGERED_FAULT))
    http.post(f"{path}/inbox/{INBOX}", data={"CallSid": "x"}).raise_for_status()
    call = _made(
        http.post(
            http.base_url.join(f"/2010-04-01/Accounts/{sid}/OutgoingCallerIds.json"),
            auth=(sid, account["auth_token"]),
            data={"PhoneNumber": NUMBER, "StatusCallback": str(http.base_url.join(f"/_ringback{path}/inbox/{INBOX}"))},
        )
    )
    key = _made(http.post(f"{path}/keys"))
    app = _made(http.post(f"{path}/oauth-apps", json={"scopes": []}))
    world = World(
        http,
        account_sid=sid,
        call_sid=call["call_sid"],
        fault_id=fault["id"],
        caller_id_sid=caller_id["sid"],
        key_sid=key["sid"],
        client_id=app["client_id"],
        sid=caller_id["sid"],
    )
    world.wait_for("call.ringing")
    return world


def _owned_number() -> dict[str, str]:
    return {"phone_number": f"+1415868{next(_counted):04d}"}


def _made(answer: httpx.Response) -> Any:
    answer.raise_for_status()
    return answer.json()
