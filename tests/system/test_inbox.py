"""An inbox on a real server: it receives StatusCallbacks, and its verdict names changes made by a proxy."""

import base64
import hashlib
import hmac
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess, caller_ids_path

WAIT_SECONDS = 30
TLS = "the receiver sees http, the sender was given https (does a proxy terminate TLS?)"


def inbox_of(server: ServerProcess, name: str) -> str:
    return f"{server.base_url}/_ringback/accounts/{ACCOUNT_SID}/inbox/{name}"


def messages(client: httpx.Client, inbox: str) -> list[dict[str, Any]]:
    answer = client.get(f"{inbox}/messages")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["messages"]
    return found


def deliver(client: httpx.Client, number: str, url: str, method: str) -> str:
    """Verify a number with an inbox as StatusCallback, and return the call's SID when the callback has arrived."""
    form = {"PhoneNumber": number, "StatusCallback": url, "StatusCallbackMethod": method}
    call_sid: str = client.post(f"{caller_ids_path()}.json", data=form).json()["call_sid"]
    query = {"type": "callback.delivered", "call_sid": call_sid, "wait_seconds": str(WAIT_SECONDS)}
    events = client.get(f"/_ringback/accounts/{ACCOUNT_SID}/events", params=query).json()["events"]
    assert len(events) == 1
    return call_sid


@pytest.mark.parametrize(
    ("number", "method", "behind"),
    [
        ("+14158671101", "POST", ""),
        ("+14158671102", "POST", "?"),
        ("+14158671103", "POST", "?a=1&b=%20"),
        ("+14158671104", "GET", ""),
        ("+14158671105", "GET", "?"),
        ("+14158671106", "GET", "?a=1&b=%20"),
    ],
)
def test_status_callback_arrives_with_a_valid_signature(
    quick_server: ServerProcess, number: str, method: str, behind: str
) -> None:
    inbox = inbox_of(quick_server, f"arrives-{number[1:]}")
    with quick_server.client() as client:
        call_sid = deliver(client, number, inbox + behind, method)

        [message] = messages(client, inbox)

    assert message["method"] == method
    assert message["url"].startswith(inbox + behind)
    assert ["CallSid", call_sid] in message["parameters"]
    assert message["signature"]["is_valid"] is True, message
    assert message["signature"]["signed_url"] == message["url"]


def signature(text: str) -> str:
    return base64.b64encode(hmac.new(AUTH_TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()


@pytest.mark.parametrize(
    ("name", "signed", "headers", "difference"),
    [
        (
            "tls",
            "https://{host}{path}",
            {},
            TLS,
        ),
        ("port", "http://{hostname}{path}", {}, "the URL was signed without the port of the Host header"),
        (
            "host",
            "https://public.test{path}",
            {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "public.test"},
            "the URL was signed as the X-Forwarded headers describe it",
        ),
        ("slash", "http://{host}{path}/", {}, "the path was signed with a trailing slash"),
        ("question", "http://{host}{path}?", {}, "the URL was signed with a trailing '?'"),
    ],
)
def test_verdict_names_the_url_that_a_proxy_changed(
    quick_server: ServerProcess, name: str, signed: str, headers: dict[str, str], difference: str
) -> None:
    inbox = inbox_of(quick_server, f"proxy-{name}")
    parts = urlsplit(inbox)
    url = signed.format(host=parts.netloc, hostname=parts.hostname, path=parts.path)
    with quick_server.client() as client:
        sent = client.post(
            inbox, data={"CallSid": "CA1"}, headers={"X-Twilio-Signature": signature(f"{url}CallSidCA1"), **headers}
        )
        [message] = messages(client, inbox)

    assert sent.status_code == 204
    assert message["signature"] == {
        "is_valid": False,
        "explanation": f"The signature is valid for {url}: {difference}.",
        "signed_url": inbox,
        "matching_url": url,
        "difference": difference,
    }


def test_trailing_question_mark_is_part_of_the_signed_url(quick_server: ServerProcess) -> None:
    inbox = inbox_of(quick_server, "bare")
    parts = urlsplit(inbox)
    head = (
        f"GET {parts.path}? HTTP/1.1\r\nHost: {parts.netloc}\r\nX-Twilio-Signature: {signature(f'{inbox}?')}\r\n"
        "Connection: close\r\n\r\n"
    )

    with socket.create_connection((parts.hostname, parts.port), timeout=WAIT_SECONDS) as connection:
        connection.sendall(head.encode())
        answer = connection.makefile("rb").read()
    with quick_server.client() as client:
        [message] = messages(client, inbox)

    assert answer.startswith(b"HTTP/1.1 204 ")
    assert (message["url"], message["signature"]["is_valid"]) == (f"{inbox}?", True)


def test_inbox_of_a_server_with_a_control_token_receives_messages_without_it() -> None:
    with ServerProcess(control_token="a-token") as server, server.client() as client:
        inbox = inbox_of(server, "x")
        received = client.post(inbox)
        read_without = client.get(f"{inbox}/messages")
        read = client.get(f"{inbox}/messages", auth=None, headers={"Authorization": "Bearer a-token"})

    assert (received.status_code, read_without.status_code, read.status_code) == (204, 401, 200)
    assert len(read.json()["messages"]) == 1


def test_request_made_before_a_restart_remains_in_the_journal(tmp_path: Path) -> None:
    database_url = f"sqlite:///{tmp_path / 'ringback.db'}"
    with ServerProcess(database_url=database_url) as server, server.client() as client:
        request_id = client.get(f"{caller_ids_path()}.json").headers["twilio-request-id"]
    with ServerProcess(database_url=database_url) as server, server.client() as client:
        requests = client.get(f"/_ringback/accounts/{ACCOUNT_SID}/requests").json()["requests"]

    assert [request["request_id"] for request in requests] == [request_id]
