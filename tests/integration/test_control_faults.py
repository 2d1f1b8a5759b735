"""The control API: faults asked for, listed, deleted, and met by requests without a socket."""

from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from ringback.api.fault_injection import ConnectionCut
from ringback.domain.faults import FaultTarget
from ringback.operations.faults import MAX_FAULTS
from ringback.settings import Settings
from support.control import Controlled, ControlledAccount
from support.domain_values import NUMBER

pytest_plugins = ["support.simulation_fixtures", "support.control_fixtures"]
pytestmark = pytest.mark.anyio

LIST = "/OutgoingCallerIds.json"
NOWHERE = f"/OutgoingCallerIds/PN{'0' * 32}.json"


@pytest.fixture
def settings() -> Settings:
    return Settings(database_url="sqlite://", random_seed=7)


async def add(account: ControlledAccount, operation: str, effect: dict[str, Any], **often: Any) -> dict[str, Any]:
    answer = await account.control("POST", "/faults", {"operation": operation, "effect": effect, **often})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def faults(account: ControlledAccount) -> list[dict[str, Any]]:
    answer = await account.control("GET", "/faults")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["faults"]
    return found


async def statuses(account: ControlledAccount, requests: int, path: str = LIST) -> list[int]:
    return [(await account.twilio("GET", path)).status_code for _ in range(requests)]


async def test_a_fault_is_shown_as_it_was_asked_for(account: ControlledAccount) -> None:
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
        "chances": 0,
        "strikes": 0,
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
        ({"operation": "*", "effect": {"status": 500, "message": "\u0000"}}, "effect.message"),
        ({"operation": "*", "effect": {"status": 500, "message": ""}}, "effect.message"),
        ({"operation": "*", "effect": {"delay_seconds": 301}}, "effect.delay_seconds"),
        ({"operation": "*", "effect": {"drop": "now"}}, "effect.drop"),
        ({"operation": "*", "effect": {"drop": False}}, "effect.drop"),
        ({"operation": "*", "effect": {"drop": True}}, "drop true is none for *"),
        ({"operation": "*", "effect": {"status": 500, "drop": "after"}}, "effect: exactly one of"),
        ({"operation": "*", "effect": {"drop": "after", "code": 20003}}, "effect: code and message belong to status"),
        ({"operation": "status-callback", "effect": {"status": 500}}, "status 500 is none for status-callback"),
        ({"operation": "status-callback", "effect": {"duplicate": 1}}, "effect.duplicate"),
        ({"operation": "status-callback", "effect": {"signature": "good"}}, "effect.signature"),
        ({"operation": "*", "effect": {"status": 500}, "times": 0}, "times"),
        ({"operation": "*", "effect": {"status": 500}, "probability": 1.5}, "probability"),
        ({"operation": "*", "effect": {"status": 500}, "times": 1, "probability": 1}, "times, probability"),
        ({"operation": "*", "effect": {"status": 500}, "often": 1}, "often"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(
    wanted: dict[str, Any], place: str, account: ControlledAccount
) -> None:
    answer = await account.control("POST", "/faults", wanted)

    assert answer.status_code == 422
    assert place in answer.json()["error"]
    assert await faults(account) == []


async def test_a_counted_fault_strikes_so_often_and_is_gone(account: ControlledAccount) -> None:
    fault = await add(account, "list-outgoing-caller-ids", {"status": 503}, times=2)

    first = await statuses(account, 1)
    left = [(found["times_left"], found["strikes"]) for found in await faults(account)]
    then = await statuses(account, 2)
    deleted = await account.control("DELETE", f"/faults/{fault['id']}")

    assert (first, left, then) == ([503], [(1, 1)], [503, 200])
    assert await faults(account) == []
    assert deleted.status_code == 404


async def test_an_error_is_twilios_own_in_the_form_asked_for(account: ControlledAccount) -> None:
    await add(account, "*", {"status": 429}, times=2)

    as_json, as_xml = [await account.twilio("GET", path) for path in (LIST, "/OutgoingCallerIds")]

    assert as_json.json() == {
        "code": 20429,
        "message": "Too Many Requests",
        "more_info": "https://www.twilio.com/docs/errors/20429",
        "status": 429,
    }
    assert as_json.headers["retry-after"] == as_xml.headers["retry-after"] == "1"
    assert "<Code>20429</Code><Message>Too Many Requests</Message>" in as_xml.text
    assert as_xml.headers["twilio-request-id"].startswith("RQ")


async def test_a_fault_strikes_until_it_is_deleted(account: ControlledAccount) -> None:
    fault = await add(account, "*", {"status": 500})
    before = await statuses(account, 3)
    [counted] = await faults(account)

    deleted = await account.control("DELETE", f"/faults/{fault['id']}")

    assert (before, deleted.status_code, await statuses(account, 1)) == ([500] * 3, 204, [200])
    assert (counted["chances"], counted["strikes"], counted["times_left"]) == (3, 3, None)


@pytest.mark.parametrize("path", ["/faults", "/reset"])
async def test_all_faults_are_forgotten_together(path: str, account: ControlledAccount) -> None:
    for operation in ("*", "list-outgoing-caller-ids"):
        await add(account, operation, {"status": 500})

    forgotten = await account.control("DELETE" if path == "/faults" else "POST", path)

    assert (forgotten.status_code, await faults(account), await statuses(account, 1)) == (204, [], [200])


async def test_a_fault_strikes_its_operation_alone(account: ControlledAccount) -> None:
    await add(account, "list-outgoing-caller-ids", {"status": 500})
    await add(account, "status-callback", {"drop": True})

    assert await statuses(account, 1, NOWHERE) == [404]
    assert await statuses(account, 1) == [500]


async def test_head_is_get(account: ControlledAccount) -> None:
    await add(account, "list-outgoing-caller-ids", {"status": 500}, times=1)

    headed = await account.twilio("HEAD", LIST)

    assert (headed.status_code, headed.content, await statuses(account, 1)) == (500, b"", [200])


async def test_nobody_elses_requests_meet_a_fault(controlled: Controlled, account: ControlledAccount) -> None:
    await add(account, "*", {"status": 500}, times=1)
    path = f"/2010-04-01/Accounts/{account.sid}{LIST}"

    other = await statuses(await controlled.account(), 1)
    stranger = await controlled.http.get(path)
    wrong = await controlled.http.get(path, auth=(account.sid, "wrong"))
    options = await account.twilio("OPTIONS", LIST)
    nowhere = await account.twilio("GET", "/Nothing.json")
    not_allowed = await account.twilio("PATCH", LIST)
    [untouched] = await faults(account)

    assert other == [200]
    answers = (stranger, wrong, options, nowhere, not_allowed)
    assert [answer.status_code for answer in answers] == [401, 401, 204, 404, 405]
    assert (untouched["chances"], await statuses(account, 1)) == (0, [500])


async def test_the_fault_asked_for_first_has_its_chance_first(account: ControlledAccount) -> None:
    await add(account, "*", {"status": 503}, times=1)
    await add(account, "list-outgoing-caller-ids", {"status": 429}, times=1)

    assert await statuses(account, 3) == [503, 429, 200]


async def test_where_the_first_fault_does_not_strike_the_next_one_may(account: ControlledAccount) -> None:
    await add(account, "*", {"status": 503}, probability=0)
    await add(account, "*", {"status": 429})

    assert await statuses(account, 2) == [429, 429]
    assert [(fault["chances"], fault["strikes"]) for fault in await faults(account)] == [(2, 0), (2, 2)]


async def test_a_probable_fault_strikes_at_the_same_requests_each_time(controlled: Controlled) -> None:
    runs = []
    for _ in range(2):
        account = await controlled.account()
        await add(account, "list-outgoing-caller-ids", {"status": 503}, probability=0.5)
        runs.append(await statuses(account, 40))

    assert runs[0] == runs[1]
    assert 10 <= runs[0].count(503) <= 30


async def test_a_request_that_is_answered_with_an_error_changes_nothing(account: ControlledAccount) -> None:
    await add(account, "create-validation-request", {"status": 500}, times=1)

    answer = await account.twilio("POST", LIST, {"PhoneNumber": NUMBER})

    assert answer.status_code == 500
    assert (await account.control("GET", "/calls")).json()["calls"] == []


async def test_a_delayed_request_takes_so_long_and_is_answered(account: ControlledAccount) -> None:
    await add(account, "list-outgoing-caller-ids", {"delay_seconds": 0.05}, times=1)

    delayed = await account.twilio("GET", LIST)

    assert delayed.status_code == 200
    assert float(delayed.headers["twilio-request-duration"]) >= 0.05


@pytest.mark.parametrize(("moment", "calls"), [("before", 0), ("after", 1)])
async def test_where_no_connection_can_be_cut_the_application_raises(
    moment: str, calls: int, controlled: Controlled, account: ControlledAccount
) -> None:
    await add(account, "create-validation-request", {"drop": moment}, times=1)
    transport = httpx.ASGITransport(controlled.app)
    path = f"/2010-04-01/Accounts/{account.sid}{LIST}"

    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        with pytest.raises(ConnectionCut):
            await http.post(path, data={"PhoneNumber": NUMBER}, auth=(account.sid, account.auth_token))

    assert len((await account.control("GET", "/calls")).json()["calls"]) == calls


async def test_the_log_names_the_fault_and_the_operation(account: ControlledAccount) -> None:
    await add(account, "list-outgoing-caller-ids", {"status": 503}, times=1)

    with capture_logs() as lines:
        await statuses(account, 2)

    struck, other = [line for line in lines if line["event"] == "request"]
    assert (struck["fault"], struck["operation"], struck["status"]) == ("status 503", "list-outgoing-caller-ids", 503)
    assert "fault" not in other


async def test_an_account_has_no_more_faults_than_each_request_can_look_at(account: ControlledAccount) -> None:
    for _ in range(MAX_FAULTS):
        await add(account, "*", {"status": 500})

    refused = await account.control("POST", "/faults", {"operation": "*", "effect": {"status": 500}})

    assert (refused.status_code, str(MAX_FAULTS) in refused.json()["error"]) == (409, True)


async def test_a_fault_belongs_to_its_account(controlled: Controlled, account: ControlledAccount) -> None:
    fault = await add(account, "*", {"status": 500})
    other = await controlled.account()

    deleted = await other.control("DELETE", f"/faults/{fault['id']}")
    await other.control("DELETE", "/faults")

    assert deleted.status_code == 404
    assert await faults(account) == [fault]


async def test_faults_have_the_names_that_the_routes_have(controlled: Controlled) -> None:
    routes = {route.name for route in controlled.app.routes if route.path.startswith("/2010-04-01")}  # type: ignore[attr-defined]

    assert routes == {target.value for target in FaultTarget} - {"status-callback", "*"}
