"""What the contract tests speak through: a client whose every answer is checked, numbers nobody else uses, waits."""

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
"""A reserved number whose phone waits for a person: asking to verify it leaves nothing behind."""
UNREACHABLE_NUMBER = "+15005550016"
"""A reserved number whose calls end at once."""
UNKNOWN_SID = "PN" + "0" * 32
FIELDS = ["sid", "account_sid", "friendly_name", "phone_number", "date_created", "date_updated", "uri"]
ELEMENTS = ["Sid", "AccountSid", "FriendlyName", "PhoneNumber", "DateCreated", "DateUpdated", "Uri"]
POLL_SECONDS = 0.03

CallerId = dict[str, Any]
T = TypeVar("T")

drawn_numbers: set[str] = set()
"""Every number that these tests have made up, to be forgotten by a server that outlives them."""

_AREA_CODES = ("212", "213", "303", "305", "312", "404", "415", "503", "510", "602", "617", "702", "713", "808", "916")


def draw_number(area_code: str | None = None) -> str:
    """Return a valid American number, one of a hundred million: nobody else has it."""
    while True:
        number = f"+1{area_code or secrets.choice(_AREA_CODES)}{2_000_000 + secrets.randbelow(8_000_000)}"
        if "555" not in number and phonenumbers.is_valid_number(phonenumbers.parse(number)):
            drawn_numbers.add(number)
            return number


def draw_foreign_number() -> str:
    """Return a valid number of London's."""
    while True:
        number = f"+44207{1_000_000 + secrets.randbelow(9_000_000)}"
        if phonenumbers.is_valid_number(phonenumbers.parse(number)):
            drawn_numbers.add(number)
            return number


def draw_name() -> str:
    """Return a FriendlyName that nobody else gives."""
    return f"contract {secrets.token_hex(12)}"


@dataclass(frozen=True)
class ErrorBody:
    """The four fields of an error, as an answer's body gives them."""

    code: int
    message: str
    more_info: str
    status: int


def read_error(status: int, content_type: str | None, body: bytes) -> ErrorBody:
    """Read an answer's body as Twilio's error, strictly: these four fields in this order, nothing else."""
    if content_type == "application/json":
        fields = json.loads(body)
        assert list(fields) == ["code", "message", "more_info", "status"]
        assert [type(value) for value in fields.values()] == [int, str, str, int]
        error = ErrorBody(**fields)
    else:
        assert content_type == "application/xml", f"no error of Twilio's: {content_type} {body[:200]!r}"
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
    """Check what holds for every answer: errors are Twilio's, other JSON is as Twilio's OpenAPI describes it."""
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
    """Return the error that an answer is; AssertionError when it is none."""
    assert response.is_error, f"no error: {response.status_code} {response.text}"
    return read_error(response.status_code, response.headers.get("content-type"), response.content)


def records(response: httpx.Response) -> list[CallerId]:
    """Return the caller IDs on a JSON list page."""
    assert response.status_code == httpx.codes.OK
    rows: list[CallerId] = response.json()["outgoing_caller_ids"]
    return rows


def eventually(probe: Callable[[], T | None], seconds: float = PATIENCE_SECONDS) -> T:
    """Return what `probe` returns as soon as that is something, asking again and again for at most so long."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        assert time.monotonic() < deadline, f"nothing within {seconds} s"
        time.sleep(POLL_SECONDS)


class Api:
    """A client of one account's OutgoingCallerIds; every answer has been checked before a test sees it.

    `username` and `password` authenticate it: the account's own SID unless somebody else's is given, None for nobody.
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
        """Ask for a number to be verified, and return the answer, whatever it is."""
        return self.client.post(f"{self.path}{suffix}", data={"PhoneNumber": phone_number} | form)

    def end_a_call(self, status_callback: str, method: str = "POST") -> str:
        """Have a call end at once that owes `status_callback` a request, and return its SID."""
        answer = self.validate(UNREACHABLE_NUMBER, StatusCallback=status_callback, StatusCallbackMethod=method)
        call_sid: str = answer.json()["call_sid"]
        return call_sid

    def post_form(self, encoded: str, path: str = "") -> httpx.Response:
        """Post a form body as it stands to the list, or to another path."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.client.post(path or f"{self.path}.json", content=encoded.encode(), headers=headers)

    def find(self, phone_number: str) -> CallerId | None:
        """Return the caller ID of exactly this number, or None."""
        found = records(self.list(PhoneNumber=phone_number))
        return found[0] if found else None

    def pages(self, first: httpx.Response) -> Iterable[httpx.Response]:
        """Return a page and all that follow it by next_page_uri."""
        page = first
        while True:
            yield page
            following = page.json()["next_page_uri"]
            if following is None:
                return
            page = self.client.get(following)

    def verify(self, *phone_numbers: str, **form: Any) -> Sequence[CallerId]:
        """Have numbers verified, all at once, and return their caller IDs in the same order."""
        for number in phone_numbers:
            answer = self.validate(number, **form)
            assert answer.status_code == httpx.codes.OK, answer.text
        return self.wait_till_verified(*phone_numbers)

    def wait_till_verified(self, *phone_numbers: str) -> Sequence[CallerId]:
        """Return the caller IDs of these numbers, in the same order, as soon as all are there."""
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
        """Where the server listens."""
        parts = urlsplit(self.base_url)
        return parts.hostname or "", parts.port or 80
