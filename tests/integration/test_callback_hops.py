"""Redirected StatusCallbacks: the journal, the event, the log line and ringback.testing show every request."""

from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from ringback.callback_delivery.egress import EgressPolicy
from ringback.callback_delivery.http_client import CallbackClient
from ringback.domain.retry_policy import DeliveryPolicy, Failure
from ringback.testing.models import CallbackAttempt, CallbackHop
from support.domain_values import a_callback
from support.in_process.control import ControlledAccount
from support.polling import until
from support.receivers.receiver import Answer, CallbackReceiver, Received

pytestmark = pytest.mark.anyio

BUSY = "+15005550014"
Answering = Callable[[Received], Answer]


def redirecting(status: int, location: str) -> Answering:
    """Return the behavior of a receiver that redirects requests for ``/cb``, and responds with 200 to all others."""

    def answer(received: Received) -> Answer:
        is_callback = received.target.partition("?")[0] == "/cb"
        return Answer(status, {"Location": location}) if is_callback else Answer(200, body=b"Please log in")

    return answer


async def delivered(account: ControlledAccount, url: str, **parameters: Any) -> CallbackAttempt:
    """End a call, and return the only attempt of its callback, parsed by the model of ringback.testing."""
    call_sid = (await account.validate(BUSY, StatusCallback=url, **parameters))["call_sid"]
    await account.advance(0)
    answer = await account.control("GET", f"/calls/{call_sid}/callbacks")
    assert answer.status_code == 200, answer.text
    [attempt] = answer.json()["callbacks"]
    return CallbackAttempt.model_validate(attempt)


async def settled(account: ControlledAccount) -> dict[str, Any]:
    """Return the event that reports the success or failure of the callback."""
    events = await account.events()
    [event] = [event for event in events if event["type"].startswith("callback.")]
    return event


def assert_same_requests(receivers: Sequence[CallbackReceiver], hops: Sequence[CallbackHop]) -> None:
    """Assert that the hops match the requests that the receivers got, in the order of `receivers`."""
    received = [(receiver.url, request) for receiver in receivers for request in receiver.received]
    assert [(hop.method, hop.url) for hop in hops] == [(one.method, url + one.target) for url, one in received]
    assert [hop.headers for hop in hops] == [one.headers for _, one in received]
    assert [hop.parameters for hop in hops] == [parameters(one) for _, one in received]
    assert all(hop.is_sent for hop in hops)


def parameters(received: Received) -> dict[str, str]:
    return received.form if received.method == "POST" else received.query


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_redirect_of_a_post_is_journaled_as_a_post_and_a_get_without_parameters(
    status: int, account: ControlledAccount
) -> None:
    with CallbackReceiver(redirecting(status, "/login")) as receiver:
        attempt = await delivered(account, f"{receiver.url}/cb")

    first, second = attempt.hops
    assert_same_requests([receiver], attempt.hops)
    assert (first.method, first.status_code, first.location) == ("POST", status, "/login")
    assert first.parameters["VerificationStatus"] == "failed"
    assert (second.method, second.parameters, second.status_code, second.location) == ("GET", {}, 200, None)
    assert (attempt.method, attempt.url, attempt.parameters) == ("GET", f"{receiver.url}/login", {})
    assert attempt.hint is not None
    assert attempt.hint.startswith(
        f"/cb responded with {status}, and the request to /login contained no parameters. Twilio does "
    )


async def test_temporary_redirect_of_a_post_is_journaled_with_its_parameters_twice(account: ControlledAccount) -> None:
    with CallbackReceiver(redirecting(307, "/moved")) as receiver:
        attempt = await delivered(account, f"{receiver.url}/cb")

    first, second = attempt.hops
    assert_same_requests([receiver], attempt.hops)
    assert (second.method, second.parameters) == ("POST", first.parameters)
    assert attempt.parameters == receiver.received[1].form
    assert attempt.hint is None


async def test_permanent_redirect_is_journaled_as_one_failed_request(account: ControlledAccount) -> None:
    with CallbackReceiver(redirecting(308, "/moved")) as receiver:
        attempt = await delivered(account, f"{receiver.url}/cb")

    [hop] = attempt.hops
    assert_same_requests([receiver], attempt.hops)
    assert (hop.status_code, hop.location, attempt.error) == (308, "/moved", "responded with 308")
    assert str(attempt.hint).startswith("Twilio does not follow 308 redirects. ")
    assert (await settled(account))["type"] == "callback.failed"


async def test_redirect_to_another_host_is_journaled_with_both_urls(account: ControlledAccount) -> None:
    with CallbackReceiver() as other, CallbackReceiver(redirecting(302, f"{other.url}/there?x=1")) as receiver:
        attempt = await delivered(account, f"{receiver.url}/cb")

    assert_same_requests([receiver, other], attempt.hops)
    assert attempt.hops[1].parameters == {"x": "1"}
    hint = f"{receiver.url}/cb responded with 302, and the request to {other.url}/there contained none"
    assert hint in str(attempt.hint)


async def test_redirect_loop_is_journaled_request_by_request(account: ControlledAccount) -> None:
    with CallbackReceiver(lambda _: Answer(302, {"Location": "/cb"})) as receiver:
        attempt = await delivered(account, f"{receiver.url}/cb")

    assert len(attempt.hops) == 11
    assert_same_requests([receiver], attempt.hops)
    assert attempt.error == "more than 10 redirects, in a loop"
    assert (attempt.number, (await settled(account))["data"]["attempts"]) == (1, 1)


async def test_too_many_redirects_are_journaled_request_by_request(account: ControlledAccount) -> None:
    def answer(received: Received) -> Answer:
        return Answer(307, {"Location": f"/{int(received.target.removeprefix('/')) + 1}"})

    with CallbackReceiver(answer) as receiver:
        attempt = await delivered(account, f"{receiver.url}/0")

    assert [hop.url for hop in attempt.hops] == [f"{receiver.url}/{step}" for step in range(11)]
    assert_same_requests([receiver], attempt.hops)
    assert (attempt.error, attempt.hint) == ("more than 10 redirects", None)
    assert (await settled(account))["type"] == "callback.failed"


async def test_overlong_location_is_not_followed_and_is_truncated_in_the_journal(account: ControlledAccount) -> None:
    with CallbackReceiver(redirecting(302, "/" + "a" * 9_000)) as receiver:
        attempt = await delivered(account, f"{receiver.url}/cb")

    [hop] = attempt.hops
    assert_same_requests([receiver], attempt.hops)
    assert hop.location == "/" + "a" * 8_191
    reason = "it has more than 8192 characters"
    assert attempt.error == f"responded with 302 and a Location that cannot be followed: {reason}"


async def test_redirect_of_a_get_is_journaled_with_the_query_of_each_request(account: ControlledAccount) -> None:
    with CallbackReceiver(redirecting(307, "/there?x=1")) as receiver:
        attempt = await delivered(account, f"{receiver.url}/cb?own=2", StatusCallbackMethod="GET")

    first, second = attempt.hops
    assert_same_requests([receiver], attempt.hops)
    assert (first.parameters["own"], first.parameters["CallStatus"], second.parameters) == ("2", "busy", {"x": "1"})
    assert "/cb responded with 307, and the request to /there contained none of the parameters" in str(attempt.hint)


async def test_redirect_that_repeats_the_query_keeps_all_parameters(account: ControlledAccount) -> None:
    def answer(received: Received) -> Answer:
        path, _, query = received.target.partition("?")
        return Answer() if path == "/cb/" else Answer(301, {"Location": f"/cb/?{query}"})

    with CallbackReceiver(answer) as receiver:
        attempt = await delivered(account, f"{receiver.url}/cb", StatusCallbackMethod="GET")

    assert_same_requests([receiver], attempt.hops)
    assert attempt.parameters["CallStatus"] == "busy"
    assert attempt.hint is None


async def test_callback_without_a_redirect_is_journaled_as_one_request(account: ControlledAccount) -> None:
    with CallbackReceiver() as receiver:
        attempt = await delivered(account, f"{receiver.url}/cb")

    assert_same_requests([receiver], attempt.hops)
    assert attempt.hint is None
    assert set((await settled(account))["data"]) == {"url", "attempts", "status_code", "error"}


async def test_redirect_to_a_closed_port_is_journaled_as_a_request_that_was_not_sent(
    account: ControlledAccount,
) -> None:
    with CallbackReceiver(redirecting(302, "http://127.0.0.1:1/there")) as receiver:
        attempt = await delivered(account, f"{receiver.url}/cb#rc=0")

    first, second = attempt.hops
    assert_same_requests([receiver], [first])
    assert (second.url, second.is_sent, second.status_code) == ("http://127.0.0.1:1/there", False, None)
    assert second.error == attempt.error
    assert str(second.error).startswith("connection refused by 127.0.0.1:1: nothing listens there")
    assert (second.signature, attempt.signature, attempt.hint) == (None, None, None)
    assert first.signature is not None


class HangingAfterARedirect(httpx.AsyncBaseTransport):
    """A transport that redirects the first request, and responds to the second only after the total timeout."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            raise TimeoutError
        return httpx.Response(302, headers={"Location": "/slow"}, stream=httpx.ByteStream(b""))


async def test_total_timeout_after_a_redirect_is_journaled_with_the_request_that_hung() -> None:
    client = CallbackClient(EgressPolicy(), HangingAfterARedirect())

    outcome = await client.attempt(a_callback("http://127.0.0.1/cb"), DeliveryPolicy(), 60.0)

    assert [(hop.method, hop.url, hop.status_code) for hop in outcome.hops] == [
        ("POST", "http://127.0.0.1/cb", 302),
        ("GET", "http://127.0.0.1/slow", None),
    ]
    assert outcome.error == outcome.hops[1].error == "no answer within 15 s in total"
    assert outcome.failure == Failure.READ


async def test_retries_are_journaled_with_their_requests(account: ControlledAccount) -> None:
    def answer(received: Received) -> Answer:
        return Answer(302, {"Location": "/busy"}) if received.target == "/cb" else Answer(503)

    with CallbackReceiver(answer) as receiver:
        url = f"{receiver.url}/cb#rc=2&rp=5xx"
        call_sid = (await account.validate(BUSY, StatusCallback=url))["call_sid"]
        await account.advance(0)

    found = (await account.control("GET", f"/calls/{call_sid}/callbacks")).json()["callbacks"]
    attempts = [CallbackAttempt.model_validate(attempt) for attempt in found]
    assert [(attempt.number, len(attempt.hops)) for attempt in attempts] == [(1, 2), (2, 2), (3, 2)]
    assert_same_requests([receiver], [hop for attempt in attempts for hop in attempt.hops])
    assert (await settled(account))["data"]["attempts"] == 3


async def test_signatures_of_redirected_requests_are_valid_for_their_urls(account: ControlledAccount) -> None:
    with CallbackReceiver(redirecting(302, "/login")) as receiver:
        attempt = await delivered(account, f"{receiver.url}/cb")

    verdicts = [hop.signature for hop in attempt.hops]
    assert [(verdict.is_valid, verdict.signed_url) for verdict in verdicts if verdict] == [
        (True, f"{receiver.url}/cb"),
        (True, f"{receiver.url}/login"),
    ]


async def test_event_of_a_redirected_callback_shows_every_request(account: ControlledAccount) -> None:
    with CallbackReceiver(redirecting(302, "/login")) as receiver:
        attempt = await delivered(account, f"{receiver.url}/cb")

    event = await settled(account)
    names = ("method", "url", "parameters", "status_code", "location", "error")
    assert event["type"] == "callback.delivered"
    assert event["data"]["hops"] == [{name: getattr(hop, name) for name in names} for hop in attempt.hops]
    assert event["data"]["hint"] == attempt.hint


async def test_log_line_of_a_redirected_callback_shows_every_request(account: ControlledAccount) -> None:
    with CallbackReceiver(redirecting(302, "/login?key=s3cret")) as receiver, capture_logs() as lines:
        await delivered(account, f"{receiver.url}/cb?key=s3cret")
        await until(lambda: any(line["event"] == "callback" for line in lines))

    [line] = [line for line in lines if line["event"] == "callback"]
    assert line["hops"] == [f"POST {receiver.url}/cb 302", f"GET {receiver.url}/login 200"]
    hint = "/cb responded with 302, and the request to /login contained none of the parameters."
    assert line["hint"].startswith(hint)
    assert "s3cret" not in repr(lines)


async def test_password_in_a_location_is_masked(account: ControlledAccount) -> None:
    with CallbackReceiver() as other:
        location = other.url.replace("http://", "http://jo:geheim@") + "/there"
        with CallbackReceiver(redirecting(302, location)) as receiver:
            attempt = await delivered(account, f"{receiver.url}/cb")

    answers = [await account.control("GET", "/events", wait_seconds=0), await account.control("GET", "/calls")]
    assert attempt.hops[0].location == other.url.replace("http://", "http://***@") + "/there"
    assert attempt.hops[1].headers["Authorization"] == "***"
    assert "geheim" not in repr(attempt) + "".join(answer.text for answer in answers)
