"""Delivery of StatusCallbacks: their bytes and signature, redirects, and retries.

Rules: docs/fidelity.md, StatusCallback delivery.
"""

import base64
import hashlib
import hmac
import re
import threading
from collections.abc import Mapping

import httpx
import pytest

from support.receivers.receiver import Answer, CallbackReceiver, Received
from support.waiting import PATIENCE_SECONDS
from support.wire.api import Api, draw_number, eventually
from support.wire.rows import SeededAccounts

POST_HEADERS = {
    *("Host", "User-Agent", "Accept", "Content-Type", "Content-Length"),
    *("X-Twilio-Signature", "I-Twilio-Idempotency-Token", "X-Home-Region"),
}
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def signature(auth_token: str, url: str, form: Mapping[str, str]) -> str:
    """Return the signature as Twilio documents it: HMAC-SHA1 of the URL and each parameter, sorted by name."""
    signed = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def assert_is_signed(received: Received, auth_token: str | None) -> None:
    url = f"http://{received.headers['Host']}{received.target}"
    assert auth_token is not None
    assert received.headers["X-Twilio-Signature"] == signature(auth_token, url, received.form)


def received_paths(api: Api, receiver: CallbackReceiver) -> list[str]:
    """Send one more callback, wait until it arrives, and return the paths of all callbacks received before it."""
    api.end_a_call(f"{receiver.url}/last")
    receiver.wait_for(1, where=lambda received: received.target == "/last")
    return [received.target for received in receiver.received if received.target != "/last"]


def test_signature_computed_by_the_tests_equals_the_documented_example() -> None:
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
        "Caller": "+14158675309",
    }

    signed = signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form)

    assert signed == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_post_callback_has_exactly_the_documented_headers(api: Api, receiver: CallbackReceiver) -> None:
    api.end_a_call(f"{receiver.url}/done")

    [callback] = receiver.wait_for(1)
    headers = callback.headers
    assert set(headers) == POST_HEADERS
    assert headers["User-Agent"] == "TwilioProxy/1.1"
    assert headers["Accept"] == "*/*"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded; charset=utf-8"
    assert headers["X-Home-Region"] == "us1"
    assert re.fullmatch(UUID, headers["I-Twilio-Idempotency-Token"])


@pytest.mark.parametrize("path", ["", "/", "/done", "/done?own=1&x=%2B+%20", "/d%C3%B6ne?b=2&a=1#rc=0&fragment"])
def test_post_callback_sends_a_signed_form_to_the_unchanged_url(
    api: Api, receiver: CallbackReceiver, path: str
) -> None:
    call_sid = api.end_a_call(receiver.url + path)

    [callback] = receiver.wait_for(1)
    assert callback.method == "POST"
    assert callback.target == (path.partition("#")[0] or "/")
    assert callback.form["CallSid"] == call_sid
    assert_is_signed(callback, api.auth_token)


@pytest.mark.parametrize("path", ["/done", "/done?own=1&x=%2B+%20", "/done?own=1#rc=0"])
def test_get_callback_appends_the_parameters_to_the_urls_query(api: Api, receiver: CallbackReceiver, path: str) -> None:
    call_sid = api.end_a_call(receiver.url + path, "get")

    [callback] = receiver.wait_for(1)
    own = path.partition("#")[0]
    assert (callback.method, callback.body) == ("GET", b"")
    assert callback.target.startswith(f"{own}{'&' if '?' in own else '?'}Called=%2B")
    assert f"&CallSid={call_sid}&To=%2B" in callback.target
    assert callback.query["VerificationStatus"] == "failed"
    assert callback.query["From"] == "+14157234000"
    assert set(callback.headers) == POST_HEADERS - {"Content-Type", "Content-Length"}
    assert_is_signed(callback, api.auth_token)


def test_callback_of_a_subaccount_is_signed_with_its_token(
    contract_url: str, seeded: SeededAccounts, receiver: CallbackReceiver
) -> None:
    parent, sub = seeded.parent, seeded.sub
    with Api(contract_url, sub.account_sid, parent.auth_token, username=parent.account_sid) as by_parent:
        by_parent.end_a_call(f"{receiver.url}/done")

    [callback] = receiver.wait_for(1)
    assert callback.form["AccountSid"] == sub.account_sid
    assert_is_signed(callback, sub.auth_token)


def test_user_info_in_the_callback_url_becomes_basic_authentication(api: Api, receiver: CallbackReceiver) -> None:
    api.end_a_call(f"{receiver.url}/done".replace("http://", "http://us%40er:pa%3Ass@"))

    [callback] = receiver.wait_for(1)
    assert callback.headers["Authorization"] == f"Basic {base64.b64encode(b'us@er:pa:ss').decode()}"
    assert callback.headers["Host"] == receiver.url.removeprefix("http://")
    assert_is_signed(callback, api.auth_token)


def test_validation_response_does_not_wait_for_the_callback(api: Api) -> None:
    answered = threading.Event()

    def answer(_: Received) -> Answer:
        return Answer(200 if answered.wait(PATIENCE_SECONDS) else 500)

    with CallbackReceiver(answer) as receiver:
        api.end_a_call(f"{receiver.url}/done")
        receiver.wait_for(1)
        others = api.list(PageSize=1)
        answered.set()

    assert others.status_code == 200


def test_call_outcome_is_stored_before_the_callback_is_sent(api: Api, contract_url: str) -> None:
    found: list[int] = []

    def look(received: Received) -> Answer:
        with Api(contract_url) as client:
            found.append(client.fetch(received.form["OutgoingCallerIdSid"]).status_code)
        return Answer()

    with CallbackReceiver(look) as receiver:
        api.validate(draw_number(), StatusCallback=receiver.url)
        receiver.wait_for(1)
        eventually(lambda: found)

    assert found == [httpx.codes.OK]


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST")])
def test_callback_redirect_is_followed_with_a_new_signature(api: Api, status: int, method: str) -> None:
    def answer(received: Received) -> Answer:
        return Answer(status, {"Location": "/there?b=2"}) if received.target == "/here?a=1" else Answer()

    with CallbackReceiver(answer) as receiver:
        api.end_a_call(f"{receiver.url}/here?a=1")
        first, second = receiver.wait_for(2)

    assert (second.method, second.target) == (method, "/there?b=2")
    assert second.body == (first.body if method == "POST" else b"")
    assert second.headers["I-Twilio-Idempotency-Token"] == first.headers["I-Twilio-Idempotency-Token"]
    assert second.headers["X-Twilio-Signature"] != first.headers["X-Twilio-Signature"]
    assert_is_signed(second, api.auth_token)


def test_callback_follows_at_most_ten_redirects(api: Api) -> None:
    def answer(received: Received) -> Answer:
        if received.target == "/last":
            return Answer()
        return Answer(302, {"Location": f"/{int(received.target.removeprefix('/')) + 1}"})

    with CallbackReceiver(answer) as receiver:
        api.end_a_call(f"{receiver.url}/0")
        receiver.wait_for(11)
        targets = received_paths(api, receiver)

    assert targets == [f"/{number}" for number in range(11)]


@pytest.mark.parametrize(
    "answer", [Answer(200, body=b"<Response><Say>hi</Say></Response>" * 1000), Answer(404), Answer(503)]
)
def test_callback_that_gets_any_response_is_not_retried(api: Api, answer: Answer) -> None:
    with CallbackReceiver(lambda _: answer) as receiver:
        api.end_a_call(f"{receiver.url}/first")
        receiver.wait_for(1)
        targets = received_paths(api, receiver)

    assert targets == ["/first"]


@pytest.mark.parametrize(
    ("fragment", "status", "requests"),
    [
        *(("rc=2&rp=5xx", 503, 3), ("rc=1&rp=5xx", 500, 2), ("rc=2&rp=4xx", 404, 3), ("rc=5&rp=all", 500, 6)),
        *(("rc=2&rp=ct,4xx", 400, 3), ("rc=0&rp=5xx", 500, 1), ("rc=2&rp=4xx", 500, 1), ("rc=9&rp=5xx", 500, 6)),
        *(("rc=2&rp=5xx", 404, 1), ("rc=2", 500, 1)),
    ],
)
def test_url_fragment_sets_the_number_of_retries_and_the_failures_that_are_retried(
    api: Api, fragment: str, status: int, requests: int
) -> None:
    with CallbackReceiver(lambda _: Answer(status)) as receiver:
        api.end_a_call(f"{receiver.url}/again#{fragment}")
        tries = receiver.wait_for(requests)
        targets = received_paths(api, receiver)

    assert targets == ["/again"] * requests
    assert len({received.headers["I-Twilio-Idempotency-Token"] for received in tries}) == 1
    assert len({received.body for received in tries}) == 1


@pytest.mark.parametrize("fragment", ["rc=2&rp=rt&rt=100", "rc=2&rp=all&rt=150"])
def test_url_fragment_sets_the_read_timeout(api: Api, fragment: str) -> None:
    enough = threading.Event()

    def answer(received: Received) -> Answer:
        if received.target != "/last":
            enough.wait(PATIENCE_SECONDS)
        return Answer()

    with CallbackReceiver(answer) as receiver:
        api.end_a_call(f"{receiver.url}/slow#{fragment}")
        tries = receiver.wait_for(3)
        enough.set()

    assert len({received.headers["I-Twilio-Idempotency-Token"] for received in tries}) == 1
