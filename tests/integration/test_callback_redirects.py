"""Redirected StatusCallbacks: the redirects that are followed, and the method and body of the next request."""

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from ringback.domain.callbacks import CallbackStatus
from support.databases.templates import SQLITE, only
from support.domain_values import AUTH_TOKEN
from support.in_process.outbox import Outbox
from support.receivers.receiver import Answer, CallbackReceiver, Received

pytestmark = [pytest.mark.anyio, only(SQLITE)]


def redirecting(status: int, location: str) -> CallbackReceiver:
    """Return a receiver that redirects requests for ``/done``, and responds with 200 to all others."""

    def answer(received: Received) -> Answer:
        return Answer(status, {"Location": location}) if received.target.startswith("/done") else Answer()

    return CallbackReceiver(answer)


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_redirect_is_followed_by_a_get_with_a_new_signature(status: int, outbox: Outbox) -> None:
    with redirecting(status, "/there?x=1") as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done")
        await outbox.deliver()

    first, second = receiver.received
    [attempt] = outbox.attempts(sid)
    signed = second.headers["X-Twilio-Signature"]
    assert (first.method, second.method, second.target, second.body) == ("POST", "GET", "/there?x=1", b"")
    assert RequestValidator(AUTH_TOKEN).validate(f"{receiver.url}/there?x=1", {}, signed)
    assert (attempt.method, attempt.url, attempt.status_code) == ("GET", f"{receiver.url}/there?x=1", 204)
    assert outbox.status(sid) == CallbackStatus.DELIVERED


async def test_temporary_redirect_is_followed_by_the_same_post(outbox: Outbox) -> None:
    with redirecting(307, "/there") as receiver:
        outbox.enqueue(f"{receiver.url}/done")
        await outbox.deliver()

    first, second = receiver.received
    signed = second.headers["X-Twilio-Signature"]
    assert (second.method, second.target, second.body) == ("POST", "/there", first.body)
    assert second.headers["I-Twilio-Idempotency-Token"] == first.headers["I-Twilio-Idempotency-Token"]
    assert RequestValidator(AUTH_TOKEN).validate(f"{receiver.url}/there", second.form, signed)


async def test_temporary_redirect_of_a_get_requests_the_location_unchanged(outbox: Outbox) -> None:
    with redirecting(307, "/there?x=1") as receiver:
        outbox.enqueue(f"{receiver.url}/done", "GET")
        await outbox.deliver()

    second = receiver.received[1]
    assert (second.method, second.target) == ("GET", "/there?x=1")


@pytest.mark.parametrize("status", [304, 305, 308])
async def test_other_redirect_statuses_are_not_followed(status: int, outbox: Outbox) -> None:
    with redirecting(status, "/there") as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done")
        await outbox.deliver()

    [attempt] = outbox.attempts(sid)
    assert len(receiver.received) == 1
    assert (attempt.status_code, attempt.error) == (status, f"responded with {status}")
    assert outbox.status(sid) == CallbackStatus.FAILED


async def test_redirect_without_a_location_fails(outbox: Outbox) -> None:
    with CallbackReceiver(lambda _: Answer(302)) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done")
        await outbox.deliver()

    assert outbox.status(sid) == CallbackStatus.FAILED
    assert [attempt.error for attempt in outbox.attempts(sid)] == ["responded with 302"]


async def test_ten_redirects_are_followed(outbox: Outbox) -> None:
    def answer(received: Received) -> Answer:
        step = int(received.target.removeprefix("/"))
        return Answer(302, {"Location": f"/{step + 1}"}) if step < 10 else Answer()

    with CallbackReceiver(answer) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/0")
        await outbox.deliver()

    assert [received.target for received in receiver.received] == [f"/{step}" for step in range(11)]
    assert outbox.status(sid) == CallbackStatus.DELIVERED


async def test_redirect_loop_fails_after_ten_redirects(outbox: Outbox) -> None:
    with redirecting(302, "/done") as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done")
        await outbox.deliver()

    [attempt] = outbox.attempts(sid)
    assert len(receiver.received) == 11
    assert attempt.error == "more than 10 redirects, in a loop"
    assert outbox.status(sid) == CallbackStatus.FAILED


async def test_redirect_to_another_server_drops_user_info(outbox: Outbox, receiver: CallbackReceiver) -> None:
    with redirecting(307, f"{receiver.url}/there") as first:
        outbox.enqueue(first.url.replace("http://", "http://user:pw@") + "/done")
        await outbox.deliver()

    [received] = receiver.received
    assert first.received[0].headers["Authorization"] == "Basic dXNlcjpwdw=="
    assert "Authorization" not in received.headers
    assert received.headers["Host"] == receiver.url.removeprefix("http://")


async def test_redirect_on_the_same_server_keeps_user_info(outbox: Outbox) -> None:
    with redirecting(302, "/there") as receiver:
        outbox.enqueue(receiver.url.replace("http://", "http://user:pw@") + "/done")
        await outbox.deliver()

    assert receiver.received[1].headers["Authorization"] == "Basic dXNlcjpwdw=="


@pytest.mark.parametrize("location", ["ftp://app.test/", "http://[::1", "/with space", "http://app.test:0/"])
async def test_redirect_to_an_invalid_url_fails(location: str, outbox: Outbox) -> None:
    with redirecting(302, location) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done")
        await outbox.deliver()

    [attempt] = outbox.attempts(sid)
    assert attempt.status_code == 302
    assert attempt.error is not None
    assert attempt.error.startswith("responded with 302 and a Location that cannot be followed: ")
    assert outbox.status(sid) == CallbackStatus.FAILED


@pytest.mark.parametrize("status", [302, 307])
@pytest.mark.parametrize(
    "host",
    [
        *("169.254.169.254", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[fe80::1]", "[64:ff9b::a9fe:a9fe]"),
        *("[fd00:ec2::254]", "\u2460\u2465\u2468.254.169.254"),
    ],
)
async def test_redirect_to_a_disallowed_host_is_refused(outbox: Outbox, host: str, status: int) -> None:
    location = f"http://{host}/latest/meta-data".encode().decode("latin-1")
    with redirecting(status, location) as receiver:
        sid = outbox.enqueue(f"{receiver.url}/done")
        await outbox.deliver()

    [attempt] = outbox.attempts(sid)
    assert attempt.status_code is None
    assert attempt.error is not None
    assert "not allowed" in attempt.error
    assert outbox.status(sid) == CallbackStatus.FAILED
