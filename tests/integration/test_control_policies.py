"""The control API: an account's policy."""

from typing import Any

import pytest

from ringback.config.settings import Settings
from support.domain_values import NUMBER
from support.in_process.control import Controlled, ControlledAccount

pytestmark = pytest.mark.anyio

DEFAULT_POLICY = {
    "account_type": "trial",
    "calls_per_number_and_week": 2,
    "code_lifetime_seconds": None,
    "code_attempts": 3,
    "long_friendly_name": "reject",
    "second_request": "supersede",
    "callback_signed_port": "as-given",
    "overrides": [],
}


@pytest.fixture
def settings() -> Settings:
    return Settings(database_url="sqlite://", account_type="trial", calls_per_number_and_week=2)


async def policy(account: ControlledAccount) -> dict[str, Any]:
    answer = await account.control("GET", "/policy")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_new_account_has_the_policy_of_the_settings(account: ControlledAccount) -> None:
    assert await policy(account) == DEFAULT_POLICY


async def test_policy_is_replaced_completely_and_deleted(controlled: Controlled, account: ControlledAccount) -> None:
    other = await controlled.account(parent_sid=account.sid)

    limits = {"code_attempts": 1, "code_lifetime_seconds": 2.5, "second_request": "both"}
    first = await account.control("PUT", "/policy", limits)
    second = await account.control("PUT", "/policy", {"account_type": "full", "code_attempts": None})
    shown = await policy(account)
    deleted = await account.control("DELETE", "/policy")

    assert first.json() == DEFAULT_POLICY | {
        "code_attempts": 1,
        "code_lifetime_seconds": 2.5,
        "second_request": "both",
        "overrides": ["code_lifetime_seconds", "code_attempts", "second_request"],
    }
    assert second.json() == shown == DEFAULT_POLICY | {"account_type": "full", "overrides": ["account_type"]}
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert await policy(account) == await policy(other) == DEFAULT_POLICY


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"callback_signed_port": "kept"}, "callback_signed_port"),
        ({"account_type": "free"}, "account_type"),
        ({"calls_per_number_and_week": 0}, "calls_per_number_and_week"),
        ({"calls_per_number_and_week": True}, "calls_per_number_and_week"),
        ({"calls_per_number_and_week": 1001}, "calls_per_number_and_week"),
        ({"code_lifetime_seconds": 0}, "code_lifetime_seconds"),
        ({"second_request": "ignore"}, "second_request"),
        ({"code_lifetime_seconds": "60"}, "code_lifetime_seconds"),
        ({"code_attempts": 1.5}, "code_attempts"),
        ({"long_friendly_name": "cut"}, "long_friendly_name"),
        ({"verified_numbers": 5}, "verified_numbers"),
        ([], "body"),
    ],
)
async def test_invalid_policy_is_rejected_and_changes_nothing(account: ControlledAccount, body: Any, word: str) -> None:
    await account.control("PUT", "/policy", {"code_attempts": 2})
    before = await policy(account)

    answer = await account.control("PUT", "/policy", body)

    assert (answer.status_code, word in answer.json()["error"]) == (422, True)
    assert await policy(account) == before


@pytest.mark.parametrize(
    ("content_type", "word"),
    [("application/x-www-form-urlencoded", "application/json"), ("application/json", "/_ringback/docs")],
)
async def test_body_that_is_not_sent_as_json_gets_a_hint(
    account: ControlledAccount, content_type: str, word: str
) -> None:
    path, headers = f"/_ringback/accounts/{account.sid}/policy", {"Content-Type": content_type}

    answer = await account.http.put(path, content=b'{"code_attempts": 0}', headers=headers)

    assert answer.status_code == 422
    assert word in answer.json()["hint"]


async def test_long_name_is_rejected_unless_the_policy_requires_truncation(account: ControlledAccount) -> None:
    created = await account.control("POST", "/caller-ids", {"phone_number": NUMBER})
    path = f"/OutgoingCallerIds/{created.json()['sid']}.json"

    rejected = await account.twilio("POST", path, {"FriendlyName": "n" * 65})
    await account.control("PUT", "/policy", {"long_friendly_name": "truncate"})
    truncated = await account.twilio("POST", path, {"FriendlyName": "n" * 65})

    assert (rejected.status_code, rejected.json()["code"]) == (400, 20002)
    assert (truncated.status_code, truncated.json()["friendly_name"]) == (200, "n" * 64)


async def test_policy_of_an_unknown_account_is_not_found(controlled: Controlled) -> None:
    anonymous_api = ControlledAccount(controlled.http, "AC" + "0" * 32, "")

    answers = [await anonymous_api.control(method, "/policy", {}) for method in ("GET", "PUT", "DELETE")]

    assert [answer.status_code for answer in answers] == [404] * 3


async def test_snapshot_contains_the_policy_and_reset_deletes_it(
    controlled: Controlled, account: ControlledAccount
) -> None:
    await account.control("PUT", "/policy", {"code_attempts": 2, "long_friendly_name": "truncate"})
    before = await policy(account)
    snapshot = (await controlled.ask("GET", "/snapshot")).json()
    await account.control("POST", "/reset")
    forgotten = await policy(account)

    await controlled.ask("PUT", "/snapshot", snapshot)

    assert forgotten == DEFAULT_POLICY
    assert await policy(account) == before


async def test_policy_limits_follow_the_accounts_clock_and_return_twilio_errors(
    account: ControlledAccount,
) -> None:
    await account.control("PUT", "/policy", {"account_type": "full"})
    await account.control("PUT", "/phones/default", {"behavior": "busy"})
    for _ in range(2):
        await account.validate()
    refused = await account.twilio("POST", "/OutgoingCallerIds", {"PhoneNumber": NUMBER})
    await account.advance(7 * 86_400)
    again = await account.validate()

    assert (refused.status_code, "<Code>22100</Code>" in refused.text) == (429, True)
    assert (await account.call(again["call_sid"]))["code_expires_at"] is None


async def test_trial_account_gets_caller_ids_only_through_the_control_api(account: ControlledAccount) -> None:
    refused = await account.twilio("POST", "/OutgoingCallerIds.json", {"PhoneNumber": NUMBER})
    created = [await account.control("POST", "/caller-ids", {"phone_number": f"+1415867530{i}"}) for i in range(6)]

    shown = await account.twilio("GET", ".json")
    deleted = await account.twilio("DELETE", f"/OutgoingCallerIds/{created[0].json()['sid']}.json")
    calls = await account.control("GET", "/calls")

    assert [answer.status_code for answer in created] == [201] * 6
    assert (refused.status_code, refused.json()["code"]) == (400, 10002)
    assert (shown.json()["type"], deleted.status_code) == ("Trial", 204)
    assert calls.json()["calls"] == []


async def test_call_requested_by_a_full_account_succeeds_after_a_change_to_a_trial_account(
    account: ControlledAccount,
) -> None:
    await account.control("PUT", "/policy", {"account_type": "full"})
    call_sid = (await account.validate())["call_sid"]

    await account.control("DELETE", "/policy")
    await account.advance(60)

    assert (await account.call(call_sid))["verification_status"] == "success"
