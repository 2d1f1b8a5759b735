"""The control API: digits with pauses (`w`), timed by the account's clock."""

from typing import Any

import pytest

from support.domain_values import NUMBER
from support.in_process.control import ControlledAccount

pytestmark = pytest.mark.anyio


async def prompting(account: ControlledAccount, behavior: str = "manual") -> dict[str, Any]:
    """Return a call at its first prompt, on a frozen clock."""
    await account.control("PUT", "/clock", {"mode": "frozen"})
    await account.control("PUT", f"/phones/{NUMBER}", {"behavior": behavior})
    sid = (await account.validate())["call_sid"]
    await account.advance(0)
    answer = await account.control("POST", f"/calls/{sid}/answer")
    assert answer.json()["state"] == "prompting", answer.text
    found: dict[str, Any] = answer.json()
    return found


async def key(account: ControlledAccount, call: dict[str, Any], digits: str) -> dict[str, Any]:
    answer = await account.control("POST", f"/calls/{call['sid']}/digits", {"digits": digits})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("digits", ["W1", "w", "12a"])
async def test_invalid_digits_are_refused_with_a_description_of_valid_ones(
    account: ControlledAccount, digits: str
) -> None:
    call = await prompting(account)

    answer = await account.control("POST", f"/calls/{call['sid']}/digits", {"digits": digits})

    rule = "must be digits, * and #, with w (lower case) for a pause, and not only pauses"
    assert (answer.status_code, answer.json()["error"]) == (422, f"digits: {rule}")


@pytest.mark.parametrize(("keys", "seconds"), [("w{0}", 0.5), ("www{0}w", 1.5), ("{1}ww{2}", 1)])
async def test_pauses_delay_the_digits_on_the_accounts_clock(
    account: ControlledAccount, keys: str, seconds: float
) -> None:
    call = await prompting(account)
    code = call["validation_code"]

    at_once = await key(account, call, keys.format(code, code[:3], code[3:]))
    await account.advance(seconds - 0.001)
    before = await account.call(call["sid"])
    await account.advance(0.001)
    after = await account.call(call["sid"])

    assert at_once["timeline"] == before["timeline"] == call["timeline"]
    assert (before["state"], after["verification_status"]) == ("prompting", "success")


async def test_pause_after_the_last_digit_does_not_delay_it(account: ControlledAccount) -> None:
    call = await prompting(account)

    assert (await key(account, call, f"{call['validation_code']}ww"))["verification_status"] == "success"


async def test_digits_after_a_pause_are_appended(account: ControlledAccount) -> None:
    call = await prompting(account)
    await key(account, call, call["validation_code"][:2])

    await key(account, call, f"w{call['validation_code'][2:]}")
    await account.advance(0.5)

    assert (await account.call(call["sid"]))["verification_status"] == "success"


async def test_digits_are_lost_if_their_pauses_are_as_long_as_the_prompt_timeout(account: ControlledAccount) -> None:
    call = await prompting(account)

    await key(account, call, "w" * 20 + call["validation_code"])
    await account.advance(10)
    timed_out = await account.call(call["sid"])
    await account.advance(9)

    assert (timed_out["state"], timed_out["attempts_left"], timed_out["timeline"][-1]["event"]) == (
        "prompting",
        2,
        "prompt-timeout",
    )
    assert (await account.call(call["sid"]))["timeline"] == timed_out["timeline"]


async def test_digits_with_pauses_are_added_to_pending_ones(account: ControlledAccount) -> None:
    call = await prompting(account)
    code = call["validation_code"]

    await key(account, call, f"ww{code[:3]}")
    await key(account, call, f"wwww{code[3:]}")
    await account.advance(1.999)
    before = await account.call(call["sid"])
    await account.advance(0.001)

    assert before["timeline"] == call["timeline"]
    assert (await account.call(call["sid"]))["verification_status"] == "success"


async def test_digits_with_shorter_pauses_wait_for_pending_ones(account: ControlledAccount) -> None:
    call = await prompting(account)
    code = call["validation_code"]

    await key(account, call, f"wwww{code[:3]}")
    await key(account, call, f"w{code[3:]}")
    await account.advance(2)

    assert (await account.call(call["sid"]))["verification_status"] == "success"


@pytest.mark.parametrize("later", ["w111111", "w" * 20 + "1"])
async def test_pending_code_is_entered_despite_later_digits(account: ControlledAccount, later: str) -> None:
    call = await prompting(account)

    await key(account, call, f"ww{call['validation_code']}")
    await key(account, call, later)
    await account.advance(1)

    assert (await account.call(call["sid"]))["verification_status"] == "success"


async def test_later_digits_without_a_pause_replace_pending_ones(account: ControlledAccount) -> None:
    call = await prompting(account)
    await key(account, call, "ww000000")

    ended = await key(account, call, call["validation_code"])

    assert ended["verification_status"] == "success"


async def test_digits_with_pauses_replace_the_digits_of_the_phones_behavior(account: ControlledAccount) -> None:
    call = await prompting(account, "enter-wrong-code")

    await key(account, call, f"w{call['validation_code']}")
    await account.advance(0.5)

    assert (await account.call(call["sid"]))["verification_status"] == "success"


async def test_digits_with_pauses_require_a_prompt(account: ControlledAccount) -> None:
    call = await prompting(account)
    await account.control("POST", f"/calls/{call['sid']}/hang-up")

    answer = await account.control("POST", f"/calls/{call['sid']}/digits", {"digits": "w1"})

    assert answer.status_code == 409


@pytest.mark.parametrize("digits", ["w", "www", "1W2", "w" * 32 + "1", ""])
async def test_pauses_without_a_digit_are_rejected(account: ControlledAccount, digits: str) -> None:
    call = await prompting(account)

    answer = await account.control("POST", f"/calls/{call['sid']}/digits", {"digits": digits})

    assert answer.status_code == 422
