"""Faults of requests to the Twilio API, in an application without a socket."""

import httpx
import pytest
from structlog.testing import capture_logs

from ringback.config.settings import Settings
from ringback.twilio_api.fault_injection import CannotDropConnection
from support.domain_values import NUMBER
from support.in_process.control import Controlled, ControlledAccount
from support.in_process.faults import LIST, add, faults, statuses

pytestmark = pytest.mark.anyio

NOWHERE = f"/OutgoingCallerIds/PN{'0' * 32}.json"


@pytest.fixture
def settings() -> Settings:
    return Settings(database_url="sqlite://", random_seed=7)


async def test_fault_with_a_count_is_triggered_that_many_times_and_deleted(account: ControlledAccount) -> None:
    fault = await add(account, "list-outgoing-caller-ids", {"status": 503}, times=2)

    first = await statuses(account, 1)
    left = [(found["times_left"], found["triggered"]) for found in await faults(account)]
    then = await statuses(account, 2)
    deleted = await account.control("DELETE", f"/faults/{fault['id']}")

    assert (first, left, then) == ([503], [(1, 1)], [503, 200])
    assert await faults(account) == []
    assert deleted.status_code == 404


async def test_injected_error_is_a_twilio_error_in_the_requested_representation(account: ControlledAccount) -> None:
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


async def test_fault_is_triggered_until_it_is_deleted(account: ControlledAccount) -> None:
    fault = await add(account, "*", {"status": 500})
    before = await statuses(account, 3)
    [counted] = await faults(account)

    deleted = await account.control("DELETE", f"/faults/{fault['id']}")

    assert (before, deleted.status_code, await statuses(account, 1)) == ([500] * 3, 204, [200])
    assert (counted["trials"], counted["triggered"], counted["times_left"]) == (3, 3, None)


async def test_fault_is_triggered_only_by_its_operation(account: ControlledAccount) -> None:
    await add(account, "list-outgoing-caller-ids", {"status": 500})
    await add(account, "status-callback", {"drop": True})

    assert await statuses(account, 1, NOWHERE) == [404]
    assert await statuses(account, 1) == [500]


async def test_head_request_triggers_the_faults_of_get_requests(account: ControlledAccount) -> None:
    await add(account, "list-outgoing-caller-ids", {"status": 500}, times=1)

    headed = await account.twilio("HEAD", LIST)

    assert (headed.status_code, headed.content, await statuses(account, 1)) == (500, b"", [200])


async def test_fault_does_not_apply_to_other_accounts(controlled: Controlled, account: ControlledAccount) -> None:
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
    assert (untouched["trials"], await statuses(account, 1)) == (0, [500])


async def test_oldest_fault_is_tried_first(account: ControlledAccount) -> None:
    await add(account, "*", {"status": 503}, times=1)
    await add(account, "list-outgoing-caller-ids", {"status": 429}, times=1)

    assert await statuses(account, 3) == [503, 429, 200]


async def test_next_fault_is_tried_if_the_first_one_is_not_triggered(account: ControlledAccount) -> None:
    await add(account, "*", {"status": 503}, probability=0)
    await add(account, "*", {"status": 429})

    assert await statuses(account, 2) == [429, 429]
    assert [(fault["trials"], fault["triggered"]) for fault in await faults(account)] == [(2, 0), (2, 2)]


async def test_fault_with_a_probability_is_triggered_by_the_same_requests_each_time(controlled: Controlled) -> None:
    runs = []
    for _ in range(2):
        account = await controlled.account()
        await add(account, "list-outgoing-caller-ids", {"status": 503}, probability=0.5)
        runs.append(await statuses(account, 40))

    assert runs[0] == runs[1]
    assert 10 <= runs[0].count(503) <= 30


async def test_request_with_an_injected_error_changes_nothing(account: ControlledAccount) -> None:
    await add(account, "create-validation-request", {"status": 500}, times=1)

    answer = await account.twilio("POST", LIST, {"PhoneNumber": NUMBER})

    assert answer.status_code == 500
    assert (await account.control("GET", "/calls")).json()["calls"] == []


async def test_delayed_request_is_answered_after_the_delay(account: ControlledAccount) -> None:
    await add(account, "list-outgoing-caller-ids", {"delay_seconds": 0.05}, times=1)

    delayed = await account.twilio("GET", LIST)

    assert delayed.status_code == 200
    assert float(delayed.headers["twilio-request-duration"]) >= 0.05


@pytest.mark.parametrize(("moment", "calls"), [("before", 0), ("after", 1)])
async def test_application_raises_if_it_cannot_drop_the_connection(
    moment: str, calls: int, controlled: Controlled, account: ControlledAccount
) -> None:
    await add(account, "create-validation-request", {"drop": moment}, times=1)
    transport = httpx.ASGITransport(controlled.app)
    path = f"/2010-04-01/Accounts/{account.sid}{LIST}"

    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        with pytest.raises(CannotDropConnection):
            await http.post(path, data={"PhoneNumber": NUMBER}, auth=(account.sid, account.auth_token))

    assert len((await account.control("GET", "/calls")).json()["calls"]) == calls


async def test_log_names_the_fault_and_the_operation(account: ControlledAccount) -> None:
    await add(account, "list-outgoing-caller-ids", {"status": 503}, times=1)

    with capture_logs() as lines:
        await statuses(account, 2)

    with_fault, other = [line for line in lines if line["event"] == "request"]
    assert (with_fault["fault"], with_fault["operation"], with_fault["status"]) == (
        "status 503",
        "list-outgoing-caller-ids",
        503,
    )
    assert "fault" not in other
