"""The control API: the ringing phones of all accounts."""

import pytest

from ringback.operations.phones import MAX_COUNTED_PHONES
from support.in_process.control import Controlled, ControlledAccount

pytestmark = pytest.mark.anyio


async def ringing(controlled: Controlled) -> dict[str, int]:
    answer = await controlled.ask("GET", "/ringing-phones")
    assert answer.status_code == 200, answer.text
    return {account["account_sid"]: account["phones"] for account in answer.json()["accounts"]}


async def test_ringing_and_answered_phones_are_counted_per_account(
    controlled: Controlled, account: ControlledAccount
) -> None:
    other = await controlled.account(friendly_name="Acme")
    for one in (account, other, await controlled.account()):
        await one.control("PUT", "/clock", {"mode": "frozen"})
        await one.control("PUT", "/phones/default", {"behavior": "manual"})
        await one.validate("+14158675310", CallDelay=60)
    await account.validate()
    first, _ = await other.validate(), await other.validate("+14158675311")
    await account.advance(0)
    await other.advance(0)
    await other.control("POST", f"/calls/{first['call_sid']}/answer")

    found = (await controlled.ask("GET", "/ringing-phones")).json()["accounts"]

    assert await ringing(controlled) == {account.sid: 1, other.sid: 2}
    assert {"account_sid": other.sid, "friendly_name": "Acme", "phones": 2} in found


async def test_ended_calls_are_not_counted_as_ringing_phones(
    controlled: Controlled, account: ControlledAccount
) -> None:
    await account.control("PUT", "/clock", {"mode": "frozen"})
    await account.validate()
    await account.advance(0)
    before = await ringing(controlled)

    await account.advance(600)

    assert before == {account.sid: 1}
    assert await ringing(controlled) == {}


async def test_count_of_ringing_phones_stops_at_a_limit(
    controlled: Controlled, account: ControlledAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringback.operations.phones.MAX_COUNTED_PHONES", 2)
    await account.control("PUT", "/clock", {"mode": "frozen"})
    for last in range(3):
        await account.validate(f"+1415867531{last}")
    await account.advance(0)

    assert await ringing(controlled) == {account.sid: 2}
    assert MAX_COUNTED_PHONES >= 100
