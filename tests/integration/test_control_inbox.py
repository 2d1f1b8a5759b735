"""The control API: inboxes, the receivers of StatusCallbacks."""

from typing import Any

import pytest

from ringback.operations import inbox
from support.in_process.control import Controlled, ControlledAccount
from support.in_process.inboxes import messages, send_form, signature, url

pytestmark = pytest.mark.anyio

LIMIT_BYTES = 1024 * 1024


async def test_inbox_stores_a_post_as_received(account: ControlledAccount) -> None:
    await account.control("PUT", "/clock", {"mode": "frozen", "now": "2020-01-01T00:00:00Z"})

    message = await send_form(account, f"{url(account)}a1b2", Authorization="Basic c2VjcmV0OnNlY3JldA==", X_Mine="1")

    headers = message.pop("headers")
    assert message.pop("id") > 0
    assert message == {
        "at": "2020-01-01T00:00:00.000000Z",
        "method": "POST",
        "url": url(account),
        "parameters": [["b", "2"], ["a", "1"]],
        "body": "b=2&a=1",
        "signature": {
            "is_valid": True,
            "explanation": f"The signature is valid for {url(account)}.",
            "signed_url": url(account),
            "matching_url": None,
            "difference": None,
        },
    }
    assert headers["authorization"] == "***"
    assert headers["x_mine"] == "1"
    assert headers["host"] == "test"


async def test_inbox_message_from_a_get_has_the_parameters_of_the_query(account: ControlledAccount) -> None:
    target = f"{url(account)}?b=2&a=%20&a="
    answer = await account.http.get(target, headers={"X-Twilio-Signature": signature(account.auth_token, target)})

    [message] = await messages(account)

    assert answer.status_code == 204
    assert message["parameters"] == [["b", "2"], ["a", " "], ["a", ""]]
    assert (message["url"], message["body"], message["signature"]["is_valid"]) == (target, "", True)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_inbox_accepts_every_method(account: ControlledAccount, method: str) -> None:
    answer = await account.http.request(method, url(account))

    assert (answer.status_code, answer.content) == (204, b"")
    assert [message["method"] for message in await messages(account)] == [method]


async def test_inbox_messages_are_listed_oldest_first_and_a_limit_selects_the_newest(
    account: ControlledAccount,
) -> None:
    for number in range(3):
        await account.http.get(f"{url(account)}?{number}=")

    numbers = [message["parameters"][0][0] for message in await messages(account)]
    newest = [message["parameters"][0][0] for message in await messages(account, limit=2)]

    assert (numbers, newest) == (["0", "1", "2"], ["1", "2"])


async def test_inboxes_are_separate(controlled: Controlled, account: ControlledAccount) -> None:
    other = await controlled.account()
    for where in (url(account), url(account, "y"), url(other)):
        await account.http.post(where)

    emptied = await account.control("DELETE", "/inbox/x/messages")

    assert emptied.status_code == 204
    assert [len(await messages(account)), len(await messages(account, "y")), len(await messages(other))] == [0, 1, 1]


async def test_reset_deletes_the_messages_of_an_account(account: ControlledAccount) -> None:
    await account.http.post(url(account))

    await account.control("POST", "/reset")

    assert await messages(account) == []


async def test_account_keeps_its_newest_thousand_messages_in_all_inboxes(
    account: ControlledAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_of_all = inbox.KEPT_MESSAGES
    monkeypatch.setattr(inbox, "KEPT_MESSAGES", 10)

    for number in range(13):
        await account.http.get(f"{url(account, 'even' if number % 2 == 0 else 'odd')}?{number}=")

    kept = [
        int(message["parameters"][0][0])
        for name in ("even", "odd")
        for message in await messages(account, name, limit=1000)
    ]
    assert sorted(kept) == list(range(3, 13))
    assert kept_of_all == 1000


async def test_inbox_message_for_an_unknown_account_is_not_stored(controlled: Controlled) -> None:
    sid = "AC" + "9" * 32

    answer = await controlled.ask("POST", f"/accounts/{sid}/inbox/x")

    assert answer.status_code == 404
    assert (await controlled.ask("GET", f"/accounts/{sid}")).status_code == 404


@pytest.mark.parametrize("path", ["/inbox/" + "n" * 101, "/inbox/" + "n" * 101 + "/messages"])
async def test_inbox_name_that_is_too_long_is_rejected(account: ControlledAccount, path: str) -> None:
    assert (await account.control("GET", path)).status_code == 422


@pytest.mark.parametrize("limit", [0, 1001])
async def test_limit_above_the_maximum_is_rejected(account: ControlledAccount, limit: int) -> None:
    assert (await account.control("GET", "/inbox/x/messages", limit=limit)).status_code == 422


@pytest.mark.parametrize("name", ["n" * 100, "my hook", "caf%C3%A9", "a%2Fb", "messages", "%00"])
async def test_inbox_can_have_any_name(account: ControlledAccount, name: str) -> None:
    await account.http.post(url(account, name))

    assert len(await messages(account, name)) == 1


async def test_inbox_accepts_a_body_of_up_to_1_mib_and_stores_up_to_64_kib(account: ControlledAccount) -> None:
    body = b"a=" + b"x" * (LIMIT_BYTES - 2)

    taken = await account.http.post(url(account), content=body)
    refused = await account.http.post(url(account), content=body + b"x")
    [message] = await messages(account)

    assert (taken.status_code, refused.status_code) == (204, 413)
    assert set(refused.json()) == {"error", "hint"}
    assert message["body"] == "a=" + "x" * (64 * 1024 - 2)


async def test_body_without_a_content_length_is_rejected_when_it_exceeds_the_limit(account: ControlledAccount) -> None:
    async def parts() -> Any:
        for _ in range(17):
            yield b"x" * (LIMIT_BYTES // 16)

    answer = await account.http.post(url(account), content=parts())

    assert answer.status_code == 413
    assert await messages(account) == []


async def test_inbox_stores_a_body_that_is_neither_a_form_nor_text(account: ControlledAccount) -> None:
    await account.http.post(url(account), content=b'{"a": "\xff"}', headers={"Content-Type": "application/json"})

    [message] = await messages(account)

    assert (message["body"], message["parameters"]) == ('{"a": "�"}', [])


async def test_inboxes_are_listed_with_counts_newest_first(account: ControlledAccount) -> None:
    await account.control("PUT", "/clock", {"mode": "frozen", "now": "2020-01-01T00:00:00Z"})
    for name in ("verified", "other%2Fone", "verified"):
        await account.http.post(url(account, name))
        await account.advance(1)
    await account.http.post(url(account))
    await account.control("DELETE", "/inbox/x/messages")

    listed = (await account.control("GET", "/inboxes")).json()

    assert listed == {
        "inboxes": [
            {"name": "verified", "messages": 2, "newest_at": "2020-01-01T00:00:02.000000Z"},
            {"name": "other%2Fone", "messages": 1, "newest_at": "2020-01-01T00:00:01.000000Z"},
        ]
    }


async def test_inboxes_of_other_accounts_are_not_listed(controlled: Controlled, account: ControlledAccount) -> None:
    other = await controlled.account()
    await account.http.post(url(account))

    assert (await other.control("GET", "/inboxes")).json() == {"inboxes": []}
