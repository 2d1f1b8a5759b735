"""The control API: the journal of an account's requests to the Twilio API."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from support.domain_values import NUMBER
from support.in_process.control import Controlled, ControlledAccount

pytestmark = pytest.mark.anyio


async def journal(account: ControlledAccount, **query: Any) -> list[dict[str, Any]]:
    answer = await account.control("GET", "/requests", **query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["requests"]
    return found


async def outcomes(account: ControlledAccount) -> list[tuple[Any, ...]]:
    """Return method, operation, status and error code of the account's requests, newest first."""
    fields = ("method", "operation", "status", "error_code")
    return [tuple(request[field] for field in fields) for request in await journal(account)]


async def test_request_is_journaled_with_all_its_properties(account: ControlledAccount) -> None:
    answer = await account.twilio(
        "POST",
        "/OutgoingCallerIds.json?Query=1",
        {"PhoneNumber": NUMBER, "StatusCallback": "https://me:secret@app.test/x"},
    )

    [request] = await journal(account)

    assert request.pop("elapsed_ms") > 0
    assert request.pop("id") > 0
    assert request == {
        "at": "2010-07-27T20:21:11.000000Z",
        "request_id": answer.headers["twilio-request-id"],
        "method": "POST",
        "path": f"/2010-04-01/Accounts/{account.sid}/OutgoingCallerIds.json",
        "operation": "create-validation-request",
        "username": account.sid,
        "parameters": {"Query": "1", "PhoneNumber": NUMBER, "StatusCallback": "https://***@app.test/x"},
        "status": 200,
        "error_code": None,
        "fault": None,
    }


async def test_parameters_of_a_multipart_form_are_journaled_without_files_and_secrets(
    account: ControlledAccount,
) -> None:
    fields = {"PhoneNumber": (None, NUMBER), "StatusCallback": (None, "https://me:secret@app.test/x")}
    path = f"/2010-04-01/Accounts/{account.sid}/OutgoingCallerIds.json"
    await account.http.post(path, files={**fields, "File": ("name", "secret")}, auth=(account.sid, account.auth_token))

    [request] = await journal(account)

    assert (request["status"], request["operation"]) == (200, "create-validation-request")
    assert request["parameters"] == {"PhoneNumber": NUMBER, "StatusCallback": "https://***@app.test/x"}


async def test_journaled_request_names_its_fault(account: ControlledAccount) -> None:
    for effect in ({"status": 429}, {"drop": "before"}):
        await account.control("POST", "/faults", {"operation": "*", "effect": effect, "times": 1})
    await account.twilio("GET", "/OutgoingCallerIds.json")
    await account.twilio("GET", "/OutgoingCallerIds.json")

    told = [(request["fault"], request["status"]) for request in await journal(account)]

    assert told == [("drop before", None), ("status 429", 429)]


async def test_journaled_requests_are_listed_newest_first_up_to_the_limit(account: ControlledAccount) -> None:
    for number in range(3):
        await account.twilio("GET", f"/OutgoingCallerIds.json?PageSize={number + 1}")

    everything, two = await journal(account), await journal(account, limit=2)

    assert [request["parameters"]["PageSize"] for request in everything] == ["3", "2", "1"]
    assert two == everything[:2]


async def test_journaled_request_has_the_time_of_the_accounts_clock(account: ControlledAccount) -> None:
    await account.control("PUT", "/clock", {"mode": "frozen", "now": "2020-01-01T00:00:00Z"})
    await account.twilio("GET", "/OutgoingCallerIds.json")
    await account.http.get(f"/2010-04-01/Accounts/{account.sid}/OutgoingCallerIds.json")
    await account.advance(60)

    at = [request["at"] for request in await journal(account)]

    assert at == ["2020-01-01T00:00:00.000000Z"] * 2


async def test_error_is_journaled_with_its_code(account: ControlledAccount) -> None:
    await account.twilio("POST", "/OutgoingCallerIds", {"PhoneNumber": "1"})
    await account.twilio("HEAD", f"/OutgoingCallerIds/PN{'0' * 32}.json")

    assert await outcomes(account) == [
        ("HEAD", "fetch-outgoing-caller-id", 404, 20404),
        ("POST", "create-validation-request", 400, 21211),
    ]


async def test_unsupported_method_is_journaled_without_an_operation(account: ControlledAccount) -> None:
    with capture_logs() as lines:
        await account.twilio("DELETE", f"/Calls/CA{'0' * 32}.json")

    assert await outcomes(account) == [("DELETE", None, 405, 20004)]
    assert [line["reason"] for line in lines if line.get("status") == 405] == [
        "ringback supports only GET, HEAD, OPTIONS, POST on this resource"
    ]


async def test_unknown_path_is_journaled_without_an_operation(account: ControlledAccount) -> None:
    await account.twilio("GET", "/Nothing.json")

    assert await outcomes(account) == [("GET", None, 404, 20404)]


@pytest.mark.parametrize(
    ("auth", "username"),
    [
        (None, None),
        (("SK" + "0" * 32, "wrong"), "SK" + "0" * 32),
        (("a-token-where-the-sid-belongs", "x"), "***"),
    ],
)
async def test_unauthenticated_requests_are_journaled_in_the_account_of_their_path(
    account: ControlledAccount, auth: tuple[str, str] | None, username: str | None
) -> None:
    path = f"/2010-04-01/Accounts/{account.sid}/OutgoingCallerIds.json"
    await account.http.get(path, auth=auth)

    [request] = await journal(account)

    assert (request["status"], request["error_code"], request["username"]) == (401, 20003, username)


async def test_journal_contains_no_tokens_or_passwords(account: ControlledAccount) -> None:
    await account.twilio("GET", "/OutgoingCallerIds.json")
    await account.http.get(f"/2010-04-01/Accounts/{account.sid}.json", auth=(account.auth_token, account.sid))

    answer = await account.control("GET", "/requests")

    assert len(answer.json()["requests"]) == 2
    assert account.auth_token not in answer.text


async def test_request_by_a_parent_is_journaled_in_the_subaccount_of_its_path(
    controlled: Controlled, account: ControlledAccount
) -> None:
    sub = await controlled.account(parent_sid=account.sid)
    path = f"/2010-04-01/Accounts/{sub.sid}/OutgoingCallerIds.json"
    answer = await account.http.get(path, auth=(account.sid, account.auth_token))

    assert answer.status_code == 200
    assert await journal(account) == []
    assert [request["username"] for request in await journal(sub)] == [account.sid]


async def test_journal_keeps_a_thousand_requests(account: ControlledAccount) -> None:
    for number in range(1005):
        await account.twilio("GET", f"/Nothing?Number={number}")
        if number == 500:
            await journal(account)

    numbers = [request["parameters"]["Number"] for request in await journal(account, limit=1000)]

    assert numbers == [str(number) for number in range(1004, 4, -1)]


async def test_journal_is_empty_after_a_reset(account: ControlledAccount) -> None:
    await account.twilio("GET", "/Written")
    await journal(account)
    await account.twilio("GET", "/Unwritten")

    await account.control("POST", "/reset")

    assert await journal(account) == []


async def test_journal_is_empty_after_a_global_reset(controlled: Controlled) -> None:
    default = "AC00000000000000000000000000000001"
    await controlled.http.get(f"/2010-04-01/Accounts/{default}/OutgoingCallerIds.json")

    reset = await controlled.ask("POST", "/reset")
    answer = await controlled.ask("GET", f"/accounts/{default}/requests")

    assert reset.is_success
    assert answer.json() == {"requests": []}


async def test_snapshot_contains_and_restores_the_journal(controlled: Controlled, account: ControlledAccount) -> None:
    await account.twilio("GET", "/Before")
    snapshot = (await controlled.ask("GET", "/snapshot")).json()
    await account.twilio("GET", "/Unwritten")

    restored = await controlled.ask("PUT", "/snapshot", snapshot)

    assert restored.is_success, restored.text
    assert [request["path"].rpartition("/")[2] for request in await journal(account)] == ["Before"]


async def test_journal_of_an_unknown_account_is_not_found(controlled: Controlled, account: ControlledAccount) -> None:
    await account.twilio("GET", "/OutgoingCallerIds.json")
    await account.control("DELETE")

    answer = await controlled.ask("GET", f"/accounts/{account.sid}/requests")

    assert answer.status_code == 404


@pytest.mark.parametrize("limit", [0, 1001, "x"])
async def test_limit_above_the_maximum_is_rejected(account: ControlledAccount, limit: object) -> None:
    assert (await account.control("GET", "/requests", limit=limit)).status_code == 422
