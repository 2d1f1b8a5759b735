"""The control API: numbers that an account owns at Twilio, and their deletion."""

from typing import Any

import pytest

from support.domain_values import NUMBER
from support.in_process.control import Controlled, ControlledAccount

pytestmark = pytest.mark.anyio

NOW = "2010-07-27T20:21:11.000000Z"
PATH = "/incoming-phone-numbers"


async def add(account: ControlledAccount, **wanted: Any) -> dict[str, Any]:
    answer = await account.control("POST", PATH, {"phone_number": NUMBER, **wanted})
    assert answer.status_code == 201, answer.text
    number: dict[str, Any] = answer.json()
    return number


async def listed(account: ControlledAccount) -> list[dict[str, Any]]:
    numbers: list[dict[str, Any]] = (await account.control("GET", PATH)).json()["incoming_phone_numbers"]
    return numbers


async def test_added_incoming_phone_number_is_immediately_visible_in_the_twilio_api(account: ControlledAccount) -> None:
    number = await add(account)

    assert number == {
        "sid": number["sid"],
        "account_sid": account.sid,
        "phone_number": NUMBER,
        "friendly_name": "(415) 867-5309",
        "date_created": NOW,
        "date_updated": NOW,
    }
    [shown] = (await account.twilio("GET", "/IncomingPhoneNumbers.json")).json()["incoming_phone_numbers"]
    assert (shown["sid"], shown["phone_number"]) == (number["sid"], NUMBER)
    assert await listed(account) == [number]


async def test_added_incoming_phone_number_has_the_given_properties(account: ControlledAccount) -> None:
    number = await add(
        account, phone_number="+44 20 7946 0958", friendly_name="Büro", date_created="2009-01-31T13:00:00+01:00"
    )

    assert (number["phone_number"], number["friendly_name"]) == ("+442079460958", "Büro")
    assert number["date_created"] == number["date_updated"] == "2009-01-31T12:00:00.000000Z"


async def test_owned_number_cannot_be_added_again(account: ControlledAccount) -> None:
    number = await add(account)

    answer = await account.control("POST", PATH, {"phone_number": NUMBER})

    assert answer.status_code == 409
    assert answer.json() == {
        "error": f"{NUMBER} already belongs to this account",
        "hint": f"delete the number {number['sid']} first, or use another number",
    }


async def test_number_is_not_added_to_an_account_deleted_concurrently(
    account: ControlledAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringback.storage.account_repository.AccountRepository.lock_shared", lambda _self, _sid: None)

    assert (await account.control("POST", PATH, {"phone_number": NUMBER})).status_code == 404


async def test_incoming_phone_number_can_be_verified_after_it_is_deleted(account: ControlledAccount) -> None:
    number = await add(account)
    refused = await account.twilio("POST", "/OutgoingCallerIds.json", {"PhoneNumber": NUMBER})

    deleted = await account.control("DELETE", f"{PATH}/{number['sid']}")

    assert refused.json()["code"] == 21449
    assert deleted.status_code == 204
    assert await listed(account) == []
    await account.validate(NUMBER)


async def test_unknown_incoming_phone_number_cannot_be_deleted(
    account: ControlledAccount, controlled: Controlled
) -> None:
    number = await add(await controlled.account())

    answer = await account.control("DELETE", f"{PATH}/{number['sid']}")

    assert answer.status_code == 404
    assert answer.json()["error"] == f"incoming phone number {number['sid']} in this account does not exist"


async def test_code_21449_is_reported_after_invalid_parameters_and_before_21450(account: ControlledAccount) -> None:
    await add(account)
    await account.control("POST", "/caller-ids", {"phone_number": NUMBER})
    path = "/OutgoingCallerIds.json"

    invalid = await account.twilio("POST", path, {"PhoneNumber": NUMBER, "CallDelay": "61"})
    owned = await account.twilio("POST", path, {"PhoneNumber": NUMBER})

    assert [answer.json()["code"] for answer in (invalid, owned)] == [21454, 21449]


async def test_code_21449_is_reported_before_a_refused_second_request(account: ControlledAccount) -> None:
    await account.control("PUT", "/policy", {"second_request": "refuse"})
    await account.validate()
    await add(account)

    answer = await account.twilio("POST", "/OutgoingCallerIds.json", {"PhoneNumber": NUMBER})

    assert (answer.status_code, answer.json()["code"]) == (400, 21449)


async def test_reset_deletes_the_incoming_phone_numbers(account: ControlledAccount) -> None:
    await add(account)

    await account.control("POST", "/reset")

    assert await listed(account) == []


async def test_snapshot_restores_the_incoming_phone_numbers(account: ControlledAccount, controlled: Controlled) -> None:
    number = await add(account)
    snapshot = (await controlled.ask("GET", "/snapshot")).json()
    await account.control("DELETE", f"{PATH}/{number['sid']}")

    await controlled.ask("PUT", "/snapshot", snapshot)

    assert await listed(account) == [number]


async def test_account_is_deleted_with_its_incoming_phone_numbers(
    account: ControlledAccount, controlled: Controlled
) -> None:
    await add(account)

    assert (await account.control("DELETE")).status_code == 204

    assert (await controlled.ask("GET", "/snapshot")).json()["tables"]["incoming_phone_numbers"] == []
