"""The control API: the rules of phones."""

from typing import Any

import pytest

from ringback.config.settings import Settings
from ringback.domain.phones import RESERVED_BEHAVIORS, PhoneBehavior
from support.domain_values import NUMBER
from support.in_process.control import Controlled, ControlledAccount

pytestmark = pytest.mark.anyio

PHONE = f"/phones/{NUMBER}"
OTHER_NUMBER = "+12125551234"
WITHOUT_RULE = {
    "phone_number": NUMBER,
    "behavior": "enter-code",
    "ring_seconds": 1.0,
    "key_seconds": 1.0,
    "extension": None,
    "source": "setting",
    "script": [],
}


async def phone(account: ControlledAccount, number: str = NUMBER, **rule: Any) -> dict[str, Any]:
    """Set the rule of a phone, if one is given, and return the phone."""
    answer = await account.control("PUT" if rule else "GET", f"/phones/{number}", rule or None)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def outcome(account: ControlledAccount, number: str = NUMBER, **parameters: Any) -> tuple[str, str]:
    """Send a validation request, and return the outcome of the call."""
    sid = (await account.validate(number, **parameters))["call_sid"]
    await account.advance(120)
    call = await account.call(sid)
    return call["status"], call["verification_status"]


async def test_phone_without_a_rule_follows_the_settings(account: ControlledAccount) -> None:
    assert await phone(account) == WITHOUT_RULE


@pytest.mark.parametrize(
    "settings",
    [Settings(database_url="sqlite://", phone_behavior=PhoneBehavior.HANG_UP, ring_seconds=7, key_seconds=9)],
)
async def test_settings_determine_the_default_phone(account: ControlledAccount) -> None:
    found = await phone(account)

    assert (found["behavior"], found["ring_seconds"], found["key_seconds"]) == ("hang-up", 7.0, 9.0)


async def test_put_of_a_phone_rule_returns_the_phone(account: ControlledAccount) -> None:
    made = await phone(account, behavior="busy", ring_seconds=0, extension="12#")

    assert made == {**WITHOUT_RULE, "behavior": "busy", "ring_seconds": 0.0, "extension": "12#", "source": "rule"}
    assert await phone(account) == made


@pytest.mark.parametrize(
    ("behavior", "ending"),
    [
        ("enter-code", ("completed", "success")),
        ("enter-wrong-code", ("completed", "failed")),
        ("mistype-once", ("completed", "success")),
        ("enter-nothing", ("completed", "failed")),
        ("hang-up", ("completed", "failed")),
        ("busy", ("busy", "failed")),
        ("no-answer", ("no-answer", "failed")),
        ("unreachable", ("failed", "failed")),
        ("geo-blocked", ("failed", "failed")),
        ("manual", ("no-answer", "failed")),
    ],
)
async def test_each_behavior_has_the_documented_outcome(
    account: ControlledAccount, behavior: str, ending: tuple[str, str]
) -> None:
    await phone(account, behavior=behavior)

    assert await outcome(account) == ending


async def test_phone_rule_replaces_the_previous_one(account: ControlledAccount) -> None:
    await phone(account, behavior="busy", ring_seconds=5, key_seconds=5, extension="1")

    assert await phone(account, behavior="manual") == {**WITHOUT_RULE, "behavior": "manual", "source": "rule"}


async def test_call_follows_the_delays_of_its_phone(account: ControlledAccount) -> None:
    await phone(account, behavior="enter-code", ring_seconds=2.5, key_seconds=4)

    sid = (await account.validate())["call_sid"]
    await account.advance(60)

    call = await account.call(sid)
    assert (call["answered_at"][17:], call["ended_at"][17:]) == ("13.500000Z", "17.500000Z")
    assert call["phone"] == {"behavior": "enter-code", "ring_seconds": 2.5, "key_seconds": 4.0, "extension": None}


async def test_default_rule_applies_to_phones_without_a_rule(account: ControlledAccount) -> None:
    await phone(account, OTHER_NUMBER, behavior="hang-up")
    made = await phone(account, "default", behavior="busy", ring_seconds=3)

    assert made == {
        **WITHOUT_RULE,
        "phone_number": "default",
        "behavior": "busy",
        "ring_seconds": 3.0,
        "source": "account's rule",
    }
    assert await phone(account) == {**made, "phone_number": NUMBER}
    assert (await phone(account, OTHER_NUMBER))["source"] == "rule"
    assert [await outcome(account), await outcome(account, OTHER_NUMBER)] == [
        ("busy", "failed"),
        ("completed", "failed"),
    ]


async def test_phone_rules_do_not_affect_other_accounts(controlled: Controlled, account: ControlledAccount) -> None:
    other = await controlled.account()
    await phone(account, behavior="busy")
    await phone(account, "default", behavior="busy")
    await account.control("POST", f"{PHONE}/script", ["manual"])

    assert await phone(other) == WITHOUT_RULE
    assert (await other.control("GET", "/phones")).json() == {"phones": [], "scripts": []}
    assert await outcome(other) == ("completed", "success")


@pytest.mark.parametrize("number", sorted(RESERVED_BEHAVIORS))
async def test_reserved_number_ignores_the_default_rule(account: ControlledAccount, number: str) -> None:
    before = await phone(account, number)
    await phone(account, "default", behavior="enter-code")
    under_the_accounts = await phone(account, number)
    under_its_own = await phone(account, number, behavior="enter-code")

    assert (before["behavior"], before["source"]) == (RESERVED_BEHAVIORS[number], "reserved number")
    assert under_the_accounts == before
    assert (under_its_own["behavior"], under_its_own["source"]) == ("enter-code", "rule")
    assert await outcome(account, number) == ("completed", "success")


async def test_phone_rules_are_listed_as_they_were_set(account: ControlledAccount) -> None:
    await phone(account, behavior="busy")
    await phone(account, OTHER_NUMBER, behavior="enter-code", key_seconds=2, extension="9")
    await phone(account, "default", behavior="manual", ring_seconds=4)

    listed = (await account.control("GET", "/phones")).json()["phones"]

    nothing_more = {"ring_seconds": None, "key_seconds": None, "extension": None}
    assert listed == [
        {"phone_number": OTHER_NUMBER, **nothing_more, "behavior": "enter-code", "key_seconds": 2.0, "extension": "9"},
        {"phone_number": NUMBER, **nothing_more, "behavior": "busy"},
        {"phone_number": "default", **nothing_more, "behavior": "manual", "ring_seconds": 4.0},
    ]


@pytest.mark.parametrize("number", [NUMBER, "default"])
async def test_deleted_phone_rule_cannot_be_deleted_again(account: ControlledAccount, number: str) -> None:
    await phone(account, number, behavior="busy")

    first = await account.control("DELETE", f"/phones/{number}")
    second = await account.control("DELETE", f"/phones/{number}")

    assert (first.status_code, first.content, second.status_code) == (204, b"", 404)
    assert f"a rule for {number}" in second.json()["error"]
    assert await phone(account) == WITHOUT_RULE


async def test_script_remains_when_the_rule_of_its_number_is_deleted(account: ControlledAccount) -> None:
    await phone(account, behavior="busy")
    await account.control("POST", f"{PHONE}/script", ["hang-up"])

    await account.control("DELETE", PHONE)

    assert [entry["behavior"] for entry in (await phone(account))["script"]] == ["hang-up"]


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"behavior": "sing"},
        {"behavior": None},
        {"behavior": "busy", "ring_seconds": -1},
        {"behavior": "busy", "ring_seconds": 86_401},
        {"behavior": "busy", "key_seconds": "soon"},
        {"behavior": "busy", "extension": ""},
        {"behavior": "busy", "extension": "12w"},
        {"behavior": "busy", "extension": "1" * 51},
        {"behavior": "busy", "colour": "red"},
        ["busy"],
        "busy",
    ],
)
async def test_invalid_phone_rule_is_rejected_and_changes_nothing(account: ControlledAccount, rule: Any) -> None:
    answer = await account.control("PUT", PHONE, rule)

    assert answer.status_code == 422
    assert await phone(account) == WITHOUT_RULE


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/phones", None),
        ("GET", PHONE, None),
        ("PUT", PHONE, {"behavior": "busy"}),
        ("DELETE", PHONE, None),
        ("POST", f"{PHONE}/script", ["busy"]),
        ("GET", f"{PHONE}/script", None),
        ("DELETE", f"{PHONE}/script", None),
    ],
)
async def test_deleted_account_has_no_phones(account: ControlledAccount, method: str, path: str, body: Any) -> None:
    await account.control("DELETE")

    answer = await account.control(method, path, body)

    assert answer.status_code == 404
    assert account.sid in answer.json()["error"]


async def test_reset_deletes_phone_rules_and_scripts(account: ControlledAccount) -> None:
    await phone(account, behavior="busy")
    await phone(account, "default", behavior="busy")
    await account.control("POST", f"{PHONE}/script", ["manual"])

    await account.control("POST", "/reset")

    assert await phone(account) == WITHOUT_RULE
