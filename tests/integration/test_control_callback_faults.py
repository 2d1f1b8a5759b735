"""The control API: an advance waits for the delayed callbacks of its account only."""

import asyncio

import pytest

from support.in_process.control import Controlled, ControlledAccount
from support.receivers.receiver import CallbackReceiver
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

BUSY = "+15005550014"


async def test_advance_waits_only_for_delayed_callbacks_of_its_account(
    controlled: Controlled, account: ControlledAccount
) -> None:
    other = await controlled.account()
    fault = {"operation": "status-callback", "effect": {"delay_seconds": 300}, "times": 9}
    await account.control("POST", "/faults", fault)
    with CallbackReceiver() as receiver:
        late = [(await account.validate(BUSY, StatusCallback=receiver.url))["call_sid"] for _ in range(9)]
        advancing = asyncio.create_task(account.advance(0))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await account.control("GET", "/faults")).json()["faults"]:
                await other.advance(0)

            await other.validate(BUSY, StatusCallback=receiver.url)
            await other.advance(0)
            before = [received.form["AccountSid"] for received in receiver.received]
            waits = not advancing.done()
            controlled.clock.advance(300)
            await other.validate(BUSY, StatusCallback=receiver.url)
            await other.advance(0)
            await advancing

        assert (before, waits) == ([other.sid], True)
        arrived = [received.form["CallSid"] for received in receiver.received if received.form["CallSid"] in late]
    assert sorted(arrived) == sorted(late)
    assert len(await account.events(type="callback.delivered")) == len(late)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_delayed_callbacks_of_a_reset_or_deleted_account_are_not_sent(
    controlled: Controlled, account: ControlledAccount, method: str
) -> None:
    other = await controlled.account()
    await account.control("POST", "/faults", {"operation": "status-callback", "effect": {"delay_seconds": 1}})
    with CallbackReceiver() as receiver:
        await account.validate(BUSY, StatusCallback=receiver.url)
        assert await account.events(type="call.ended", wait_seconds=PATIENCE_SECONDS)

        await account.control(method, "/reset" if method == "POST" else "")
        controlled.clock.advance(1)
        await other.validate(BUSY, StatusCallback=receiver.url)
        await other.advance(0)

        assert [received.form["AccountSid"] for received in receiver.received] == [other.sid]
