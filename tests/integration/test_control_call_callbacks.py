"""The control API's list of calls: the summary of each call's StatusCallback."""

from collections.abc import Callable
from typing import Any

import pytest

from ringback.storage import call_repository, callback_rows
from ringback.storage.unit_of_work import UnitOfWork
from support.in_process.control import ControlledAccount
from support.receivers.receiver import Answer, CallbackReceiver, Received

pytestmark = pytest.mark.anyio

BUSY = "+15005550014"
NOTHING_YET = {
    "status": None,
    "attempts": 0,
    "status_code": None,
    "error": None,
    "fault": None,
    "is_signature_valid": None,
    "redirects": 0,
}


async def listed(account: ControlledAccount) -> Any:
    """Return the callback of the newest call, which must be the same in the list of calls and in the call itself."""
    answer = await account.control("GET", "/calls")
    assert answer.status_code == 200, answer.text
    call = answer.json()["calls"][0]
    assert (await account.call(call["sid"]))["callback"] == call["callback"]
    return call["callback"]


async def ended(account: ControlledAccount, url: str, fault: dict[str, Any] | None = None) -> Any:
    """End a call with a callback to `url`, and return the callback in the list of calls."""
    if fault:
        await account.control("POST", "/faults", {"operation": "status-callback", "effect": fault})
    await account.validate(BUSY, StatusCallback=url)
    await account.advance(0)
    return await listed(account)


async def test_call_without_a_status_callback_lists_no_callbacks(account: ControlledAccount) -> None:
    await account.validate(BUSY)
    await account.advance(0)

    assert await listed(account) is None


async def test_call_in_progress_lists_a_callback_without_a_status(account: ControlledAccount) -> None:
    await account.validate(BUSY, StatusCallback="http://127.0.0.1:1/", CallDelay=60)

    assert await listed(account) == NOTHING_YET


async def test_delivered_callback_is_listed(account: ControlledAccount) -> None:
    with CallbackReceiver() as receiver:
        found = await ended(account, receiver.url)

    assert found == {
        **NOTHING_YET,
        "status": "delivered",
        "attempts": 1,
        "status_code": 204,
        "is_signature_valid": True,
    }


async def test_failed_callback_is_listed_with_its_attempts_and_the_last_error(account: ControlledAccount) -> None:
    with CallbackReceiver(lambda _: Answer(503)) as receiver:
        found = await ended(account, f"{receiver.url}#rc=5&rp=5xx")

    assert (found["status"], found["attempts"], found["status_code"]) == ("failed", 6, 503)
    assert (found["error"], found["is_signature_valid"]) == ("responded with 503", True)


async def test_callback_that_reached_no_receiver_is_listed_without_a_verdict(account: ControlledAccount) -> None:
    found = await ended(account, "http://127.0.0.1:1/")

    assert (found["status"], found["attempts"], found["is_signature_valid"]) == ("failed", 2, None)
    assert found["error"].startswith("connection refused by 127.0.0.1:1")


async def test_wrongly_signed_callback_is_listed_with_its_fault(account: ControlledAccount) -> None:
    with CallbackReceiver() as receiver:
        found = await ended(account, receiver.url, {"signature": "bad"})

    assert (found["status"], found["fault"], found["is_signature_valid"]) == ("delivered", "signature bad", False)


async def test_dropped_callback_is_listed_with_its_fault(account: ControlledAccount) -> None:
    with CallbackReceiver() as receiver:
        found = await ended(account, receiver.url, {"drop": True})

    assert (found["status"], found["fault"], found["error"]) == (
        "failed",
        "drop true",
        "suppressed by an injected fault",
    )
    assert found["is_signature_valid"] is None


async def test_redirected_callback_is_listed_with_its_redirects(account: ControlledAccount) -> None:
    def answer(received: Received) -> Answer:
        return Answer(302, {"Location": "/b"}) if received.target == "/a" else Answer()

    with CallbackReceiver(answer) as receiver:
        found = await ended(account, f"{receiver.url}/a")

    assert (found["status"], found["redirects"]) == ("delivered", 1)


async def test_callbacks_of_ten_calls_are_read_in_one_query(
    account: ControlledAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries: list[object] = []

    def counted(run: Callable[..., Any]) -> Callable[..., Any]:
        def count(unit_of_work: UnitOfWork, statement: Any, **values: Any) -> Any:
            queries.append(statement)
            return run(unit_of_work, statement, **values)

        return count

    with CallbackReceiver() as receiver:
        for number in range(10):
            await account.validate(f"+1500555001{number}", StatusCallback=receiver.url)
        await account.advance(60)

    for name in ("all", "rows", "first"):
        monkeypatch.setattr(UnitOfWork, name, counted(getattr(UnitOfWork, name)))
    answer = await account.control("GET", "/calls")

    assert {call["callback"]["status"] for call in answer.json()["calls"]} == {"delivered"}
    assert len(answer.json()["calls"]) == 10
    assert [query for query in queries if query in call_repository.NEWEST.values()] == [call_repository.NEWEST[()]]
    assert callback_rows.SUMMARY not in queries
