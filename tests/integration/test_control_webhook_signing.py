"""The control API: the shared key that signs an account's StatusCallbacks."""

import base64
import hmac
from typing import Any

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from support.domain_values import NUMBER
from support.in_process.control import Controlled, ControlledAccount
from support.in_process.inboxes import messages, url
from support.receivers.receiver import CallbackReceiver

pytestmark = pytest.mark.anyio

KEY_SID = "webhooks_sharedkey_1"
KEY = {"key_sid": KEY_SID, "secret": "shared secret", "algorithm": "HMAC_SHA256"}
SIGNATURE = "X-Twilio-Signature"
HEADER = "X-Twilio-Webhooks-Signature-Settings"


async def shared_key(account: ControlledAccount) -> Any:
    answer = await account.control("GET", "/webhook-signing")
    return answer.json() if answer.status_code == 200 else answer.status_code


async def test_shared_key_is_set_read_and_deleted(controlled: Controlled, account: ControlledAccount) -> None:
    other = await controlled.account(parent_sid=account.sid)

    before = await shared_key(account)
    first = await account.control("PUT", "/webhook-signing", {**KEY, "algorithm": "HMAC_SHA1"})
    second = await account.control("PUT", "/webhook-signing", {"key_sid": KEY["key_sid"], "secret": KEY["secret"]})
    shown = (await shared_key(account), await shared_key(other))
    deleted = await account.control("DELETE", "/webhook-signing")

    assert (before, first.json()) == (404, {**KEY, "algorithm": "HMAC_SHA1"})
    assert shown == (second.json(), 404) == (KEY, 404)
    assert (deleted.status_code, await shared_key(account)) == (204, 404)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"key_sid": "a,b"}, "key_sid"),
        ({"key_sid": ""}, "key_sid"),
        ({"secret": ""}, "secret"),
        ({"algorithm": "MD5"}, "algorithm"),
    ],
)
async def test_invalid_shared_key_is_rejected_without_the_secret(
    account: ControlledAccount, change: dict[str, str], word: str
) -> None:
    answer = await account.control("PUT", "/webhook-signing", KEY | change)

    assert (answer.status_code, word in answer.json()["error"], "shared secret" in answer.text) == (422, True, False)
    assert await shared_key(account) == 404


async def test_account_reset_deletes_the_shared_key(account: ControlledAccount) -> None:
    await account.control("PUT", "/webhook-signing", KEY)

    await account.control("POST", "/reset")

    assert await shared_key(account) == 404


async def test_snapshot_contains_the_shared_key(controlled: Controlled, account: ControlledAccount) -> None:
    await account.control("PUT", "/webhook-signing", KEY)
    snapshot = (await controlled.ask("GET", "/snapshot")).json()
    await account.control("DELETE", "/webhook-signing")

    restored = await controlled.ask("PUT", "/snapshot", snapshot)

    assert (restored.status_code, await shared_key(account)) == (204, KEY)


async def test_pending_callback_is_signed_with_the_current_key_of_the_account(
    account: ControlledAccount,
) -> None:
    with CallbackReceiver() as receiver:
        await account.validate(NUMBER, StatusCallback=f"{receiver.url}/done")
        await account.control("PUT", "/webhook-signing", KEY)
        await account.advance(60)

    [received] = receiver.received
    assert received.headers[HEADER] == "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"


async def test_journal_verifies_signatures_with_the_shared_key(account: ControlledAccount) -> None:
    await account.control("PUT", "/webhook-signing", KEY)
    with CallbackReceiver() as receiver:
        sid = (await account.validate(NUMBER, StatusCallback=f"{receiver.url}/done"))["call_sid"]
        await account.advance(60)

    [attempt] = (await account.control("GET", f"/calls/{sid}/callbacks")).json()["callbacks"]

    assert attempt["signature"]["is_valid"] is True
    assert attempt["signature"]["explanation"] == (
        f"The signature is valid for {receiver.url}/done. It is signed with the shared key {KEY_SID}: a check with an "
        "auth token fails."
    )


@pytest.mark.parametrize(
    ("secret", "algorithm", "header", "explanation"),
    [
        (KEY["secret"], "sha256", "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256", "is valid for {url}. It is signed"),
        (
            KEY["secret"],
            "sha1",
            "key=webhooks_sharedkey_1,algorithm=HMAC_SHA1",
            "is valid for {url}. It is signed with",
        ),
        (None, "sha1", None, "is valid for {url}."),
        (
            KEY["secret"],
            "sha256",
            None,
            f"is wrong: it was signed with the shared key {KEY_SID}, but it lacks the header {HEADER}",
        ),
        (
            None,
            "sha1",
            "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256",
            f"is wrong: it was signed with the auth token, but its header {HEADER} names a shared key.",
        ),
    ],
    ids=["sha256", "sha1", "token", "header missing", "header added"],
)
async def test_inbox_identifies_the_key_of_a_signature(
    account: ControlledAccount, secret: str | None, algorithm: str, header: str | None, explanation: str
) -> None:
    await account.control("PUT", "/webhook-signing", KEY)
    digest = hmac.new((secret or account.auth_token).encode(), url(account).encode(), algorithm).digest()
    headers = {"X-Twilio-Signature": base64.b64encode(digest).decode(), **({HEADER: header} if header else {})}

    await account.http.get(url(account), headers=headers)

    [message] = await messages(account)
    assert explanation.format(url=url(account)) in message["signature"]["explanation"]
    assert message["signature"]["is_valid"] is (": it was" not in explanation)


@pytest.mark.parametrize("change", [None, {**KEY, "secret": "another secret"}], ids=["deleted", "replaced"])
async def test_journal_keeps_the_valid_signature_of_a_former_shared_key(
    account: ControlledAccount, change: dict[str, str] | None
) -> None:
    await account.control("PUT", "/webhook-signing", KEY)
    with CallbackReceiver() as receiver:
        sid = (await account.validate(NUMBER, StatusCallback=f"{receiver.url}/done"))["call_sid"]
        await account.advance(60)

    await account.control("PUT" if change else "DELETE", "/webhook-signing", change)
    [attempt] = (await account.control("GET", f"/calls/{sid}/callbacks")).json()["callbacks"]

    assert attempt["signature"]["is_valid"] is True
    assert attempt["signature"]["explanation"] == (
        f"The signature was valid for {receiver.url}/done when it was sent. A check fails now: it was signed with a "
        "key that this account no longer has."
    )


async def test_inbox_explains_a_signature_with_an_unknown_shared_key(account: ControlledAccount) -> None:
    headers = {"X-Twilio-Signature": base64.b64encode(bytes(32)).decode(), HEADER: "key=k,algorithm=HMAC_SHA256"}

    await account.http.get(url(account), headers=headers)

    [message] = await messages(account)
    assert "names a shared key, which this account does not have" in message["signature"]["explanation"]


async def test_invalid_signature_with_a_shared_key_is_explained(account: ControlledAccount) -> None:
    await account.control("PUT", "/webhook-signing", KEY)
    await account.control("POST", "/faults", {"operation": "status-callback", "effect": {"signature": "bad"}})
    with CallbackReceiver() as receiver:
        sid = (await account.validate(NUMBER, StatusCallback=f"{receiver.url}/done"))["call_sid"]
        await account.advance(60)

    [attempt] = (await account.control("GET", f"/calls/{sid}/callbacks")).json()["callbacks"]

    assert attempt["signature"]["difference"] == (
        'it was signed with a shared key that belongs to no account, as with the fault {"signature": "bad"}'
    )


async def test_callback_signed_with_the_secondary_token_is_explained(account: ControlledAccount) -> None:
    secondary = (await account.control("POST", "/auth-tokens/secondary")).json()["secondary_auth_token"]
    await account.control("POST", "/faults", {"operation": "status-callback", "effect": {"signature": "secondary"}})
    with CallbackReceiver() as receiver:
        sid = (await account.validate(NUMBER, StatusCallback=f"{receiver.url}/done"))["call_sid"]
        await account.advance(60)

    [attempt] = (await account.control("GET", f"/calls/{sid}/callbacks")).json()["callbacks"]

    [received] = receiver.received
    assert RequestValidator(secondary).validate(f"{receiver.url}/done", received.form, received.headers[SIGNATURE])
    assert attempt["signature"]["difference"].startswith("it was signed with the secondary auth token")


async def test_webhook_signing_errors_say_what_is_missing_or_wrong(account: ControlledAccount) -> None:
    missing = await account.control("GET", "/webhook-signing")
    invalid = await account.control("PUT", "/webhook-signing", {**KEY, "key_sid": "a,b"})

    assert (missing.status_code, missing.json()["error"]) == (404, "this account has no shared key")
    assert (invalid.status_code, invalid.json()["error"]) == (
        422,
        "key_sid: must be 1 to 64 printable ASCII characters, without spaces and commas",
    )
