"""The control API: the verdict of an inbox on the signature of a message."""

import base64

import pytest

from support.domain_values import NUMBER
from support.in_process.control import Controlled, ControlledAccount
from support.in_process.inboxes import messages, send_form, signature, url
from support.receivers.receiver import CallbackReceiver

pytestmark = pytest.mark.anyio

BUSY = "+15005550014"


async def test_verdict_names_a_missing_signature(account: ControlledAccount) -> None:
    await account.http.post(url(account))

    [message] = await messages(account)

    assert message["signature"] == {
        "is_valid": False,
        "explanation": "The request has no X-Twilio-Signature header.",
        "signed_url": url(account),
        "matching_url": None,
        "difference": None,
    }


@pytest.mark.parametrize(
    ("signed", "headers", "difference"),
    [
        ("https://test{path}", {}, "the receiver sees http, the sender was given https (does a proxy terminate TLS?)"),
        (
            "http://app.test{path}",
            {"X-Forwarded-Host": "app.test"},
            "the URL was signed with the host of X-Forwarded-Host",
        ),
        ("http://test{path}/", {}, "the path was signed with a trailing slash"),
        ("http://test{path}?", {}, "the URL was signed with a trailing '?'"),
        (
            "http://test/hooks",
            {"X-Original-URI": "/hooks"},
            "a proxy changed the path; the one in X-Original-URI was signed",
        ),
    ],
)
async def test_verdict_names_the_change_made_by_a_proxy(
    account: ControlledAccount, signed: str, headers: dict[str, str], difference: str
) -> None:
    signed_url = signed.format(path=url(account).removeprefix("http://test"))

    message = await send_form(account, f"{signed_url}a1b2", **headers)

    assert message["signature"] == {
        "is_valid": False,
        "explanation": f"The signature is valid for {signed_url}: {difference}.",
        "signed_url": url(account),
        "matching_url": signed_url,
        "difference": difference,
    }


async def test_password_in_a_signed_url_is_masked(account: ControlledAccount) -> None:
    signed = url(account).replace("//", "//me:secret@")

    message = await send_form(
        account, f"{signed}a1b2", Authorization="Basic " + base64.b64encode(b"me:secret").decode()
    )

    assert message["signature"]["matching_url"] == url(account).replace("//", "//***@")
    assert "secret" not in str(message)


async def test_verdict_names_the_auth_token_of_another_account(
    controlled: Controlled, account: ControlledAccount
) -> None:
    sub = await controlled.account(parent_sid=account.sid)
    as_parent = {"X-Twilio-Signature": signature(account.auth_token, url(sub))}
    default = {"X-Twilio-Signature": signature("feedfacefeedfacefeedfacefeedface", url(sub))}
    for headers in (as_parent, default):
        await account.http.post(url(sub), headers=headers)

    differences = [message["signature"]["difference"] for message in await messages(sub)]

    assert differences == [
        f"it was signed with the auth token of the parent account {account.sid}",
        "it was signed with the auth token of the account AC00000000000000000000000000000001",
    ]


async def faulty_difference(account: ControlledAccount, flaw: str) -> str:
    """Send a callback with a wrong signature to the inbox, and return the difference in its verdict."""
    await account.control("POST", "/faults", {"operation": "status-callback", "effect": {"signature": flaw}})
    path = url(account).removeprefix("http://test")
    with CallbackReceiver() as receiver:
        await account.validate(BUSY, StatusCallback=receiver.url + path)
        await account.advance(0)
        [received] = receiver.received
    await account.http.post(
        path, content=received.body, headers={**dict(received.headers), "Host": receiver.url.removeprefix("http://")}
    )
    difference: str = (await messages(account))[-1]["signature"]["difference"]
    return difference


@pytest.mark.parametrize("flaw", ["bad", "secondary"])
async def test_verdict_names_the_faults_that_may_have_caused_a_wrong_signature(
    account: ControlledAccount, flaw: str
) -> None:
    assert await faulty_difference(account, flaw) == (
        'it was signed with an auth token that belongs to no account, as with the fault {"signature": "bad"} or, '
        'without a secondary auth token, {"signature": "secondary"}'
    )


async def test_verdict_omits_the_secondary_token_fault_if_a_secondary_token_exists(account: ControlledAccount) -> None:
    await account.control("POST", "/auth-tokens/secondary")

    assert await faulty_difference(account, "bad") == (
        'it was signed with an auth token that belongs to no account, as with the fault {"signature": "bad"}'
    )


async def test_verdict_gives_the_callback_url_for_which_a_request_was_signed(account: ControlledAccount) -> None:
    public = "https://public.test/hooks"
    call_sid = (await account.validate(NUMBER, StatusCallback=public))["call_sid"]
    form = {"CallSid": call_sid}
    headers = {"X-Twilio-Signature": signature(account.auth_token, f"{public}CallSid{call_sid}")}

    await account.http.post(url(account), data=form, headers=headers)
    [message] = await messages(account)

    assert message["signature"]["matching_url"] == public
    assert message["signature"]["difference"] == f"it was signed for the StatusCallback URL as it was given, {public}"


async def test_verdict_ignores_calls_of_other_accounts(controlled: Controlled, account: ControlledAccount) -> None:
    other = await controlled.account()
    call_sid = (await other.validate(NUMBER, StatusCallback="https://public.test/"))["call_sid"]
    headers = {"X-Twilio-Signature": signature(account.auth_token, f"https://public.test/CallSid{call_sid}")}

    await account.http.post(url(account), data={"CallSid": call_sid}, headers=headers)
    [message] = await messages(account)

    assert message["signature"]["matching_url"] is None
