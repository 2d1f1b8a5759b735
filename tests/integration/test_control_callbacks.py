"""The control API: the journal of a call's StatusCallback, and redelivery."""

import threading
from typing import Any

import pytest

from support.in_process.control import Controlled, ControlledAccount
from support.receivers.receiver import Answer, CallbackReceiver, Received
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

BUSY = "+15005550014"
NOTHING: dict[str, Any] = {"status": None, "idempotency_token": None, "callbacks": []}


async def ended_call(account: ControlledAccount, url: str, **parameters: Any) -> str:
    """End a call with a StatusCallback to `url`, and wait until the callback is delivered or has failed."""
    sid: str = (await account.validate(BUSY, StatusCallback=url, **parameters))["call_sid"]
    await account.advance(0)
    return sid


async def journal(account: ControlledAccount, sid: str) -> dict[str, Any]:
    answer = await account.control("GET", f"/calls/{sid}/callbacks")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def redeliver(account: ControlledAccount, sid: str) -> dict[str, Any]:
    """Redeliver a callback, wait until the account has settled, and return the response."""
    answer = await account.control("POST", f"/calls/{sid}/callbacks/redeliver")
    assert answer.status_code == 202, answer.text
    await account.advance(0)
    found: dict[str, Any] = answer.json()
    return found


async def test_journal_shows_the_request_and_the_response(account: ControlledAccount) -> None:
    with CallbackReceiver(lambda _: Answer(200, body=b"thank you")) as receiver:
        url = f"{receiver.url}/done?tenant=7"
        sid = await ended_call(account, url)

    found = await journal(account, sid)
    [received] = receiver.received
    [attempt] = found["callbacks"]
    assert (found["status"], found["idempotency_token"]) == (
        "delivered",
        received.headers["I-Twilio-Idempotency-Token"],
    )
    assert (attempt["number"], attempt["method"], attempt["url"]) == (1, "POST", url)
    assert attempt["headers"] == received.headers
    assert attempt["parameters"] == received.form
    assert {"FromCity", "ToCountry", "CalledZip"} <= set(attempt["parameters"])
    assert attempt["answer"] == {"status_code": 200, "body": "thank you"}
    assert attempt["elapsed_ms"] > 0
    assert attempt["error"] is None


async def test_journal_shows_the_parameters_of_a_get(account: ControlledAccount) -> None:
    with CallbackReceiver() as receiver:
        sid = await ended_call(account, f"{receiver.url}/done", StatusCallbackMethod="GET")

    [attempt] = (await journal(account, sid))["callbacks"]
    assert (attempt["method"], attempt["url"]) == ("GET", receiver.url + receiver.received[0].target)
    assert attempt["parameters"] == receiver.received[0].query


async def test_attempts_are_listed_oldest_first(account: ControlledAccount) -> None:
    answers = iter([Answer(503, body=b"later"), Answer(503), Answer(204)])
    with CallbackReceiver(lambda _: next(answers)) as receiver:
        sid = await ended_call(account, f"{receiver.url}/done#rc=5&rp=5xx")

    found = await journal(account, sid)
    told = [(attempt["number"], attempt["answer"], attempt["error"]) for attempt in found["callbacks"]]
    assert told == [
        (1, {"status_code": 503, "body": "later"}, "responded with 503"),
        (2, {"status_code": 503, "body": ""}, "responded with 503"),
        (3, {"status_code": 204, "body": ""}, None),
    ]
    assert found["status"] == "delivered"


async def test_attempt_without_a_response_shows_the_reason(account: ControlledAccount) -> None:
    sid = await ended_call(account, "http://127.0.0.1:1/closed")

    found = await journal(account, sid)
    assert found["status"] == "failed"
    assert [(attempt["number"], attempt["answer"]) for attempt in found["callbacks"]] == [(1, None), (2, None)]
    assert all(
        "connection refused by 127.0.0.1:1: nothing listens there" in attempt["error"] for attempt in found["callbacks"]
    )


async def test_redirected_attempt_shows_its_last_request(account: ControlledAccount) -> None:
    def answer(received: Received) -> Answer:
        return Answer(302, {"Location": "/moved"}) if received.target == "/done" else Answer()

    with CallbackReceiver(answer) as receiver:
        sid = await ended_call(account, f"{receiver.url}/done")

    [attempt] = (await journal(account, sid))["callbacks"]
    assert (attempt["method"], attempt["url"]) == ("GET", f"{receiver.url}/moved")
    assert attempt["headers"] == receiver.received[1].headers
    assert attempt["parameters"] == {}


async def test_passwords_are_masked(account: ControlledAccount) -> None:
    with CallbackReceiver() as receiver:
        sid = await ended_call(account, f"{receiver.url}/done".replace("http://", "http://jo:geheim@"))

    answer = await account.control("GET", f"/calls/{sid}/callbacks")
    [attempt] = answer.json()["callbacks"]
    assert receiver.received[0].headers["Authorization"].startswith("Basic ")
    assert attempt["headers"]["Authorization"] == "***"
    assert attempt["url"] == f"{receiver.url}/done"
    assert "geheim" not in answer.text


async def test_callback_attempts_are_timed_by_the_accounts_clock(account: ControlledAccount) -> None:
    await account.control("PUT", "/clock", {"mode": "frozen", "now": "2030-01-01T00:00:00Z"})
    with CallbackReceiver() as receiver:
        sid = await ended_call(account, receiver.url, CallDelay=5)
        await account.advance(60)
        await redeliver(account, sid)

    dates = [attempt["at"] for attempt in (await journal(account, sid))["callbacks"]]
    assert dates == ["2030-01-01T00:00:05.000000Z", "2030-01-01T00:01:00.000000Z"]


async def test_call_in_progress_has_no_callback_status(account: ControlledAccount) -> None:
    sid = (await account.validate(StatusCallback="http://127.0.0.1:1/", CallDelay=60))["call_sid"]

    answer = await account.control("POST", f"/calls/{sid}/callbacks/redeliver")

    assert answer.status_code == 409
    assert answer.json()["error"] == f"call {sid} is queued: its StatusCallback is sent when the call ends"
    assert await journal(account, sid) == NOTHING


async def test_call_without_a_status_callback_has_an_empty_journal(account: ControlledAccount) -> None:
    sid = (await account.validate(BUSY))["call_sid"]
    await account.advance(0)

    answer = await account.control("POST", f"/calls/{sid}/callbacks/redeliver")

    assert answer.status_code == 409
    assert answer.json()["error"] == f"call {sid} did not request a StatusCallback"
    assert await journal(account, sid) == NOTHING


async def test_redelivery_sends_the_same_request_with_the_same_token(account: ControlledAccount) -> None:
    with CallbackReceiver() as receiver:
        sid = await ended_call(account, receiver.url)
        before = await journal(account, sid)

        accepted = await redeliver(account, sid)

    first, second = receiver.received
    after = await journal(account, sid)
    assert accepted == {**before, "status": "pending"}
    assert (second.headers, second.body) == (first.headers, first.body)
    assert second.headers["I-Twilio-Idempotency-Token"] == before["idempotency_token"] == after["idempotency_token"]
    assert after["status"] == "delivered"
    assert [attempt["number"] for attempt in after["callbacks"]] == [1, 2]
    assert after["callbacks"][0] == before["callbacks"][0]


async def test_event_reports_the_result_of_a_redelivery(account: ControlledAccount) -> None:
    statuses = iter([500, 204])
    with CallbackReceiver(lambda _: Answer(next(statuses))) as receiver:
        sid = await ended_call(account, receiver.url)
        [failed] = await account.events(type="callback.failed")

        await account.control("POST", f"/calls/{sid}/callbacks/redeliver")
        [delivered] = await account.events(type="callback.delivered", after=failed["id"], wait_seconds=PATIENCE_SECONDS)

    assert delivered["call_sid"] == sid
    assert (failed["data"]["attempts"], delivered["data"]["attempts"]) == (1, 2)
    assert (await journal(account, sid))["status"] == "delivered"


async def test_redelivery_is_retried_like_the_first_delivery(account: ControlledAccount) -> None:
    with CallbackReceiver(lambda _: Answer(503)) as receiver:
        sid = await ended_call(account, f"{receiver.url}#rc=2&rp=5xx")
        await redeliver(account, sid)
        await redeliver(account, sid)

    found = await journal(account, sid)
    assert [attempt["number"] for attempt in found["callbacks"]] == list(range(1, 10))
    assert len({received.headers["I-Twilio-Idempotency-Token"] for received in receiver.received}) == 1
    assert found["status"] == "failed"


async def test_callback_in_delivery_is_not_sent_twice(account: ControlledAccount) -> None:
    arrived, may_answer = threading.Event(), threading.Event()

    def answer(_: Received) -> Answer:
        arrived.set()
        may_answer.wait(PATIENCE_SECONDS)
        return Answer()

    with CallbackReceiver(answer) as receiver:
        sid = (await account.validate(BUSY, StatusCallback=receiver.url))["call_sid"]
        await account.events(type="call.ended", wait_seconds=PATIENCE_SECONDS)

        refused = await account.control("POST", f"/calls/{sid}/callbacks/redeliver")
        meanwhile = await journal(account, sid)
        may_answer.set()
        await account.advance(0)

    assert refused.status_code == 409
    assert refused.json()["error"] == f"call {sid} already has a pending StatusCallback"
    assert (meanwhile["status"], meanwhile["callbacks"]) == ("pending", [])
    assert meanwhile["idempotency_token"] == receiver.received[0].headers["I-Twilio-Idempotency-Token"]
    assert len(receiver.received) == 1


async def test_journal_of_an_unrelated_or_unknown_call_is_not_found(
    controlled: Controlled, account: ControlledAccount
) -> None:
    with CallbackReceiver() as receiver:
        sid = await ended_call(account, receiver.url)
        other = await controlled.account()

        answers = [
            await asked.control(method, f"/calls/{call}/callbacks{more}")
            for asked, call in ((other, sid), (account, "CA" + "0" * 32))
            for method, more in (("GET", ""), ("POST", "/redeliver"))
        ]
        await account.advance(0)

    assert [answer.status_code for answer in answers] == [404] * 4
    assert len(receiver.received) == 1
