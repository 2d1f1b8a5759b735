"""The control API: phones with an extension."""

from typing import Any

import pytest

from support.domain_values import NUMBER
from support.in_process.control import ControlledAccount

pytestmark = pytest.mark.anyio

PHONE = f"/phones/{NUMBER}"


def happened(call: dict[str, Any]) -> list[str]:
    return [entry["event"] for entry in call["timeline"]]


@pytest.mark.parametrize(
    ("dialed", "ending"), [("ww123", "success"), ("123", "success"), ("124", "failed"), ("", "failed")]
)
async def test_callee_is_reached_only_by_dialing_the_extension(
    account: ControlledAccount, dialed: str, ending: str
) -> None:
    await account.control("PUT", PHONE, {"behavior": "enter-code", "extension": "123"})

    sid = (await account.validate(Extension=dialed))["call_sid"]
    await account.advance(60)

    call = await account.call(sid)
    assert (call["status"], call["verification_status"]) == ("completed", ending)
    assert happened(call).count("prompt-timeout") == (0 if ending == "success" else 3)


async def test_manual_phone_with_an_extension_accepts_digits_after_it_is_dialed(account: ControlledAccount) -> None:
    await account.control("PUT", PHONE, {"behavior": "manual", "extension": "12"})
    call = await account.validate(Extension="w12")
    sid = call["call_sid"]
    await account.advance(0)

    answered = (await account.control("POST", f"/calls/{sid}/answer")).json()
    await account.advance(0.7)
    keyed = (await account.control("POST", f"/calls/{sid}/digits", {"digits": call["validation_code"]})).json()

    assert (answered["state"], keyed["verification_status"]) == ("dialing-extension", "success")
    assert happened(keyed) == ["queued", "dial", "answer", "extension-dialed", "digits", "ended"]


async def test_digits_are_rejected_if_another_extension_was_dialed(account: ControlledAccount) -> None:
    await account.control("PUT", PHONE, {"behavior": "manual", "extension": "12"})
    call = await account.validate(Extension="13")
    sid = call["call_sid"]
    await account.advance(0)
    await account.control("POST", f"/calls/{sid}/answer")
    await account.advance(0.5)

    refused = await account.control("POST", f"/calls/{sid}/digits", {"digits": call["validation_code"]})
    await account.advance(60)

    assert refused.status_code == 409
    assert "the phone was not reached" in refused.json()["error"]
    assert (await account.call(sid))["verification_status"] == "failed"
