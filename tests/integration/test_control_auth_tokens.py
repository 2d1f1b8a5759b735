"""The control API: the secondary auth token, its promotion, and the names of both tokens in inbox and journal."""

import asyncio
from typing import Any

import httpx
import pytest

from support.domain_values import NUMBER
from support.in_process.control import Controlled, ControlledAccount
from support.in_process.inboxes import messages, signature, url
from support.receivers.receiver import Answer, CallbackReceiver, Received
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

SECONDARY = "it was signed with the secondary auth token of this account, which Twilio never signs with"
PREVIOUS = (
    "it was signed with the former primary auth token of this account, "
    "which was replaced when the secondary one was promoted"
)


async def create_secondary(account: ControlledAccount) -> str:
    answer = await account.control("POST", "/auth-tokens/secondary")
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["secondary_auth_token"]
    return token


async def list_with(account: ControlledAccount, token: str) -> httpx.Response:
    path = f"/2010-04-01/Accounts/{account.sid}/OutgoingCallerIds.json"
    return await account.http.get(path, auth=(account.sid, token))


async def read(account: ControlledAccount) -> dict[str, Any]:
    document: dict[str, Any] = (await account.control("GET")).json()
    return document


def signed_text(url: str, received: Received) -> str:
    return url + "".join(name + value for name, value in sorted(received.form.items()))


async def test_new_account_has_no_secondary_token(account: ControlledAccount) -> None:
    assert (await read(account))["secondary_auth_token"] is None


async def test_secondary_token_authenticates_in_addition_to_the_primary_one(account: ControlledAccount) -> None:
    secondary = await create_secondary(account)

    statuses = [(await list_with(account, token)).status_code for token in (account.auth_token, secondary, "0" * 32)]
    document = await read(account)

    assert statuses == [200, 200, 401]
    assert (document["auth_token"], document["secondary_auth_token"]) == (account.auth_token, secondary)
    assert len(secondary) == len(account.auth_token)
    assert secondary != account.auth_token


async def test_second_secondary_token_replaces_the_first(account: ControlledAccount) -> None:
    first, second = await create_secondary(account), await create_secondary(account)

    assert [(await list_with(account, token)).status_code for token in (first, second)] == [401, 200]


async def test_deleted_secondary_token_is_invalid(account: ControlledAccount) -> None:
    secondary = await create_secondary(account)

    deleted = await account.control("DELETE", "/auth-tokens/secondary")
    again = await account.control("DELETE", "/auth-tokens/secondary")

    assert (deleted.status_code, deleted.content, again.status_code) == (204, b"", 409)
    assert (await list_with(account, secondary)).status_code == 401
    assert (await list_with(account, account.auth_token)).status_code == 200


async def test_promotion_of_the_secondary_token_replaces_the_primary_one(account: ControlledAccount) -> None:
    secondary = await create_secondary(account)

    promoted = await account.control("POST", "/auth-tokens/promote")

    assert promoted.status_code == 200
    assert (promoted.json()["auth_token"], promoted.json()["secondary_auth_token"]) == (secondary, None)
    assert [(await list_with(account, token)).status_code for token in (account.auth_token, secondary)] == [401, 200]


async def test_promotion_without_a_secondary_token_returns_a_conflict(account: ControlledAccount) -> None:
    answer = await account.control("POST", "/auth-tokens/promote")

    assert answer.status_code == 409
    assert answer.json() == {
        "error": f"account {account.sid} has no secondary auth token",
        "hint": f"create one with POST /_ringback/accounts/{account.sid}/auth-tokens/secondary",
    }
    assert (await read(account))["auth_token"] == account.auth_token


@pytest.mark.parametrize(("method", "path"), [("POST", "secondary"), ("DELETE", "secondary"), ("POST", "promote")])
async def test_auth_tokens_of_an_unknown_account_are_not_found(controlled: Controlled, method: str, path: str) -> None:
    answer = await controlled.ask(method, f"/accounts/AC{'9' * 32}/auth-tokens/{path}")

    assert answer.status_code == 404


async def test_auth_tokens_are_kept_by_a_reset_of_their_account(account: ControlledAccount) -> None:
    secondary = await create_secondary(account)

    await account.control("POST", "/reset")

    assert (await read(account))["secondary_auth_token"] == secondary


async def test_snapshot_restores_both_tokens(controlled: Controlled, account: ControlledAccount) -> None:
    secondary = await create_secondary(account)
    snapshot = (await controlled.ask("GET", "/snapshot")).json()

    await account.control("POST", "/auth-tokens/promote")
    await controlled.ask("PUT", "/snapshot", snapshot)

    assert [(await list_with(account, token)).status_code for token in (account.auth_token, secondary)] == [200, 200]


async def test_callbacks_are_signed_with_the_primary_token(account: ControlledAccount) -> None:
    secondary = await create_secondary(account)
    with CallbackReceiver() as receiver:
        callback_url = f"{receiver.url}/hook"
        call_sid = (await account.validate(NUMBER, StatusCallback=callback_url))["call_sid"]
        await account.advance(60)
        await account.control("POST", "/auth-tokens/promote")
        await account.control("POST", f"/calls/{call_sid}/callbacks/redeliver")
        await account.advance(0)
        before, after = receiver.wait_for(2)

    assert before.headers["X-Twilio-Signature"] == signature(account.auth_token, signed_text(callback_url, before))
    assert after.headers["X-Twilio-Signature"] == signature(secondary, signed_text(callback_url, after))


async def test_delivery_in_progress_keeps_its_token_after_a_promotion(account: ControlledAccount) -> None:
    secondary = await create_secondary(account)
    loop = asyncio.get_running_loop()

    def promote(_: Received) -> Answer:
        if len(receiver.received) > 1:
            return Answer()
        promotion = account.control("POST", "/auth-tokens/promote")
        assert asyncio.run_coroutine_threadsafe(promotion, loop).result(PATIENCE_SECONDS).status_code == 200
        return Answer(503)

    with CallbackReceiver(promote) as receiver:
        callback_url = f"{receiver.url}/hook"
        call_sid = (await account.validate(NUMBER, StatusCallback=f"{callback_url}#rp=5xx"))["call_sid"]
        await account.advance(60)
        await account.control("POST", f"/calls/{call_sid}/callbacks/redeliver")
        await account.advance(0)
        requests = receiver.wait_for(3)

    signatures = [request.headers["X-Twilio-Signature"] for request in requests]
    tokens = (account.auth_token, account.auth_token, secondary)
    assert signatures == [
        signature(token, signed_text(callback_url, request)) for token, request in zip(tokens, requests, strict=True)
    ]


async def test_journal_names_the_token_that_a_promotion_replaced(account: ControlledAccount) -> None:
    await create_secondary(account)
    with CallbackReceiver() as receiver:
        call_sid = (await account.validate(NUMBER, StatusCallback=receiver.url))["call_sid"]
        await account.advance(60)

    [before] = (await account.control("GET", f"/calls/{call_sid}/callbacks")).json()["callbacks"]
    await account.control("POST", "/auth-tokens/promote")
    [after] = (await account.control("GET", f"/calls/{call_sid}/callbacks")).json()["callbacks"]

    call = (await account.control("GET", f"/calls/{call_sid}")).json()
    assert before["signature"]["is_valid"]
    assert (after["signature"]["is_valid"], after["signature"]["difference"]) == (True, None)
    assert after["signature"]["explanation"] == (
        f"The signature was valid for {receiver.url}/ when it was sent. A check fails now: {PREVIOUS}."
    )
    assert call["callback"]["is_signature_valid"] is True


async def test_journal_keeps_the_invalid_signature_of_a_promoted_token(account: ControlledAccount) -> None:
    await create_secondary(account)
    await account.control("POST", "/faults", {"operation": "status-callback", "effect": {"signature": "secondary"}})
    with CallbackReceiver() as receiver:
        call_sid = (await account.validate(NUMBER, StatusCallback=receiver.url))["call_sid"]
        await account.advance(60)

    await account.control("POST", "/auth-tokens/promote")
    [attempt] = (await account.control("GET", f"/calls/{call_sid}/callbacks")).json()["callbacks"]

    assert attempt["signature"]["is_valid"] is False
    assert "A check succeeds now" in attempt["signature"]["explanation"]


async def test_inbox_identifies_the_token_that_signed_a_message(account: ControlledAccount) -> None:
    await account.http.post(url(account), headers={"X-Twilio-Signature": signature(account.auth_token, url(account))})
    secondary = await create_secondary(account)
    for token in (account.auth_token, secondary):
        await account.http.post(url(account), headers={"X-Twilio-Signature": signature(token, url(account))})

    with_one, with_primary, with_secondary = [message["signature"] for message in await messages(account)]

    valid = f"The signature is valid for {url(account)}."
    assert with_one["explanation"] == valid
    assert (with_primary["is_valid"], with_primary["explanation"]) == (
        True,
        f"{valid} It is signed with the primary auth token: a check with the secondary one fails.",
    )
    assert (with_secondary["is_valid"], with_secondary["difference"]) == (False, SECONDARY)


async def test_inbox_identifies_the_token_that_a_promotion_replaced(account: ControlledAccount) -> None:
    await create_secondary(account)
    await account.control("POST", "/auth-tokens/promote")

    await account.http.post(url(account), headers={"X-Twilio-Signature": signature(account.auth_token, url(account))})

    [message] = await messages(account)
    assert message["signature"]["difference"] == PREVIOUS


async def test_inbox_says_that_a_check_with_the_replaced_token_fails(account: ControlledAccount) -> None:
    promoted = await create_secondary(account)
    await account.control("POST", "/auth-tokens/promote")
    await account.http.post(url(account), headers={"X-Twilio-Signature": signature(promoted, url(account))})
    await create_secondary(account)
    await account.http.post(url(account), headers={"X-Twilio-Signature": signature(promoted, url(account))})

    notes = [message["signature"]["explanation"].partition(": a check ")[2] for message in await messages(account)]

    assert notes == ["with the former one fails.", "with the secondary or the former one fails."]


async def test_signature_verdicts_contain_no_auth_token(account: ControlledAccount) -> None:
    secondary = await create_secondary(account)
    await account.control("POST", "/auth-tokens/promote")
    await account.http.post(url(account), headers={"X-Twilio-Signature": signature(account.auth_token, url(account))})

    text = str(await messages(account))

    assert account.auth_token not in text
    assert secondary not in text
