"""StatusCallbacks delivered to real receivers: requests, signatures and the journal."""

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from ringback.domain.callbacks import CallbackStatus
from ringback.domain.timestamps import rfc_2822
from support.domain_values import AUTH_TOKEN
from support.in_process.outbox import Outbox
from support.receivers.receiver import Answer, CallbackReceiver, Received

pytestmark = pytest.mark.anyio

COMMON_HEADERS = {
    "Host",
    "User-Agent",
    "Accept",
    "X-Twilio-Signature",
    "I-Twilio-Idempotency-Token",
    "X-Home-Region",
}
POST_HEADERS = COMMON_HEADERS | {"Content-Type", "Content-Length"}


def signature_of(received: Received) -> str:
    return received.headers["X-Twilio-Signature"]


async def test_post_callback_is_a_signed_form(outbox: Outbox, receiver: CallbackReceiver) -> None:
    sid = outbox.enqueue(f"{receiver.url}/done?own=1&plus=%2B")

    await outbox.deliver()

    [received] = receiver.received
    validator = RequestValidator(AUTH_TOKEN)
    assert (received.method, received.target) == ("POST", "/done?own=1&plus=%2B")
    assert list(received.form.items()) == list(outbox.callback(sid).parameters)
    assert received.form["CallStatus"] == "busy"
    assert received.form["Timestamp"] == rfc_2822(outbox.simulation.clock.now())
    assert validator.validate(f"{receiver.url}{received.target}", received.form, signature_of(received))
    assert outbox.status(sid) == CallbackStatus.DELIVERED


async def test_get_callback_appends_signed_parameters_to_the_query(outbox: Outbox, receiver: CallbackReceiver) -> None:
    sid = outbox.enqueue(f"{receiver.url}/done?own=1", "GET")

    await outbox.deliver()

    [received] = receiver.received
    assert (received.method, received.body) == ("GET", b"")
    assert list(received.query.items()) == [("own", "1"), *outbox.callback(sid).parameters]
    assert RequestValidator(AUTH_TOKEN).validate(f"{receiver.url}{received.target}", {}, signature_of(received))


@pytest.mark.parametrize(("method", "names"), [("POST", POST_HEADERS), ("GET", COMMON_HEADERS)])
async def test_callback_headers_equal_those_of_twilio(
    method: str, names: set[str], outbox: Outbox, receiver: CallbackReceiver
) -> None:
    sid = outbox.enqueue(f"{receiver.url}/done", method)

    await outbox.deliver()

    [received] = receiver.received
    assert set(received.headers) == names
    assert received.headers["Host"] == receiver.url.removeprefix("http://")
    assert received.headers["User-Agent"] == "TwilioProxy/1.1"
    assert received.headers["Accept"] == "*/*"
    assert received.headers["X-Home-Region"] == "us1"
    assert received.headers["I-Twilio-Idempotency-Token"] == outbox.callback(sid).idempotency_token
    if method == "POST":
        assert received.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=utf-8"
        assert received.headers["Content-Length"] == str(len(received.body))


async def test_callback_of_a_successful_call_contains_the_caller_id_sid(
    outbox: Outbox, receiver: CallbackReceiver
) -> None:
    answer = outbox.simulation.validate(status_callback=f"{receiver.url}/done")
    outbox.simulation.run()
    outbox.call_sids.append(answer.call_sid)

    await outbox.deliver()

    [received] = receiver.received
    [made] = outbox.simulation.caller_ids()
    assert received.form["VerificationStatus"] == "success"
    assert received.form["OutgoingCallerIdSid"] == made.sid
    assert received.form["CallDuration"] == "1"


async def test_user_info_is_sent_as_basic_authorization_but_neither_signed_nor_stored(
    outbox: Outbox, receiver: CallbackReceiver
) -> None:
    sid = outbox.enqueue(receiver.url.replace("http://", "http://user:s3cret@") + "/done#rc=0")

    await outbox.deliver()

    [received] = receiver.received
    [attempt] = outbox.attempts(sid)
    url = f"{receiver.url}/done"
    assert received.headers["Authorization"] == "Basic dXNlcjpzM2NyZXQ="
    assert set(received.headers) == POST_HEADERS | {"Authorization"}
    assert RequestValidator(AUTH_TOKEN).validate(url, received.form, signature_of(received))
    assert dict(attempt.headers)["Authorization"] == "***"
    assert "s3cret" not in repr(attempt)
    assert "dXNlcjpzM2NyZXQ" not in repr(attempt)


async def test_attempt_is_journaled_with_its_request_and_response(outbox: Outbox) -> None:
    with CallbackReceiver(lambda _: Answer(200, {"Content-Type": "text/plain"}, "caf\u00e9".encode())) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done")
        await outbox.deliver()

    [attempt] = outbox.attempts(sid)
    assert (attempt.number, attempt.at) == (1, outbox.simulation.clock.now())
    assert (attempt.method, attempt.url) == ("POST", f"{receiver.url}/done")
    assert {name for name, _ in attempt.headers} == POST_HEADERS
    assert (attempt.status_code, attempt.answer, attempt.error) == (200, "caf\u00e9", None)
    assert attempt.elapsed_ms > 0


async def test_long_response_is_truncated_in_the_journal(outbox: Outbox) -> None:
    with CallbackReceiver(lambda _: Answer(200, {}, b"x" * 5_000_000)) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done")
        await outbox.deliver()

    [attempt] = outbox.attempts(sid)
    assert attempt.answer == "x" * 2048
    assert outbox.status(sid) == CallbackStatus.DELIVERED


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "deflate"},
        {"Content-Type": "text/plain; charset=nonsense"},
        {"Content-Type": "\u00ff"},
    ],
)
async def test_undecodable_response_counts_as_a_response(headers: dict[str, str], outbox: Outbox) -> None:
    with CallbackReceiver(lambda _: Answer(200, headers, b"no gzip, no text\xff")) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done")
        await outbox.deliver()

    assert outbox.status(sid) == CallbackStatus.DELIVERED
    assert [attempt.status_code for attempt in outbox.attempts(sid)] == [200]


async def test_call_without_a_callback_url_sends_no_callback(outbox: Outbox, receiver: CallbackReceiver) -> None:
    silent = outbox.simulation.validate("+12125551234").call_sid
    outbox.enqueue(f"{receiver.url}/done")

    await outbox.deliver()

    assert len(receiver.received) == 1
    assert outbox.simulation.unit_of_work.callbacks.find(silent) is None


async def test_each_callback_is_sent_once(outbox: Outbox, receiver: CallbackReceiver) -> None:
    sids = [outbox.enqueue(f"{receiver.url}/done") for _ in range(40)]

    await outbox.deliver()
    await outbox.deliver()

    assert sorted(received.form["CallSid"] for received in receiver.received) == sorted(sids)
    tokens = {received.headers["I-Twilio-Idempotency-Token"] for received in receiver.received}
    assert len(tokens) == len(sids)
