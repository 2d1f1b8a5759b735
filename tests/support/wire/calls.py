"""Helpers that create, list and fetch the calls of validation requests."""

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
"""A CallDelay that keeps a call queued for the duration of a test."""
ENDED = {"completed", "busy", "no-answer", "failed", "canceled"}


@dataclass(frozen=True)
class Called:
    """A number with five calls: the first four were superseded in the queue, the last one completed."""

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
    """Request the list of the account's calls. The suffixes ``_from`` and ``_before`` of parameters become > and <."""
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


def request_call(api: Api, number: str | None = None, **form: Any) -> str:
    """Send a validation request for `number`, by default an unused one, and return the CallSid."""
    answer = api.validate(number or draw_number(), **form)
    assert answer.status_code == httpx.codes.OK, answer.text
    sid: str = answer.json()["call_sid"]
    return sid


def ended(api: Api, sid: str) -> Call:
    """Wait until a call has ended, and return it."""

    def look() -> Call | None:
        call = fetch_call(api, sid)
        return call if call["status"] in ENDED else None

    return eventually(look)
