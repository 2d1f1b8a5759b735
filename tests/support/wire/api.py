"""A client that checks every response against Twilio's format, and functions that generate unused numbers."""

import json
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx
import phonenumbers
from lxml import etree

from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, caller_ids_path
from support.waiting import PATIENCE_SECONDS
from support.wire.openapi import check_json

XML_DECLARATION = b"<?xml version='1.0' encoding='UTF-8'?>\n"
MORE_INFO_URL = "https://www.twilio.com/docs/errors/"
SILENT_NUMBER = "+15005550018"
"""A reserved number with a manual phone: its call waits for a person and creates no caller ID."""
UNREACHABLE_NUMBER = "+15005550016"
"""A reserved number whose calls fail immediately."""
UNKNOWN_SID = "PN" + "0" * 32
FIELDS = ["sid", "account_sid", "friendly_name", "phone_number", "date_created", "date_updated", "uri"]
ELEMENTS = ["Sid", "AccountSid", "FriendlyName", "PhoneNumber", "DateCreated", "DateUpdated", "Uri"]
POLL_SECONDS = 0.03

CallerId = dict[str, Any]
T = TypeVar("T")

drawn_numbers: set[str] = set()
"""All numbers that these tests have generated, to be deleted from a server that keeps running."""

_AREA_CODES = ("212", "213", "303", "305", "312", "404", "415", "503", "510", "602", "617", "702", "713", "808", "916")


def draw_number(area_code: str | None = None) -> str:
    """Return a random valid American number, one of a hundred million."""
    while True:
        number = f"+1{area_code or secrets.choice(_AREA_CODES)}{2_000_000 + secrets.randbelow(8_000_000)}"
        if "555" not in number and phonenumbers.is_valid_number(phonenumbers.parse(number)):
            drawn_numbers.add(number)
            return number


def draw_foreign_number() -> str:
    """Return a random valid number in London."""
    while True:
        number = f"+44207{1_000_000 + secrets.randbelow(9_000_000)}"
        if phonenumbers.is_valid_number(phonenumbers.parse(number)):
            drawn_numbers.add(number)
            return number


def draw_name() -> str:
    """Return a unique FriendlyName."""
    return f"contract {secrets.token_hex(12)}"


@dataclass(frozen=True)
class ErrorBody:
    """The four fields of an error response."""

    code: int
    message: str
    more_info: str
    status: int


def read_error(status: int, content_type: str | None, body: bytes) -> ErrorBody:
    """Parse an error response in Twilio's format: exactly four fields, in this order."""
    if content_type == "application/json":
        fields = json.loads(body)
        assert list(fields) == ["code", "message", "more_info", "status"]
        assert [type(value) for value in fields.values()] == [int, str, str, int]
        error = ErrorBody(**fields)
    else:
        assert content_type == "application/xml", f"not a Twilio error: {content_type} {body[:200]!r}"
        assert body.startswith(XML_DECLARATION + b"<TwilioResponse><RestException><Code>")
        elements = list(etree.fromstring(body)[0])
        assert [element.tag for element in elements] == ["Code", "Message", "MoreInfo", "Status"]
        code, message, more_info, shown_status = (element.text or "" for element in elements)
        error = ErrorBody(int(code), message, more_info, int(shown_status))
    assert error.status == status
    assert error.more_info == f"{MORE_INFO_URL}{error.code}"
    assert error.message
    return error


def check_answer(method: str, target: str, status: int, content_type: str | None, body: bytes) -> None:
    """Check the format of a response: errors are Twilio's, other JSON matches Twilio's OpenAPI description."""
    if method == "HEAD":
        assert body == b""
    elif status >= httpx.codes.BAD_REQUEST:
        read_error(status, content_type, body)
    elif content_type == "application/json":
        check_json(method, target.partition("?")[0], status, json.loads(body))
    elif status == httpx.codes.NO_CONTENT:
        assert (content_type, body) == (None, b"")
    else:
        assert content_type in ("application/xml", "text/csv")


def _check_response(response: httpx.Response) -> None:
    body = response.read()
    request = response.request
    target = request.url.raw_path.decode()
    check_answer(request.method, target, response.status_code, response.headers.get("content-type"), body)


def error_of(response: httpx.Response) -> ErrorBody:
    """Return the error in a response. Raises AssertionError if the response is not an error."""
    assert response.is_error, f"not an error: {response.status_code} {response.text}"
    return read_error(response.status_code, response.headers.get("content-type"), response.content)


def records(response: httpx.Response) -> list[CallerId]:
    """Return the caller IDs on a JSON list page."""
    assert response.status_code == httpx.codes.OK
    rows: list[CallerId] = response.json()["outgoing_caller_ids"]
    return rows


def eventually(probe: Callable[[], T | None], seconds: float = PATIENCE_SECONDS) -> T:
    """Return the first result of `probe` that is not None, False or empty; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        assert time.monotonic() < deadline, f"no result within {seconds} s"
        time.sleep(POLL_SECONDS)


class Api:
    """A client of one account's OutgoingCallerIds that checks the format of every response.

    `username` and `password` are its credentials, by default the account's SID and token. If `password` is None,
    requests have no credentials.
    """

    def __init__(
        self,
        base_url: str,
        account_sid: str = ACCOUNT_SID,
        password: str | None = AUTH_TOKEN,
        *,
        username: str | None = None,
    ) -> None:
        self.base_url = base_url
        self.account_sid = account_sid
        self.auth_token = password
        self.path = caller_ids_path(account_sid)
        auth = None if password is None else (username or account_sid, password)
        self.client = httpx.Client(
            base_url=base_url,
            auth=auth,
            timeout=PATIENCE_SECONDS,
            trust_env=False,
            event_hooks={"response": [_check_response]},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.client.close()

    def instance_path(self, caller_id: CallerId | str, suffix: str = ".json") -> str:
        return f"{self.path}/{caller_id if isinstance(caller_id, str) else caller_id['sid']}{suffix}"

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.client.request(method, path, **options)

    def list(self, suffix: str = ".json", **query: Any) -> httpx.Response:
        return self.client.get(f"{self.path}{suffix}", params={name: str(value) for name, value in query.items()})

    def fetch(self, caller_id: CallerId | str, suffix: str = ".json") -> httpx.Response:
        return self.client.get(self.instance_path(caller_id, suffix))

    def update(self, caller_id: CallerId | str, suffix: str = ".json", **form: str) -> httpx.Response:
        return self.client.post(self.instance_path(caller_id, suffix), data=form)

    def delete(self, caller_id: CallerId | str) -> httpx.Response:
        return self.client.delete(self.instance_path(caller_id))

    def validate(self, phone_number: str, suffix: str = ".json", **form: Any) -> httpx.Response:
        """Send a validation request, and return the response."""
        return self.client.post(f"{self.path}{suffix}", data={"PhoneNumber": phone_number} | form)

    def end_a_call(self, status_callback: str, method: str = "POST") -> str:
        """Create a call that ends immediately and has a StatusCallback, and return its SID."""
        answer = self.validate(UNREACHABLE_NUMBER, StatusCallback=status_callback, StatusCallbackMethod=method)
        call_sid: str = answer.json()["call_sid"]
        return call_sid

    def post_form(self, encoded: str, path: str = "") -> httpx.Response:
        """Post an encoded form body to the list, or to another path."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.client.post(path or f"{self.path}.json", content=encoded.encode(), headers=headers)

    def find(self, phone_number: str) -> CallerId | None:
        """Return the caller ID of this number, or None."""
        found = records(self.list(PhoneNumber=phone_number))
        return found[0] if found else None

    def pages(self, first: httpx.Response) -> Iterable[httpx.Response]:
        """Return a page and all pages after it, following next_page_uri."""
        page = first
        while True:
            yield page
            following = page.json()["next_page_uri"]
            if following is None:
                return
            page = self.client.get(following)

    def verify(self, *phone_numbers: str, **form: Any) -> Sequence[CallerId]:
        """Verify numbers in parallel, and return their caller IDs in the same order."""
        for number in phone_numbers:
            answer = self.validate(number, **form)
            assert answer.status_code == httpx.codes.OK, answer.text
        return self.wait_until_verified(*phone_numbers)

    def wait_until_verified(self, *phone_numbers: str) -> Sequence[CallerId]:
        """Wait until these numbers are verified, and return their caller IDs in the same order."""
        last = eventually(lambda: self.find(phone_numbers[-1]))
        return [last] if len(phone_numbers) == 1 else eventually(lambda: self._all(phone_numbers))

    def _all(self, phone_numbers: Sequence[str]) -> Sequence[CallerId] | None:
        found: dict[str, CallerId] = {}
        for page in self.pages(self.list(PageSize=200)):
            found |= {row["phone_number"]: row for row in records(page)}
            if found.keys() >= set(phone_numbers):
                return [found[number] for number in phone_numbers]
        return None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the server."""
        parts = urlsplit(self.base_url)
        return parts.hostname or "", parts.port or 80
