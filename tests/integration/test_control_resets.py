"""The control API: resets, deletions and clock changes while calls and callbacks are in progress (docs/races.md)."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from ringback.simulator import clock_advancer as advancer
from support.in_process.control import Controlled, ControlledAccount
from support.in_process.races import held_callback, ringing
from support.polling import until
from support.receivers.receiver import Answer, CallbackReceiver, Received
from support.waiting import PATIENCE_SECONDS

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("no_errors")]


@pytest.mark.parametrize("everywhere", [False, True])
async def test_reset_deletes_a_ringing_call_and_a_callback_in_delivery(
    controlled: Controlled, account: ControlledAccount, *, everywhere: bool
) -> None:
    release = threading.Event()

    def answer(_: Received) -> Answer:
        release.wait(PATIENCE_SECONDS)
        return Answer()

    with CallbackReceiver(answer) as receiver:
        delivered = await held_callback(account, release, receiver)
        rings = (await ringing(account, "+14158675301"))["call_sid"]

        reset = await controlled.ask("POST", "/reset") if everywhere else await account.control("POST", "/reset")
        release.set()
        later = await controlled.account()
        await later.control("PUT", "/phones/default", {"behavior": "busy"})
        await later.validate(StatusCallback=receiver.url)
        await later.advance(60)

        assert reset.status_code == 204
        assert len(receiver.received) == 2
    if not everywhere:
        assert (await account.control("GET", "/calls")).json() == {"calls": []}
        assert await account.events() == []
        for sid in (delivered, rings):
            assert (await account.control("POST", f"/calls/{sid}/answer")).status_code == 404


async def test_global_reset_deletes_calls_in_progress(controlled: Controlled, account: ControlledAccount) -> None:
    rings = (await ringing(account))["call_sid"]
    waits = asyncio.create_task(account.control("GET", "/events", type="call.ended", wait_seconds=300))

    await controlled.ask("POST", "/reset")

    # The reset deletes the account: a wait for its events ends immediately, and a later request gets 404.
    assert (await asyncio.wait_for(waits, PATIENCE_SECONDS)).status_code == 404
    assert (await account.control("POST", f"/calls/{rings}/answer")).status_code == 404


async def test_deletion_of_an_account_deletes_its_calls(controlled: Controlled, account: ControlledAccount) -> None:
    release = threading.Event()

    def answer(_: Received) -> Answer:
        release.wait(PATIENCE_SECONDS)
        return Answer()

    with CallbackReceiver(answer) as receiver:
        await held_callback(account, release, receiver)
        await ringing(account, "+14158675301")
        advancing = asyncio.create_task(account.control("POST", "/clock/advance", {"seconds": 10}))
        assert await account.events(type="call.queued", wait_seconds=PATIENCE_SECONDS)

        deleted = await account.control("DELETE")
        release.set()

        assert deleted.status_code == 204
        assert (await advancing).status_code == 404
    assert (await account.twilio("GET", "/OutgoingCallerIds.json")).status_code == 401
    tables = (await controlled.ask("GET", "/snapshot")).json()["tables"]
    assert [row for rows in tables.values() for row in rows if row.get("account_sid") == account.sid] == []


@pytest.mark.parametrize("upheaval", ["reset", "global reset", "clock", "snapshot"])
async def test_reset_or_deletion_ends_an_advance_without_being_undone_by_it(
    controlled: Controlled, account: ControlledAccount, upheaval: str
) -> None:
    release = threading.Event()
    snapshot = (await controlled.ask("GET", "/snapshot")).json()
    clock = (await account.control("GET", "/clock")).json()

    def answer(_: Received) -> Answer:
        release.wait(PATIENCE_SECONDS)
        return Answer()

    with CallbackReceiver(answer) as receiver:
        await account.validate(StatusCallback=receiver.url)
        advancing = asyncio.create_task(account.control("POST", "/clock/advance", {"seconds": 3600}))
        await until(lambda: receiver.received)

        match upheaval:
            case "reset":
                await account.control("POST", "/reset")
            case "global reset":
                await controlled.ask("POST", "/reset")
            case "clock":
                await account.control("PUT", "/clock", {"mode": "running", "now": clock["now"]})
            case _:
                await controlled.ask("PUT", "/snapshot", snapshot)
        release.set()

        assert (await advancing).status_code == (404 if upheaval == "global reset" else 409)
    if upheaval != "global reset":
        assert (await account.control("GET", "/clock")).json() == clock


async def test_nested_advance_by_a_callback_receiver_is_rejected(
    account: ControlledAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advancer, "MAX_QUEUE_SECONDS", 0.05)
    release = threading.Event()

    def answer(_: Received) -> Answer:
        release.wait(PATIENCE_SECONDS)
        return Answer()

    with CallbackReceiver(answer) as receiver:
        await account.validate(StatusCallback=receiver.url)
        advancing = asyncio.create_task(account.control("POST", "/clock/advance", {"seconds": 60}))
        await until(lambda: receiver.received)

        asked_by_receiver = await account.control("POST", "/clock/advance", {"seconds": 1})
        release.set()

        assert asked_by_receiver.status_code == 409
        assert (await advancing).status_code == 200
    assert [event["type"] for event in await account.events(type="callback.delivered")] == ["callback.delivered"]


async def post_slowly(
    account: ControlledAccount, change: Callable[[], Awaitable[object]], parameters: bytes = b"CallDelay=1"
) -> httpx.Response:
    """Send a validation request in two parts, and make a change after the first part of its body."""
    authenticated = asyncio.Event()
    changed = asyncio.Event()

    async def late_body() -> AsyncIterator[bytes]:
        yield b"PhoneNumber=%2B14158675309&"
        authenticated.set()
        await changed.wait()
        yield parameters

    asked = asyncio.create_task(
        account.http.post(
            f"/2010-04-01/Accounts/{account.sid}/OutgoingCallerIds.json",
            content=late_body(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            auth=(account.sid, account.auth_token),
        )
    )
    await authenticated.wait()
    await change()
    changed.set()
    return await asked


@pytest.mark.parametrize("upheaval", ["freeze", "run", "delete"])
async def test_request_with_a_slow_body_uses_the_account_as_it_is_when_the_body_is_complete(
    account: ControlledAccount, upheaval: str
) -> None:
    if upheaval == "run":
        await account.control("PUT", "/clock", {"mode": "frozen"})

    async def change() -> None:
        if upheaval == "delete":
            await account.control("DELETE")
        else:
            await account.control("PUT", "/clock", {"mode": "frozen" if upheaval == "freeze" else "running"})

    answer = await post_slowly(account, change)

    assert (answer.status_code, answer.json().get("code")) == ((401, 20003) if upheaval == "delete" else (200, None))
    if upheaval != "delete":
        await account.advance(60)
        assert (await account.call(answer.json()["call_sid"]))["verification_status"] == "success"


@pytest.mark.parametrize("change", [{"account_type": "trial"}, {"long_friendly_name": "truncate"}])
async def test_request_with_a_slow_body_uses_the_policy_that_applies_when_the_body_is_complete(
    account: ControlledAccount, change: dict[str, str]
) -> None:
    answer = await post_slowly(account, lambda: account.control("PUT", "/policy", change), b"FriendlyName=" + b"n" * 65)

    expected = (400, 10002, None) if "account_type" in change else (200, None, "n" * 64)
    assert (answer.status_code, answer.json().get("code"), answer.json().get("friendly_name")) == expected
