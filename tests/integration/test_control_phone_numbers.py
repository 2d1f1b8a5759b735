"""The control API: formats of phone numbers."""

from typing import Any

import pytest

from ringback.config.settings import Settings
from support.domain_values import NUMBER
from support.in_process.control import ControlledAccount

pytestmark = pytest.mark.anyio

UNASSIGNED = "+12001234567"


async def make_busy(account: ControlledAccount, number: str) -> dict[str, Any]:
    """Make a phone busy, and return it."""
    answer = await account.control("PUT", f"/phones/{number}", {"behavior": "busy"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("written", [NUMBER, "(415) 867-5309", "1-415-867-5309", "%2B14158675309", "415.867.5309"])
async def test_number_is_parsed_as_in_the_twilio_api(account: ControlledAccount, written: str) -> None:
    assert (await make_busy(account, written))["phone_number"] == NUMBER

    assert (await account.control("GET", f"/phones/{NUMBER}")).json()["behavior"] == "busy"


@pytest.mark.parametrize("number", ["123", "DEFAULT", "+1", "+12345678901234567", "+14158675309x7", "%00", "%F0"])
async def test_invalid_number_is_rejected(account: ControlledAccount, number: str) -> None:
    answers = [
        await account.control("GET", f"/phones/{number}"),
        await account.control("PUT", f"/phones/{number}", {"behavior": "busy"}),
        await account.control("DELETE", f"/phones/{number}"),
    ]

    assert [answer.status_code for answer in answers] == [422] * 3
    assert all("is not a valid phone number" in answer.json()["error"] for answer in answers)
    assert all("+14158675309" in answer.json()["hint"] for answer in answers)


async def test_unassignable_number_is_rejected_by_default(account: ControlledAccount) -> None:
    answer = await account.control("PUT", f"/phones/{UNASSIGNED}", {"behavior": "busy"})

    assert answer.status_code == 422
    assert "number_validation=possible" in answer.json()["hint"]


@pytest.mark.parametrize("settings", [Settings(database_url="sqlite://", number_validation="possible")])
async def test_possible_number_is_accepted_if_the_settings_allow_it(account: ControlledAccount) -> None:
    await make_busy(account, UNASSIGNED)
    sid = (await account.validate(UNASSIGNED))["call_sid"]
    await account.advance(0)

    assert (await account.call(sid))["status"] == "busy"
