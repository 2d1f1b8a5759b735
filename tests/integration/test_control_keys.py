"""The control API: API keys with types and permissions, and the permissions that requests have needed."""

import re
from typing import Any

import httpx
import pytest

from ringback.storage.request_journal import KEPT_REQUESTS
from support.databases.templates import SQLITE, only
from support.domain_values import NUMBER
from support.in_process.control import Controlled, ControlledAccount

pytestmark = pytest.mark.anyio

LIST, CREATE, READ = (f"twilio/voice/outgoing-caller-ids/{action}" for action in ("list", "create", "read"))
READ_ACCOUNT = "twilio/iam/accounts/read"


async def create_key(account: ControlledAccount, **wanted: Any) -> dict[str, Any]:
    answer = await account.control("POST", "/keys", wanted)
    assert answer.status_code == 201, answer.text
    key: dict[str, Any] = answer.json()
    return key


async def get_with(account: ControlledAccount, key: dict[str, Any], path: str) -> httpx.Response:
    """Send a GET to one of the account's paths with a key's credentials."""
    return await account.http.get(f"/2010-04-01/Accounts/{account.sid}{path}", auth=(key["sid"], key["secret"]))


async def statuses(account: ControlledAccount, key: dict[str, Any]) -> tuple[int, int]:
    """Return the statuses of a key's requests for the list of caller IDs and for the account."""
    listed, fetched = [await get_with(account, key, path) for path in ("/OutgoingCallerIds.json", ".json")]
    return listed.status_code, fetched.status_code


async def permissions_used(account: ControlledAccount) -> list[str]:
    answer = await account.control("GET", "/permissions-used")
    assert answer.status_code == 200, answer.text
    permissions: list[str] = answer.json()["permissions"]
    return permissions


async def test_api_key_is_standard_unless_its_type_is_given(account: ControlledAccount) -> None:
    without_body = (await account.control("POST", "/keys")).json()
    standard, main = await create_key(account), await create_key(account, type="main")
    restricted = await create_key(account, type="restricted", permissions=[LIST])

    assert [key["type"] for key in (without_body, standard, main, restricted)] == [
        *("standard", "standard", "main", "restricted")
    ]
    assert [await statuses(account, key) for key in (without_body, standard, main, restricted)] == [
        *((200, 401), (200, 401), (200, 200), (200, 401))
    ]


async def test_key_secrets_are_alphanumeric_and_auth_tokens_hexadecimal(
    account: ControlledAccount,
) -> None:
    keys = [await create_key(account) for _ in range(10)]

    assert all(re.fullmatch("[A-Za-z0-9]{32}", key["secret"]) for key in keys)
    assert not all(re.fullmatch("[0-9a-f]{32}", key["secret"]) for key in keys)
    assert re.fullmatch("[0-9a-f]{32}", account.auth_token)


async def test_permissions_are_returned_sorted_and_without_a_leading_slash(
    account: ControlledAccount,
) -> None:
    key = await create_key(account, type="restricted", permissions=[f"/{READ}", LIST, "/twilio/voice/calls/*", LIST])

    assert key["permissions"] == ["twilio/voice/calls/*", LIST, READ]
    assert (await get_with(account, key, "/Calls.json")).status_code == 200


async def test_restricted_key_without_permissions_gives_no_access(account: ControlledAccount) -> None:
    key = await create_key(account, type="restricted", permissions=[])

    answer = await get_with(account, key, "/Calls.json")

    assert (answer.status_code, answer.json()["code"]) == (401, 70051)
    assert answer.json()["message"] == "Authorization Error: required permission twilio/voice/calls/list is missing"


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"type": "restricted"}, "body: a restricted key needs permissions"),
        (
            {"permissions": [LIST]},
            "body: a standard key has no permissions: leave them out, or set its type to restricted",
        ),
        ({"type": "main", "permissions": []}, "body: a main key has no permissions"),
        ({"type": "signing"}, "type: input should be 'standard', 'main' or 'restricted'"),
        ({"type": "restricted", "permissions": ["read"]}, f"permissions.0: must have a form such as {LIST}"),
        ({"type": "restricted", "permissions": [LIST] * 101}, "permissions: list should have at most 100 items"),
        ({"type": "restricted", "permissions": LIST}, "permissions: input should be a valid list"),
        ({"secret": "mine"}, "secret: extra inputs are not permitted"),
    ],
)
async def test_invalid_api_key_is_rejected(account: ControlledAccount, wanted: dict[str, Any], error: str) -> None:
    answer = await account.control("POST", "/keys", wanted)

    assert answer.status_code == 422
    assert answer.json()["error"].startswith(error)
    assert (await account.control("GET", "/keys")).json() == {"keys": []}


async def test_api_keys_are_listed_oldest_first_and_deleted(controlled: Controlled, account: ControlledAccount) -> None:
    first = await create_key(account, type="restricted", permissions=[LIST])
    controlled.clock.advance(1)
    second = await create_key(account)
    other = await create_key(await controlled.account())

    listed = (await account.control("GET", "/keys")).json()["keys"]
    deleted = [await account.control("DELETE", f"/keys/{key['sid']}") for key in (first, first, other)]

    assert listed == [first, second]
    assert [answer.status_code for answer in deleted] == [204, 404, 404]
    assert deleted[1].json() == {
        "error": f"key {first['sid']} in this account does not exist",
        "hint": f"GET /_ringback/accounts/{account.sid}/keys lists the keys of the account",
    }
    assert (await account.control("GET", "/keys")).json()["keys"] == [second]
    assert await statuses(account, first) == (401, 401)
    assert await statuses(account, second) == (200, 401)


async def test_api_keys_and_their_types_are_in_the_snapshot_and_kept_by_a_reset(
    controlled: Controlled, account: ControlledAccount
) -> None:
    keys = [await create_key(account, type="main"), await create_key(account, type="restricted", permissions=[READ])]
    snapshot = (await controlled.ask("GET", "/snapshot")).json()
    await controlled.ask("POST", "/reset")

    restored = await controlled.ask("PUT", "/snapshot", snapshot)
    await account.control("POST", "/reset")

    assert restored.status_code == 204
    listed = (await account.control("GET", "/keys")).json()["keys"]
    assert sorted(key["sid"] for key in listed) == sorted(key["sid"] for key in keys)
    assert [await statuses(account, key) for key in keys] == [(200, 200), (401, 401)]


async def test_used_permission_is_recorded_even_if_the_request_fails(
    account: ControlledAccount,
) -> None:
    nothing = await create_key(account, type="restricted", permissions=[])

    assert await permissions_used(account) == []
    await account.twilio("GET", "/OutgoingCallerIds.json")
    assert await permissions_used(account) == [LIST]
    await account.twilio("POST", "/OutgoingCallerIds.json", {"PhoneNumber": "12"})
    await get_with(account, nothing, f"/OutgoingCallerIds/PN{'0' * 32}.json")
    await get_with(account, await create_key(account), ".json")
    assert await permissions_used(account) == [READ_ACCOUNT, CREATE, LIST, READ]


async def test_used_permission_is_not_recorded_for_requests_without_an_operation(account: ControlledAccount) -> None:
    await account.twilio("PATCH", "/OutgoingCallerIds.json")
    await account.twilio("GET", "/Nowhere.json")
    await account.http.get(f"/2010-04-01/Accounts/{account.sid}/Calls.json")

    assert await permissions_used(account) == []


async def test_used_permission_is_recorded_for_an_injected_405(account: ControlledAccount) -> None:
    await account.control("POST", "/faults", {"operation": "*", "effect": {"status": 405, "code": 20004}})

    answer = await account.twilio("GET", "/OutgoingCallerIds.json")

    assert answer.status_code == 405
    assert await permissions_used(account) == [LIST]


async def test_used_permission_is_recorded_for_the_405_of_a_region_without_caller_ids(
    account: ControlledAccount,
) -> None:
    path = f"/2010-04-01/Accounts/{account.sid}/OutgoingCallerIds.json"
    credentials = (account.sid, account.auth_token)

    answer = await account.http.post(path, auth=credentials, headers={"Host": "api.ie1.twilio.com"})

    assert (answer.status_code, await permissions_used(account)) == (405, [CREATE])


async def test_permissions_belong_to_the_account_of_the_path(
    controlled: Controlled, account: ControlledAccount
) -> None:
    child = await controlled.account(parent_sid=account.sid)
    await account.http.get(
        f"/2010-04-01/Accounts/{child.sid}/OutgoingCallerIds.json", auth=(account.sid, account.auth_token)
    )

    assert (await permissions_used(account), await permissions_used(child)) == ([], [LIST])


@only(SQLITE)
async def test_used_permission_remains_after_the_journal_is_pruned(account: ControlledAccount) -> None:
    await account.twilio("POST", "/OutgoingCallerIds.json", {"PhoneNumber": NUMBER})
    for _ in range(KEPT_REQUESTS):
        await account.twilio("GET", "/OutgoingCallerIds.json")

    assert await permissions_used(account) == [CREATE, LIST]


async def test_used_permissions_are_restored_with_a_snapshot_and_deleted_by_a_reset(
    controlled: Controlled, account: ControlledAccount
) -> None:
    await account.twilio("GET", "/OutgoingCallerIds.json")
    snapshot = (await controlled.ask("GET", "/snapshot")).json()
    await account.twilio("POST", "/OutgoingCallerIds.json", {"PhoneNumber": "12"})

    await controlled.ask("PUT", "/snapshot", snapshot)
    restored = await permissions_used(account)
    await account.twilio("POST", "/OutgoingCallerIds.json", {"PhoneNumber": "12"})
    await account.control("POST", "/reset")

    assert (restored, await permissions_used(account)) == ([LIST], [])
