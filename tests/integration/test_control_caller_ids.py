"""The control API: caller IDs that are created without a call."""

from typing import Any

import pytest

from support.domain_values import NUMBER
from support.in_process.control import Controlled, ControlledAccount

pytestmark = pytest.mark.anyio

NOW = "2010-07-27T20:21:11.000000Z"


async def create_caller_id(account: ControlledAccount, **wanted: Any) -> dict[str, Any]:
    answer = await account.control("POST", "/caller-ids", {"phone_number": NUMBER, **wanted})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def listed(account: ControlledAccount) -> list[Any]:
    answer = await account.twilio("GET", "/OutgoingCallerIds.json")
    found: list[Any] = answer.json()["outgoing_caller_ids"]
    return found


async def test_created_caller_id_is_immediately_visible_in_the_twilio_api(account: ControlledAccount) -> None:
    placed = await create_caller_id(account)

    [found] = await listed(account)
    assert placed == {
        "sid": found["sid"],
        "account_sid": account.sid,
        "phone_number": NUMBER,
        "friendly_name": "(415) 867-5309",
        "date_created": NOW,
        "date_updated": NOW,
    }
    assert (found["phone_number"], found["friendly_name"]) == (NUMBER, "(415) 867-5309")
    assert found["date_created"] == found["date_updated"] == "Tue, 27 Jul 2010 20:21:11 +0000"
    assert (await account.control("GET", "/calls")).json() == {"calls": []}


async def test_created_caller_id_has_the_given_properties(account: ControlledAccount) -> None:
    placed = await create_caller_id(
        account,
        phone_number="+44 20 7946 0958",
        friendly_name="Büro",
        date_created="2009-01-31T13:00:00+01:00",
    )

    [found] = await listed(account)
    assert (placed["phone_number"], placed["friendly_name"]) == ("+442079460958", "Büro")
    assert placed["date_created"] == placed["date_updated"] == "2009-01-31T12:00:00.000000Z"
    assert (found["friendly_name"], found["date_created"]) == ("Büro", "Sat, 31 Jan 2009 12:00:00 +0000")


async def test_friendly_name_of_a_foreign_number_defaults_to_the_number(account: ControlledAccount) -> None:
    assert (await create_caller_id(account, phone_number="+442079460958"))["friendly_name"] == "+442079460958"


async def test_caller_id_dates_follow_the_accounts_clock(account: ControlledAccount) -> None:
    await account.control("PUT", "/clock", {"mode": "frozen", "now": "2030-01-01T00:00:00Z"})

    assert (await create_caller_id(account))["date_created"] == "2030-01-01T00:00:00.000000Z"


async def test_created_caller_id_has_one_event_without_a_call(account: ControlledAccount) -> None:
    placed = await create_caller_id(account, date_created="2009-01-31T12:00:00Z")

    [event] = await account.events()
    assert (event["type"], event["at"], event["call_sid"]) == ("caller-id.created", NOW, None)
    assert event["data"] == {name: placed[name] for name in ("sid", "phone_number", "friendly_name")}


async def test_verified_number_is_not_created_again(account: ControlledAccount) -> None:
    placed = await create_caller_id(account)

    answer = await account.control("POST", "/caller-ids", {"phone_number": "(415) 867-5309", "friendly_name": "Other"})

    assert answer.status_code == 409
    assert answer.json()["error"] == f"{NUMBER} is already verified in this account"
    assert placed["sid"] in answer.json()["hint"]
    assert [found["friendly_name"] for found in await listed(account)] == ["(415) 867-5309"]
    assert len(await account.events()) == 1


async def test_number_of_a_created_caller_id_cannot_be_validated(account: ControlledAccount) -> None:
    await create_caller_id(account)

    answer = await account.twilio("POST", "/OutgoingCallerIds.json", {"PhoneNumber": NUMBER})

    assert (answer.status_code, answer.json()["code"]) == (400, 21450)


async def test_deleted_caller_id_can_be_created_again(account: ControlledAccount) -> None:
    first = await create_caller_id(account)
    await account.twilio("DELETE", f"/OutgoingCallerIds/{first['sid']}.json")

    second = await create_caller_id(account)

    assert [found["sid"] for found in await listed(account)] == [second["sid"]] != [first["sid"]]


async def test_accounts_have_separate_caller_ids(controlled: Controlled, account: ControlledAccount) -> None:
    other = await controlled.account()

    placed = [await create_caller_id(account), await create_caller_id(other)]

    assert [[found["sid"] for found in await listed(each)] for each in (account, other)] == [
        [caller_id["sid"]] for caller_id in placed
    ]


async def test_caller_id_created_during_a_call_to_its_number_is_not_duplicated(account: ControlledAccount) -> None:
    sid = (await account.validate())["call_sid"]
    await account.advance(1)

    placed = await create_caller_id(account)
    await account.advance(60)

    call = await account.call(sid)
    assert (call["verification_status"], call["outgoing_caller_id_sid"]) == ("success", placed["sid"])
    assert [found["sid"] for found in await listed(account)] == [placed["sid"]]
    assert len(await account.events(type="caller-id.created")) == 1


async def test_caller_id_for_a_reserved_number_can_be_created(account: ControlledAccount) -> None:
    assert (await create_caller_id(account, phone_number="+15005550018"))["friendly_name"] == "(500) 555-0018"


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"phone_number": "12"},
        {"phone_number": ""},
        {"phone_number": "default"},
        {"phone_number": "+12001234567"},
        {"phone_number": 14158675309},
        {"phone_number": NUMBER, "friendly_name": ""},
        {"phone_number": NUMBER, "friendly_name": "x" * 65},
        {"phone_number": NUMBER, "friendly_name": "\x00"},
        {"phone_number": NUMBER, "date_created": "yesterday"},
        {"phone_number": NUMBER, "date_created": "2020-01-01T00:00:00"},
        {"phone_number": NUMBER, "date_created": "9999-12-31T00:00:00Z"},
        {"phone_number": NUMBER, "sid": "PN" + "1" * 32},
        [NUMBER],
    ],
)
async def test_invalid_caller_id_is_rejected(account: ControlledAccount, wanted: Any) -> None:
    answer = await account.control("POST", "/caller-ids", wanted)

    assert answer.status_code == 422
    assert await listed(account) == []


@pytest.mark.parametrize("field", ["phone_number", "friendly_name"])
async def test_lone_surrogate_is_rejected(account: ControlledAccount, field: str) -> None:
    wanted = {"phone_number": f'"{NUMBER}"', field: r'"\ud800"'}
    body = "{" + ",".join(f'"{name}": {text}' for name, text in wanted.items()) + "}"

    answer = await account.http.post(
        f"/_ringback/accounts/{account.sid}/caller-ids", content=body, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 422, answer.text
    assert answer.json()["error"].startswith(f"{field}: ")


async def test_deleted_account_has_no_caller_ids(account: ControlledAccount) -> None:
    await account.control("DELETE")

    assert (await account.control("POST", "/caller-ids", {"phone_number": NUMBER})).status_code == 404


async def test_caller_ids_are_listed_newest_first(account: ControlledAccount) -> None:
    older = await create_caller_id(account, date_created="2009-01-31T12:00:00Z")
    newer = await create_caller_id(account, phone_number="+442079460958")

    everything = await account.control("GET", "/caller-ids")
    newest = await account.control("GET", "/caller-ids", limit=1)

    assert everything.json() == {"caller_ids": [newer, older]}
    assert newest.json() == {"caller_ids": [newer]}


async def test_list_of_caller_ids_in_the_control_api_triggers_no_fault(account: ControlledAccount) -> None:
    await account.control("POST", "/faults", {"operation": "*", "effect": {"status": 503}, "times": 1})

    answer = await account.control("GET", "/caller-ids")

    [fault] = (await account.control("GET", "/faults")).json()["faults"]
    assert answer.status_code == 200
    assert (fault["trials"], fault["times_left"]) == (0, 1)


async def test_deleted_caller_id_cannot_be_deleted_again(account: ControlledAccount) -> None:
    placed = await create_caller_id(account)

    first = await account.control("DELETE", f"/caller-ids/{placed['sid']}")
    second = await account.control("DELETE", f"/caller-ids/{placed['sid']}")

    assert (first.status_code, second.status_code) == (204, 404)
    assert await listed(account) == []
    assert [event["type"] for event in await account.events()] == ["caller-id.created", "caller-id.deleted"]


async def test_caller_id_of_another_account_is_not_deleted(account: ControlledAccount, controlled: Controlled) -> None:
    other = await controlled.account()
    placed = await create_caller_id(other)

    answer = await account.control("DELETE", f"/caller-ids/{placed['sid']}")

    assert answer.status_code == 404
    assert [found["sid"] for found in await listed(other)] == [placed["sid"]]
