"""The control API: faults are created, listed and deleted."""

from typing import Any

import pytest

from ringback.domain.faults import FaultTarget
from ringback.operations.faults import MAX_FAULTS
from support.in_process.control import Controlled, ControlledAccount
from support.in_process.faults import add, faults, statuses

pytestmark = pytest.mark.anyio


async def test_fault_is_shown_as_created(account: ControlledAccount) -> None:
    first = await add(account, "list-outgoing-caller-ids", {"status": 503}, times=2)
    second = await add(account, "status-callback", {"drop": True}, probability=0.5)
    third = await add(account, "*", {"delay_seconds": 2, "drop": None})

    assert await faults(account) == [first, second, third]
    assert first == {
        "id": first["id"],
        "operation": "list-outgoing-caller-ids",
        "effect": {"status": 503},
        "times_left": 2,
        "probability": None,
        "trials": 0,
        "triggered": 0,
        "date_created": "2010-07-27T20:21:11.000000Z",
    }
    assert (second["effect"], second["times_left"], second["probability"]) == ({"drop": True}, None, 0.5)
    assert third["effect"] == {"delay_seconds": 2.0}


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ({"operation": "sing", "effect": {"status": 500}}, "operation"),
        ({"operation": "*", "effect": {}}, "effect"),
        ({"operation": "*", "effect": {"status": 200}}, "effect.status"),
        ({"operation": "*", "effect": {"status": 199, "body": ""}}, "effect.status"),
        ({"operation": "*", "effect": {"status": 200, "body": 1}}, "effect.body"),
        ({"operation": "*", "effect": {"status": 200, "body": "", "content_type": "a\r\nb"}}, "effect.content_type"),
        ({"operation": "*", "effect": {"delay_seconds": 1, "when": "later"}}, "effect.when"),
        ({"operation": "*", "effect": {"drop": "after", "when": "after"}}, "effect: when belongs to delay_seconds"),
        (
            {"operation": "status-callback", "effect": {"delay_seconds": 1, "when": "after"}},
            "delay_seconds 1 after is not valid for status-callback",
        ),
        ({"operation": "status-callback", "effect": {"duplicate": 2, "at_once": 1}}, "effect.at_once"),
        ({"operation": "*", "effect": {"status": 500, "message": "\u0000"}}, "effect.message"),
        ({"operation": "*", "effect": {"status": 500, "message": ""}}, "effect.message"),
        ({"operation": "*", "effect": {"delay_seconds": 301}}, "effect.delay_seconds"),
        ({"operation": "*", "effect": {"drop": "now"}}, "effect.drop"),
        ({"operation": "*", "effect": {"drop": False}}, "effect.drop"),
        ({"operation": "*", "effect": {"drop": True}}, "drop true is not valid for *"),
        ({"operation": "*", "effect": {"status": 500, "drop": "after"}}, "effect: must have exactly one of"),
        ({"operation": "*", "effect": {"drop": "after", "code": 20003}}, "effect: code and message belong to status"),
        ({"operation": "status-callback", "effect": {"status": 500}}, "status 500 is not valid for status-callback"),
        ({"operation": "status-callback", "effect": {"duplicate": 1}}, "effect.duplicate"),
        ({"operation": "status-callback", "effect": {"signature": "good"}}, "effect.signature"),
        ({"operation": "*", "effect": {"status": 500}, "times": 0}, "times"),
        ({"operation": "*", "effect": {"status": 500}, "probability": 1.5}, "probability"),
        ({"operation": "*", "effect": {"status": 500}, "times": 1, "probability": 1}, "times, probability"),
        ({"operation": "*", "effect": {"status": 500}, "often": 1}, "often"),
    ],
)
async def test_invalid_fault_is_rejected_with_the_field(
    wanted: dict[str, Any], place: str, account: ControlledAccount
) -> None:
    answer = await account.control("POST", "/faults", wanted)

    assert answer.status_code == 422
    assert place in answer.json()["error"]
    assert await faults(account) == []


@pytest.mark.parametrize("path", ["/faults", "/reset"])
async def test_all_faults_of_an_account_can_be_deleted_together(path: str, account: ControlledAccount) -> None:
    for operation in ("*", "list-outgoing-caller-ids"):
        await add(account, operation, {"status": 500})

    forgotten = await account.control("DELETE" if path == "/faults" else "POST", path)

    assert (forgotten.status_code, await faults(account), await statuses(account, 1)) == (204, [], [200])


async def test_number_of_faults_in_an_account_is_limited(account: ControlledAccount) -> None:
    for _ in range(MAX_FAULTS):
        await add(account, "*", {"status": 500})

    refused = await account.control("POST", "/faults", {"operation": "*", "effect": {"status": 500}})

    assert (refused.status_code, str(MAX_FAULTS) in refused.json()["error"]) == (409, True)


async def test_fault_cannot_be_deleted_by_another_account(controlled: Controlled, account: ControlledAccount) -> None:
    fault = await add(account, "*", {"status": 500})
    other = await controlled.account()

    deleted = await other.control("DELETE", f"/faults/{fault['id']}")
    await other.control("DELETE", "/faults")

    assert deleted.status_code == 404
    assert await faults(account) == [fault]


async def test_fault_targets_are_the_names_of_operations(controlled: Controlled) -> None:
    prefixes = ("/2010-04-01", "/v1/", "/v2/")
    routes = {route.name for route in controlled.app.routes if route.path.startswith(prefixes)}  # type: ignore[attr-defined]

    assert routes == {target.value for target in FaultTarget} - {"status-callback", "*"}
