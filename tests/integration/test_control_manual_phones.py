"""The control API: a test acts as the callee of a manual phone."""

from typing import Any

import pytest

from support.domain_values import NUMBER
from support.in_process.control import Controlled, ControlledAccount

pytestmark = pytest.mark.anyio

PHONE = f"/phones/{NUMBER}"
ACTIONS: list[tuple[str, Any]] = [("answer", None), ("digits", {"digits": "1"}), ("hang-up", None), ("reject", None)]


async def ringing(account: ControlledAccount, behavior: str = "manual", **parameters: Any) -> dict[str, Any]:
    """Call a manual phone, and return the ringing call."""
    await account.control("PUT", PHONE, {"behavior": behavior})
    sid = (await account.validate(**parameters))["call_sid"]
    await account.advance(0)
    call = await account.call(sid)
    assert call["status"] == "ringing"
    return call


async def act(account: ControlledAccount, call: dict[str, Any], action: str, body: Any = None) -> dict[str, Any]:
    """Act as the callee, and return the new state of the call."""
    answer = await account.control("POST", f"/calls/{call['sid']}/{action}", body)
    assert answer.status_code == 200, answer.text
    assert answer.json() == await account.call(call["sid"])
    found: dict[str, Any] = answer.json()
    return found


async def key(account: ControlledAccount, call: dict[str, Any], digits: str) -> dict[str, Any]:
    return await act(account, call, "digits", {"digits": digits})


def wrong_code(code: str) -> str:
    return f"{(int(code) + 5) % 10**6:06d}"


def happened(call: dict[str, Any]) -> list[str]:
    return [entry["event"] for entry in call["timeline"]]


async def verified_numbers(account: ControlledAccount) -> list[str]:
    answer = await account.twilio("GET", "/OutgoingCallerIds.json")
    return [found["phone_number"] for found in answer.json()["outgoing_caller_ids"]]


async def test_manual_phone_rings_until_it_is_answered_and_the_code_is_entered(account: ControlledAccount) -> None:
    call = await ringing(account)
    await account.advance(59.999)
    still = await account.call(call["sid"])

    answered = await act(account, call, "answer")
    keyed = await key(account, call, call["validation_code"])

    assert (still["status"], answered["status"], answered["state"]) == ("ringing", "in-progress", "prompting")
    assert (keyed["status"], keyed["verification_status"]) == ("completed", "success")
    assert happened(keyed) == ["queued", "dial", "answer", "digits", "ended"]
    assert await verified_numbers(account) == [NUMBER]
    assert [event["type"] for event in await account.events(call_sid=call["sid"])] == [
        "call.queued",
        "call.ringing",
        "call.answered",
        "call.digits",
        "caller-id.created",
        "call.ended",
    ]


async def test_manual_phone_rings_at_most_for_the_timeout(account: ControlledAccount) -> None:
    call = await ringing(account)

    await account.advance(60)

    assert (await account.call(call["sid"]))["status"] == "no-answer"


async def test_code_can_be_entered_in_two_parts(account: ControlledAccount) -> None:
    call = await ringing(account)
    await act(account, call, "answer")

    first = await key(account, call, call["validation_code"][:2])
    await account.advance(9.999)
    second = await key(account, call, call["validation_code"][2:])

    assert (first["status"], first["attempts_left"]) == ("in-progress", 3)
    assert second["verification_status"] == "success"


async def test_incomplete_code_uses_up_an_attempt_after_the_timeout(account: ControlledAccount) -> None:
    call = await ringing(account)
    await act(account, call, "answer")
    await key(account, call, call["validation_code"][:5])

    await account.advance(10)
    waiting = await account.call(call["sid"])
    completed = await key(account, call, call["validation_code"][5:])
    keyed = await key(account, call, call["validation_code"][:5])

    assert (waiting["status"], waiting["attempts_left"]) == ("in-progress", 2)
    assert (completed["status"], completed["attempts_left"]) == ("in-progress", 2)
    assert (keyed["status"], keyed["attempts_left"]) == ("in-progress", 1)


async def test_third_wrong_code_ends_the_call(account: ControlledAccount) -> None:
    call = await ringing(account)
    await act(account, call, "answer")

    keyed = [await key(account, call, wrong_code(call["validation_code"])) for _ in range(3)]

    assert [(each["status"], each["attempts_left"]) for each in keyed] == [
        ("in-progress", 2),
        ("in-progress", 1),
        ("completed", 0),
    ]
    assert keyed[-1]["verification_status"] == "failed"
    assert await verified_numbers(account) == []


async def test_correct_code_after_a_wrong_one_is_accepted(account: ControlledAccount) -> None:
    call = await ringing(account)
    await act(account, call, "answer")
    await key(account, call, wrong_code(call["validation_code"]))

    assert (await key(account, call, call["validation_code"]))["verification_status"] == "success"


async def test_call_fails_if_the_callee_enters_no_digits(account: ControlledAccount) -> None:
    call = await ringing(account)
    await act(account, call, "answer")

    await account.advance(30)

    ended = await account.call(call["sid"])
    assert (ended["status"], ended["verification_status"]) == ("completed", "failed")
    assert happened(ended).count("prompt-timeout") == 3


async def test_hang_up_ends_the_call(account: ControlledAccount) -> None:
    call = await ringing(account)
    await act(account, call, "answer")

    ended = await act(account, call, "hang-up")

    assert (ended["status"], ended["verification_status"]) == ("completed", "failed")
    assert happened(ended) == ["queued", "dial", "answer", "hang-up", "ended"]


async def test_rejected_call_has_the_status_busy(account: ControlledAccount) -> None:
    call = await ringing(account)

    ended = await act(account, call, "reject")

    assert (ended["status"], ended["verification_status"], ended["answered_at"]) == ("busy", "failed", None)


async def test_automatic_phone_can_be_answered_manually_before_it_answers(account: ControlledAccount) -> None:
    call = await ringing(account, "enter-code")

    await act(account, call, "answer")
    await account.advance(1)

    assert (await account.call(call["sid"]))["verification_status"] == "success"


ALLOWED = {
    "queued": set(),
    "ringing": {"answer", "reject"},
    "dialing-extension": {"hang-up"},
    "prompting": {"digits", "hang-up"},
    "completed": set(),
    "busy": set(),
    "no-answer": set(),
}


async def call_in(account: ControlledAccount, state: str) -> dict[str, Any]:
    """Return a call in this state."""
    if state == "queued":
        return await account.call((await account.validate(CallDelay=5))["call_sid"])
    call = await ringing(account, Extension="1" if state == "dialing-extension" else "")
    if state == "busy":
        return await act(account, call, "reject")
    if state == "no-answer":
        await account.advance(60)
    elif state != "ringing":
        await act(account, call, "answer")
    if state == "completed":
        await act(account, call, "hang-up")
    return await account.call(call["sid"])


@pytest.mark.parametrize("state", ALLOWED)
async def test_disallowed_action_is_rejected_with_the_reason_and_changes_nothing(
    account: ControlledAccount, state: str
) -> None:
    call = await call_in(account, state)
    forbidden = [(action, body) for action, body in ACTIONS if action not in ALLOWED[state]]

    answers = [await account.control("POST", f"/calls/{call['sid']}/{action}", body) for action, body in forbidden]

    assert call["state"] == state
    assert [answer.status_code for answer in answers] == [409] * len(forbidden)
    assert {answer.json()["error"] for answer in answers} == {f"call {call['sid']} is {state}"}
    assert all(answer.json()["hint"] for answer in answers)
    assert await account.call(call["sid"]) == call


@pytest.mark.parametrize(("action", "body"), ACTIONS)
async def test_call_of_another_account_is_not_found(
    controlled: Controlled, account: ControlledAccount, action: str, body: Any
) -> None:
    call = await ringing(account)
    other = await controlled.account()

    anothers = await other.control("POST", f"/calls/{call['sid']}/{action}", body)
    nobodys = await account.control("POST", f"/calls/CA{'0' * 32}/{action}", body)

    assert (anothers.status_code, nobodys.status_code) == (404, 404)
    assert call["sid"] in anothers.json()["error"]
    assert await account.call(call["sid"]) == call


@pytest.mark.parametrize("body", [None, {}, {"digits": ""}, {"digits": "12a"}, {"digits": "1" * 33}, {"digits": 1}])
async def test_invalid_digits_are_rejected(account: ControlledAccount, body: Any) -> None:
    call = await ringing(account)
    await act(account, call, "answer")

    answer = await account.control("POST", f"/calls/{call['sid']}/digits", body)

    assert answer.status_code == 422
    assert (await account.call(call["sid"]))["attempts_left"] == 3
