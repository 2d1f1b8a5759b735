"""Faults and the official client libraries: the exceptions they raise, and the state of the server."""

import base64
import http.client
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import requests
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from support.clients.node import run_script
from support.receivers.receiver import CallbackReceiver
from support.servers.server import ServerProcess
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.usefixtures("direct")

NUMBER = "+14158675301"
IMPATIENCE_SECONDS = 0.3
LONGEST_DELAY_SECONDS = 60
"""A delay that no client waits for. A server that stops aborts the delay."""
LIST, CREATE = "list-outgoing-caller-ids", "create-validation-request"


@dataclass
class Account:
    """An account for one test, with a Twilio client for it."""

    sid: str
    auth_token: str
    client: Client
    control: httpx.Client

    @property
    def path(self) -> str:
        return f"/2010-04-01/Accounts/{self.sid}/OutgoingCallerIds.json"

    @property
    def authorization(self) -> str:
        """The Authorization header for requests without a library."""
        return f"Basic {base64.b64encode(f'{self.sid}:{self.auth_token}'.encode()).decode()}"

    def add_fault(self, operation: str, effect: dict[str, Any], **often: Any) -> None:
        """Add a fault to an operation or to StatusCallbacks."""
        answer = self.control.post("/faults", json={"operation": operation, "effect": effect, **often})
        assert answer.status_code == 201, answer.text

    def faults(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control.get("/faults").json()["faults"]
        return found

    def calls(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control.get("/calls").json()["calls"]
        return found


@pytest.fixture
def account(quick_server: ServerProcess) -> Iterator[Account]:
    control = f"{quick_server.base_url}/_ringback/accounts"
    made = httpx.post(control, json={}, trust_env=False, timeout=PATIENCE_SECONDS).json()
    client = Client(made["sid"], made["auth_token"], http_client=TwilioHttpClient(timeout=PATIENCE_SECONDS))
    client.api.base_url = quick_server.base_url
    with httpx.Client(base_url=f"{control}/{made['sid']}", trust_env=False, timeout=PATIENCE_SECONDS) as http_client:
        yield Account(made["sid"], made["auth_token"], client, http_client)
    client.http_client.session.close()


@pytest.mark.parametrize(
    ("effect", "code", "message"),
    [
        ({"status": 429}, 20429, "Too Many Requests"),
        ({"status": 503}, 20503, "Service Unavailable"),
        ({"status": 500}, 20500, "Internal Server Error"),
        ({"status": 400, "code": 21450, "message": "Taken."}, 21450, "Taken."),
    ],
)
def test_injected_error_is_raised_as_the_librarys_exception(
    effect: dict[str, Any], code: int, message: str, account: Account
) -> None:
    account.add_fault(CREATE, effect, times=1)

    with pytest.raises(TwilioRestException) as raised:
        account.client.validation_requests.create(phone_number=NUMBER)

    assert (raised.value.status, raised.value.code, message in raised.value.msg) == (effect["status"], code, True)
    assert account.calls() == []
    assert account.client.validation_requests.create(phone_number=NUMBER).phone_number == NUMBER


@pytest.mark.parametrize(("moment", "calls"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("is_first", [True, False])
def test_connection_is_dropped_before_or_after_the_change(
    moment: str, calls: int, account: Account, *, is_first: bool
) -> None:
    if not is_first:
        account.client.outgoing_caller_ids.list()
    account.add_fault(CREATE, {"drop": moment}, times=1)

    with pytest.raises(requests.ConnectionError) as raised:
        account.client.validation_requests.create(phone_number=NUMBER)

    assert not isinstance(raised.value, requests.Timeout)
    assert len(account.calls()) == calls
    assert account.faults() == []
    assert account.client.outgoing_caller_ids.list() is not None


def test_error_response_can_also_be_dropped(account: Account) -> None:
    account.add_fault(CREATE, {"drop": "after"}, times=1)

    with pytest.raises(requests.ConnectionError):
        account.client.validation_requests.create(phone_number="12")

    with pytest.raises(TwilioRestException):
        account.client.validation_requests.create(phone_number="12")


def test_dropped_connection_keeps_earlier_responses_and_loses_later_ones(
    quick_server: ServerProcess, account: Account
) -> None:
    account.add_fault(CREATE, {"drop": "after"}, times=1)
    body = b"PhoneNumber=%2B14158675301"
    head = [
        f"POST {account.path} HTTP/1.1\r\nHost: x\r\nAuthorization: {account.authorization}\r\n".encode(),
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(body),
    ]
    create, listing = b"".join([*head, body]), head[0].replace(b"POST", b"GET") + b"\r\n"
    url = httpx.URL(quick_server.base_url)

    with socket.create_connection((url.host, url.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(listing + create + listing)
        answers = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert (answers.count(b"HTTP/1.1 "), answers.startswith(b"HTTP/1.1 200 OK")) == (1, True)
    assert len(account.calls()) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_dropped_connection_sends_no_byte_of_the_response(
    method: str, quick_server: ServerProcess, account: Account
) -> None:
    account.add_fault(LIST, {"drop": "after"}, times=1)
    connection = http.client.HTTPConnection(quick_server.base_url.removeprefix("http://"), timeout=PATIENCE_SECONDS)

    connection.request(method, account.path, headers={"Authorization": account.authorization})
    with pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()

    line = quick_server.wait_for_log(lambda line: account.sid in str(line.get("path")) and "fault" in line)
    assert (line["fault"], line["operation"], line["status"]) == ("drop after", LIST, 200)
    connection.close()


def test_dropped_response_is_not_logged_as_an_error(quick_server: ServerProcess, account: Account) -> None:
    for moment in ("before", "after"):
        account.add_fault(LIST, {"drop": moment}, times=1)
        with pytest.raises(requests.ConnectionError):
            account.client.outgoing_caller_ids.list()
        quick_server.wait_for_log(
            lambda line, fault=f"drop {moment}": account.sid in str(line.get("path")) and line.get("fault") == fault  # type: ignore[misc]
        )

    assert [line for line in quick_server.log if line.get("level") == "error"] == []


def test_client_with_a_timeout_shorter_than_the_delay_times_out(account: Account) -> None:
    account.add_fault(LIST, {"delay_seconds": LONGEST_DELAY_SECONDS}, times=1)
    account.client.http_client.timeout = IMPATIENCE_SECONDS

    with pytest.raises(requests.ReadTimeout):
        account.client.outgoing_caller_ids.list()

    assert account.faults() == []


def test_client_with_a_timeout_longer_than_the_delay_gets_its_response(account: Account) -> None:
    account.add_fault(LIST, {"delay_seconds": 0.2}, times=1)

    started = time.monotonic()
    assert account.client.outgoing_caller_ids.list() == []
    assert time.monotonic() - started >= 0.2


def test_callback_arrives_before_the_delayed_response_to_the_request(
    quick_server: ServerProcess, account: Account, receiver: CallbackReceiver
) -> None:
    account.add_fault(CREATE, {"delay_seconds": LONGEST_DELAY_SECONDS, "when": "after"}, times=1)
    account.add_fault("status-callback", {"duplicate": 2, "at_once": True}, times=1)
    form = {"PhoneNumber": NUMBER, "StatusCallback": f"{receiver.url}/early"}
    headers = {"Authorization": account.authorization, "Content-Type": "application/x-www-form-urlencoded"}
    connection = http.client.HTTPConnection(quick_server.base_url.removeprefix("http://"), timeout=PATIENCE_SECONDS)

    connection.request("POST", account.path, urlencode(form), headers)
    arrived = receiver.wait_for(2)

    answered, _, _ = select.select([connection.sock], [], [], 0)
    connection.close()
    assert answered == []
    assert {had.form["VerificationStatus"] for had in arrived} == {"success"}
    assert [caller_id.phone_number for caller_id in account.client.outgoing_caller_ids.list()] == [NUMBER]


@pytest.mark.parametrize("status", [200, 502])
def test_error_page_of_a_load_balancer_replaces_the_response(
    status: int, quick_server: ServerProcess, account: Account
) -> None:
    account.add_fault(
        CREATE, {"status": status, "body": "<html>Maintenance</html>", "content_type": "text/html"}, times=1
    )

    answer = httpx.post(
        quick_server.base_url + account.path,
        data={"PhoneNumber": NUMBER},
        auth=(account.sid, account.auth_token),
        timeout=PATIENCE_SECONDS,
        trust_env=False,
    )

    assert (answer.status_code, answer.text) == (status, "<html>Maintenance</html>")
    assert answer.headers["Content-Type"] == "text/html"
    assert account.calls() == []


def test_duplicates_of_a_callback_have_the_same_token(account: Account, receiver: CallbackReceiver) -> None:
    account.add_fault("status-callback", {"duplicate": 2}, times=1)

    account.client.validation_requests.create(phone_number=NUMBER, status_callback=f"{receiver.url}/twice")

    first, second = receiver.wait_for(2)
    assert first.form == second.form
    assert first.headers["I-Twilio-Idempotency-Token"] == second.headers["I-Twilio-Idempotency-Token"]


def test_invalid_signature_is_rejected_by_the_librarys_validator(account: Account, receiver: CallbackReceiver) -> None:
    account.add_fault("status-callback", {"signature": "bad"}, times=1)
    validator = RequestValidator(account.auth_token)

    for number in (NUMBER, "+14158675302"):
        account.client.validation_requests.create(phone_number=number, status_callback=f"{receiver.url}/signed")

    url = f"{receiver.url}/signed"
    verdicts = [validator.validate(url, had.form, had.headers["X-Twilio-Signature"]) for had in receiver.wait_for(2)]
    assert sorted(verdicts) == [False, True]


def test_dropped_callback_is_never_sent(account: Account, receiver: CallbackReceiver) -> None:
    account.add_fault("status-callback", {"drop": True}, times=1)

    lost = account.client.validation_requests.create(phone_number=NUMBER, status_callback=f"{receiver.url}/lost")
    failed = account.control.get("/events", params={"type": "callback.failed", "wait_seconds": 30}).json()["events"]
    journal = account.control.get(f"/calls/{lost.call_sid}/callbacks").json()

    assert [event["call_sid"] for event in failed] == [lost.call_sid]
    assert "suppressed by an injected fault" in str(journal)
    assert receiver.received == []


@pytest.mark.node
def test_node_library_throws_exceptions_for_injected_errors(quick_server: ServerProcess, account: Account) -> None:
    account.add_fault(LIST, {"status": 429}, times=1)
    account.add_fault(CREATE, {"drop": "after"}, times=1)

    thrown = run_script(
        "faults", quick_server.base_url, accountSid=account.sid, authToken=account.auth_token, phoneNumber=NUMBER
    )

    assert thrown["refused"] == {
        "isRestException": True,
        "status": 429,
        "code": 20429,
        "message": "Too Many Requests",
    }
    assert (thrown["dropped"]["isRestException"], thrown["dropped"]["code"]) == (False, "ECONNRESET")
    assert len(account.calls()) == 1
