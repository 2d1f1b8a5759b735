"""The journal of a StatusCallback in the control API: the verdict on the signature of each attempt."""

from typing import Any

import pytest

from support.in_process.control import ControlledAccount
from support.receivers.receiver import Answer, CallbackReceiver, Received

pytestmark = pytest.mark.anyio

BUSY = "+15005550014"
UNKNOWN_ACCOUNT = 'it was signed with an auth token that belongs to no account, as with the fault {"signature": "bad"}'


async def attempts(account: ControlledAccount, url: str, **parameters: Any) -> list[dict[str, Any]]:
    """End a call with a StatusCallback to `url`, and return the attempts."""
    sid = (await account.validate(BUSY, StatusCallback=url, **parameters))["call_sid"]
    await account.advance(0)
    found: list[dict[str, Any]] = (await account.control("GET", f"/calls/{sid}/callbacks")).json()["callbacks"]
    return found


def valid_verdict(url: str) -> dict[str, Any]:
    """Return the verdict on a signature that is valid for `url`."""
    explanation = f"The signature is valid for {url}."
    return {
        "is_valid": True,
        "signed_url": url,
        "explanation": explanation,
        "matching_url": None,
        "difference": None,
    }


@pytest.mark.parametrize("path", ["/done", "/done?tenant=7&name=%C3%A9", "/done?", "/a b~(c)/ü#rc=1"])
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_attempt_is_signed_for_the_requested_url(account: ControlledAccount, path: str, method: str) -> None:
    with CallbackReceiver() as receiver:
        found = await attempts(account, receiver.url + path.replace(" ", "%20"), StatusCallbackMethod=method)

    [attempt] = found
    assert attempt["signature"] == valid_verdict(receiver.url + receiver.received[0].target)


async def test_user_info_is_neither_signed_nor_shown(account: ControlledAccount) -> None:
    with CallbackReceiver() as receiver:
        found = await attempts(account, f"{receiver.url}/done".replace("http://", "http://jo:geheim@"))

    assert [attempt["signature"] for attempt in found] == [valid_verdict(f"{receiver.url}/done")]


@pytest.mark.parametrize(("status", "method"), [(302, "GET"), (307, "POST")])
async def test_redirected_request_is_verified_against_its_url(
    account: ControlledAccount, status: int, method: str
) -> None:
    def answer(received: Received) -> Answer:
        return Answer(status, {"Location": "/moved?to=here"}) if received.target == "/done" else Answer()

    with CallbackReceiver(answer) as receiver:
        [attempt] = await attempts(account, f"{receiver.url}/done")

    assert attempt["method"] == method
    assert attempt["signature"] == valid_verdict(f"{receiver.url}/moved?to=here")


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_verdict_names_the_fault_that_invalidated_the_signature(account: ControlledAccount, method: str) -> None:
    await account.control("POST", "/faults", {"operation": "status-callback", "effect": {"signature": "bad"}})
    with CallbackReceiver() as receiver:
        [attempt] = await attempts(account, f"{receiver.url}/done", StatusCallbackMethod=method)

    verdict, url = attempt["signature"], receiver.url + receiver.received[0].target
    assert (verdict["is_valid"], verdict["signed_url"], verdict["matching_url"]) == (False, url, None)
    assert verdict["difference"] == UNKNOWN_ACCOUNT


async def test_verdict_says_that_no_secondary_token_existed_for_the_fault(account: ControlledAccount) -> None:
    await account.control("POST", "/faults", {"operation": "status-callback", "effect": {"signature": "secondary"}})
    with CallbackReceiver() as receiver:
        [attempt] = await attempts(account, f"{receiver.url}/done")

    assert attempt["signature"]["explanation"] == (
        "The signature is wrong: it was signed with an auth token that belongs to no account: the fault "
        '{"signature": "secondary"} was used, and the account had no secondary auth token.'
    )


async def test_callback_attempts_have_separate_verdicts(account: ControlledAccount) -> None:
    answers = iter([Answer(503), Answer(204), Answer(204)])
    fault = {"operation": "status-callback", "effect": {"signature": "bad"}}
    with CallbackReceiver(lambda _: next(answers)) as receiver:
        sid = (await account.validate(BUSY, StatusCallback=f"{receiver.url}/done#rp=5xx"))["call_sid"]
        await account.advance(0)
        await account.control("POST", "/faults", fault)
        await account.control("POST", f"/calls/{sid}/callbacks/redeliver")
        await account.advance(0)

    found = (await account.control("GET", f"/calls/{sid}/callbacks")).json()["callbacks"]
    assert [attempt["signature"]["is_valid"] for attempt in found] == [True, True, False]


async def test_signature_is_verified_after_a_truncated_response(account: ControlledAccount) -> None:
    def answer(_: Received) -> Answer:
        raise ConnectionAbortedError

    with CallbackReceiver(answer) as receiver:
        [attempt] = await attempts(account, f"{receiver.url}/done#rc=0")

    assert attempt["answer"] is None
    assert attempt["signature"] == valid_verdict(f"{receiver.url}/done")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/closed", "http://nowhere.invalid/", "http://169.254.169.254/"])
async def test_attempt_that_reached_no_receiver_has_no_verdict(account: ControlledAccount, url: str) -> None:
    found = await attempts(account, url)

    assert found
    assert [attempt["signature"] for attempt in found] == [None] * len(found)


async def test_suppressed_callback_has_no_verdict(account: ControlledAccount) -> None:
    await account.control("POST", "/faults", {"operation": "status-callback", "effect": {"drop": True}})

    [attempt] = await attempts(account, "http://127.0.0.1:1/dropped?tenant=7")

    assert (attempt["error"], attempt["signature"]) == ("suppressed by an injected fault", None)
