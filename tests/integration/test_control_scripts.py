"""The control API: the scripts of phones."""

from typing import Any

import pytest

from support.domain_values import NUMBER
from support.in_process.control import ControlledAccount

pytestmark = pytest.mark.anyio

PHONE = f"/phones/{NUMBER}"
SCRIPT = f"{PHONE}/script"
OTHER_NUMBER = "+12125551234"


def entry(behavior: str, **said: Any) -> dict[str, Any]:
    return {"behavior": behavior, "ring_seconds": None, "key_seconds": None, "extension": None, **said}


async def script(account: ControlledAccount, *entries: Any, number: str = NUMBER) -> list[Any]:
    """Add entries to a script, and return the whole script."""
    answer = await account.control("POST", f"/phones/{number}/script", list(entries))
    assert answer.status_code == 201, answer.text
    assert answer.json()["phone_number"] == number
    found: list[Any] = answer.json()["script"]
    return found


async def left(account: ControlledAccount, number: str = NUMBER) -> list[str]:
    """Return the queued behaviors."""
    answer = await account.control("GET", f"/phones/{number}/script")
    assert answer.status_code == 200, answer.text
    return [found["behavior"] for found in answer.json()["script"]]


async def statuses(account: ControlledAccount, *numbers: str) -> list[str]:
    """Verify the numbers one after another, and return the outcomes of the calls."""
    sids = []
    for number in numbers:
        sids.append((await account.validate(number))["call_sid"])
        await account.advance(120)
    return [(await account.call(sid))["status"] for sid in sids]


async def test_calls_use_the_script_entries_in_order_and_then_the_rule(account: ControlledAccount) -> None:
    await account.control("PUT", PHONE, {"behavior": "unreachable"})
    queued = await script(account, "busy", "no-answer")
    more = await script(account, {"behavior": "hang-up", "key_seconds": 3})

    ended = await statuses(account, *[NUMBER] * 5)

    assert queued == [entry("busy"), entry("no-answer")]
    assert more == [*queued, entry("hang-up", key_seconds=3.0)]
    assert ended == ["busy", "no-answer", "completed", "failed", "failed"]
    assert await left(account) == []


async def test_omitted_values_of_a_script_entry_are_taken_from_the_rule(account: ControlledAccount) -> None:
    await account.control("PUT", PHONE, {"behavior": "busy", "ring_seconds": 5, "key_seconds": 6, "extension": "12"})
    await script(account, {"behavior": "enter-code", "ring_seconds": 0})

    found = (await account.control("GET", PHONE)).json()
    sid = (await account.validate(Extension="12"))["call_sid"]
    await account.advance(60)

    met = {"behavior": "enter-code", "ring_seconds": 0.0, "key_seconds": 6.0, "extension": "12"}
    call = await account.call(sid)
    assert found == {
        "phone_number": NUMBER,
        **met,
        "source": "script",
        "script": [entry("enter-code", ring_seconds=0.0)],
    }
    assert (call["phone"], call["verification_status"]) == (met, "success")


async def test_script_entry_can_have_an_extension(account: ControlledAccount) -> None:
    await account.control("PUT", PHONE, {"behavior": "enter-code", "extension": "12"})
    await script(account, {"behavior": "enter-code", "extension": "34"})

    first = (await account.validate(Extension="12"))["call_sid"]
    await account.advance(120)
    second = (await account.validate(Extension="12"))["call_sid"]
    await account.advance(120)

    assert [(await account.call(sid))["verification_status"] for sid in (first, second)] == ["failed", "success"]


async def test_script_applies_to_only_one_number(account: ControlledAccount) -> None:
    await script(account, "busy")
    await script(account, "unreachable", number=OTHER_NUMBER)

    ended = await statuses(account, OTHER_NUMBER, OTHER_NUMBER, NUMBER)

    assert ended == ["failed", "completed", "busy"]


async def test_script_takes_precedence_over_a_reserved_number(account: ControlledAccount) -> None:
    await script(account, "unreachable", "enter-code", number="+15005550014")

    ended = await statuses(account, "+15005550014", "+15005550014")

    assert ended == ["failed", "completed"]
    assert [found["phone_number"] for found in await caller_ids(account)] == ["+15005550014"]


async def caller_ids(account: ControlledAccount) -> list[Any]:
    answer = await account.twilio("GET", "/OutgoingCallerIds.json")
    found: list[Any] = answer.json()["outgoing_caller_ids"]
    return found


async def test_script_takes_precedence_over_the_default_rule(account: ControlledAccount) -> None:
    await account.control("PUT", "/phones/default", {"behavior": "unreachable"})
    await script(account, "busy")

    assert await statuses(account, NUMBER, NUMBER) == ["busy", "failed"]


async def test_call_superseded_before_dialing_uses_no_script_entry(account: ControlledAccount) -> None:
    await script(account, "busy", "unreachable")

    older = (await account.validate(CallDelay=30))["call_sid"]
    newer = (await account.validate(CallDelay=30))["call_sid"]
    before = await left(account)
    await account.advance(120)

    assert before == ["busy", "unreachable"]
    assert [(await account.call(sid))["status"] for sid in (older, newer)] == ["failed", "busy"]
    assert (await account.call(older))["phone"] is None
    assert await left(account) == ["unreachable"]


async def test_call_superseded_while_ringing_uses_its_script_entry(account: ControlledAccount) -> None:
    await script(account, "manual", "busy")

    older = (await account.validate())["call_sid"]
    await account.advance(0)
    newer = (await account.validate())["call_sid"]
    await account.advance(0)

    assert [(await account.call(sid))["status"] for sid in (older, newer)] == ["failed", "busy"]
    assert await left(account) == []


async def test_script_entry_is_used_when_the_call_is_dialed(account: ControlledAccount) -> None:
    sid = (await account.validate(CallDelay=30))["call_sid"]

    await script(account, "busy")
    await account.advance(30)

    assert (await account.call(sid))["status"] == "busy"


async def test_script_deletion_keeps_the_rule_and_can_be_repeated(account: ControlledAccount) -> None:
    await account.control("PUT", PHONE, {"behavior": "unreachable"})
    await script(account, "busy", "manual")

    forgotten = [(await account.control("DELETE", SCRIPT)).status_code for _ in range(2)]

    assert forgotten == [204, 204]
    assert await left(account) == []
    assert await statuses(account, NUMBER) == ["failed"]


async def test_script_can_have_a_thousand_entries(account: ControlledAccount) -> None:
    assert len(await script(account, *["busy"] * 1_000)) == 1_000


@pytest.mark.parametrize(
    "entries",
    [
        [],
        ["busy"] * 1_001,
        ["busy", "sing"],
        ["busy", 3],
        ["busy", None],
        ["busy", ["busy"]],
        ["busy", {}],
        ["busy", {"behavior": "busy", "times": 2}],
        ["busy", {"behavior": "busy", "ring_seconds": -1}],
        {"behavior": "busy"},
        "busy",
        None,
    ],
)
async def test_invalid_script_is_rejected_completely(account: ControlledAccount, entries: Any) -> None:
    answer = await account.control("POST", SCRIPT, entries)

    assert answer.status_code == 422
    assert await left(account) == []


async def test_script_error_names_the_entry(account: ControlledAccount) -> None:
    answer = await account.control("POST", SCRIPT, ["busy", "sing"])

    assert answer.json()["error"].startswith("1.behavior: input should be 'enter-code'")


@pytest.mark.parametrize(("method", "body"), [("POST", ["busy"]), ("GET", None), ("DELETE", None)])
async def test_default_rule_cannot_have_a_script(account: ControlledAccount, method: str, body: Any) -> None:
    answer = await account.control(method, "/phones/default/script", body)

    assert answer.status_code == 422
    assert answer.json() == {
        "error": "number: default has no script",
        "hint": "PUT a rule for default, or use a phone number",
    }


async def test_script_of_an_invalid_number_is_rejected(account: ControlledAccount) -> None:
    answer = await account.control("POST", "/phones/12/script", ["busy"])

    assert answer.status_code == 422
    assert "'12' is not a valid phone number" in answer.json()["error"]


async def test_numbers_with_a_script_but_no_rule_are_listed(account: ControlledAccount) -> None:
    await script(account, "busy", "no-answer", number=OTHER_NUMBER)
    await script(account, "busy")
    await account.control("DELETE", SCRIPT)

    listed = (await account.control("GET", "/phones")).json()

    assert listed == {"phones": [], "scripts": [{"phone_number": OTHER_NUMBER, "entries": 2}]}
