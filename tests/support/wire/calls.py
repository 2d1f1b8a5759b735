"""The calls behind validation requests, as the contract tests follow them."""

from dataclasses import dataclass
from typing import Any

import httpx

from support.servers.server import caller_ids_path
from support.wire.api import Api, draw_number, eventually
from support.wire.openapi import field_names

Call = dict[str, Any]

CALL_FIELDS = field_names("api.v2010.account.call")
CALL_ELEMENTS = ["".join(word.capitalize() for word in name.split("_")) for name in CALL_FIELDS]
UNKNOWN_CALL_SID = "CA" + "0" * 32
SUPERSEDED = 4
LONGEST_DELAY = 60
"""A CallDelay of a call that stays queued as long as a test looks at it."""
ENDED = {"completed", "busy", "no-answer", "failed"}


@dataclass(frozen=True)
class Called:
    """A number that was asked for five times: the first four calls were never dialled, the last one completed."""

    number: str
    newest_first: list[str]
    completed: Call

    @property
    def escaped(self) -> str:
        return self.number.replace("+", "%2B")


def account_path(api: Api) -> str:
    """Return the path of the client's account, without a suffix."""
    return caller_ids_path(api.account_sid).removesuffix("/OutgoingCallerIds")


def calls_path(api: Api) -> str:
    return f"{account_path(api)}/Calls"


def call_path(api: Api, sid: str, suffix: str = ".json") -> str:
    return f"{calls_path(api)}/{sid}{suffix}"


def fetch_call(api: Api, sid: str) -> Call:
    answer = api.request("GET", call_path(api, sid))
    assert answer.status_code == httpx.codes.OK, answer.text
    found: Call = answer.json()
    return found


def list_calls(api: Api, suffix: str = ".json", **query: Any) -> httpx.Response:
    """Ask for the account's calls; a name that ends with ``_from`` or ``_before`` is Twilio's with > or <."""
    names = {"_from": ">", "_before": "<"}
    parameters = {}
    for name, value in query.items():
        word, mark, rest = name.partition("_")
        parameters[word + names[mark + rest] if mark else name] = str(value)
    return api.request("GET", calls_path(api) + suffix, params=parameters)


def call_records(answer: httpx.Response) -> list[Call]:
    """Return the calls on a JSON list page."""
    assert answer.status_code == httpx.codes.OK, answer.text
    rows: list[Call] = answer.json()["calls"]
    return rows


def call_sids(answer: httpx.Response) -> list[str]:
    return [row["sid"] for row in call_records(answer)]


def ask_for(api: Api, number: str | None = None, **form: Any) -> str:
    """Ask for a number to be verified, one of the caller's own unless given, and return the call's SID."""
    answer = api.validate(number or draw_number(), **form)
    assert answer.status_code == httpx.codes.OK, answer.text
    sid: str = answer.json()["call_sid"]
    return sid


def ended(api: Api, sid: str) -> Call:
    """Return a call as soon as it has ended."""

    def look() -> Call | None:
        call = fetch_call(api, sid)
        return call if call["status"] in ENDED else None

    return eventually(look)
