"""The control API: OAuth apps, and the access tokens that their clients fetch and use."""

from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from support.in_process.control import Controlled, ControlledAccount

pytestmark = pytest.mark.anyio

LIST_SCOPE, CREATE_SCOPE = "twilio/voice/outgoing-caller-ids/list", "twilio/voice/outgoing-caller-ids/create"


async def create_app(account: ControlledAccount, *scopes: str, **properties: Any) -> dict[str, Any]:
    answer = await account.control("POST", "/oauth-apps", {"scopes": list(scopes or [LIST_SCOPE]), **properties})
    assert answer.status_code == 201, answer.text
    app: dict[str, Any] = answer.json()
    return app


async def ask_for_token(http: httpx.AsyncClient, app: dict[str, Any], **changes: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
        **changes,
    }
    return await http.post("/v2/token", data=form, headers={"Host": "oauth.twilio.com"})


async def fetch_token(http: httpx.AsyncClient, app: dict[str, Any]) -> str:
    answer = await ask_for_token(http, app)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


async def send(account: ControlledAccount, token: str, method: str = "GET", sid: str | None = None) -> tuple[int, Any]:
    path = f"/2010-04-01/Accounts/{sid or account.sid}/OutgoingCallerIds.json"
    form = {"PhoneNumber": "+14158675309"} if method == "POST" else None
    answer = await account.http.request(method, path, data=form, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.json().get("code")


async def test_oauth_app_is_created_listed_and_deleted(account: ControlledAccount) -> None:
    app = await create_app(account, CREATE_SCOPE, f"/{LIST_SCOPE}", lifetime_seconds=60)

    listed = (await account.control("GET", "/oauth-apps")).json()
    deleted = await account.control("DELETE", f"/oauth-apps/{app['client_id']}")
    again = await account.control("DELETE", f"/oauth-apps/{app['client_id']}")

    assert listed == {"oauth_apps": [app]}
    assert (app["scopes"], app["lifetime_seconds"]) == ([CREATE_SCOPE, LIST_SCOPE], 60)
    assert (app["client_id"][:2], len(app["client_id"]), len(app["client_secret"])) == ("OQ", 34, 64)
    assert (deleted.status_code, again.status_code) == (204, 404)
    assert (await account.control("GET", "/oauth-apps")).json() == {"oauth_apps": []}


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"scopes": ["outgoing-caller-ids"]},
        {"scopes": [LIST_SCOPE], "lifetime_seconds": 59},
        {"scopes": [LIST_SCOPE], "lifetime_seconds": 30 * 86_400 + 1},
        {"scopes": [LIST_SCOPE], "lifetime_seconds": 60.5},
        {"scopes": [LIST_SCOPE], "lifetime_seconds": "60"},
    ],
)
async def test_invalid_oauth_app_is_rejected(account: ControlledAccount, properties: dict[str, Any]) -> None:
    assert (await account.control("POST", "/oauth-apps", properties)).status_code == 422


async def test_access_token_gives_access_according_to_its_scopes(account: ControlledAccount) -> None:
    token = await fetch_token(account.http, await create_app(account))

    assert await send(account, token) == (200, None)
    assert await send(account, token, "POST") == (401, 70051)


async def test_access_token_expires_by_the_accounts_clock(account: ControlledAccount) -> None:
    app = await create_app(account, lifetime_seconds=600)
    token = await fetch_token(account.http, app)

    await account.advance(598)
    before = await send(account, token)
    await account.advance(3)
    expired = await send(account, token)

    assert (before, expired) == ((200, None), (401, 20003))
    assert await send(account, await fetch_token(account.http, app)) == (200, None)


async def test_earlier_access_token_remains_valid_after_a_new_one_is_issued(account: ControlledAccount) -> None:
    app = await create_app(account)
    earlier = await fetch_token(account.http, app)

    await account.advance(5)
    later = await fetch_token(account.http, app)

    assert earlier != later
    assert [await send(account, token) for token in (earlier, later)] == [(200, None), (200, None)]


async def test_access_token_is_not_valid_for_subaccounts(controlled: Controlled, account: ControlledAccount) -> None:
    sub = await controlled.account(parent_sid=account.sid)
    token, sub_token = [await fetch_token(one.http, await create_app(one)) for one in (account, sub)]

    assert await send(account, token, sid=sub.sid) == (401, 20003)
    assert await send(sub, sub_token) == (200, None)
    assert await send(account, sub_token) == (401, 20003)


async def test_deleted_oauth_app_invalidates_its_access_tokens(account: ControlledAccount) -> None:
    app = await create_app(account)
    token = await fetch_token(account.http, app)

    await account.control("DELETE", f"/oauth-apps/{app['client_id']}")

    assert await send(account, token) == (401, 20003)
    assert (await ask_for_token(account.http, app)).json()["code"] == 322402


async def test_access_token_of_a_suspended_account_is_rejected(account: ControlledAccount) -> None:
    app = await create_app(account)
    token = await fetch_token(account.http, app)

    await account.control("PATCH", "", {"status": "suspended"})

    assert await send(account, token) == (401, 20003)
    assert (await ask_for_token(account.http, app)).json()["code"] == 322402


async def test_access_token_is_valid_after_a_restore_and_after_the_reset_of_its_account(
    controlled: Controlled, account: ControlledAccount
) -> None:
    token = await fetch_token(account.http, await create_app(account))
    snapshot = (await controlled.ask("GET", "/snapshot")).json()

    await account.control("POST", "/reset")
    after_reset = await send(account, token)
    await controlled.ask("POST", "/reset")
    await controlled.ask("PUT", "/snapshot", snapshot)

    assert (after_reset, await send(account, token)) == ((200, None), (200, None))


async def test_journal_and_log_contain_no_secret_of_an_oauth_app(account: ControlledAccount) -> None:
    app = await create_app(account)
    with capture_logs() as lines:
        token = await fetch_token(account.http, app)
        await ask_for_token(account.http, app, client_secret="guessed-secret")
        await account.http.post(f"/v2/token?client_secret={app['client_secret']}", data={"ClientSecret": "x" * 9})
        await send(account, token)
    requests = (await account.control("GET", "/requests")).json()["requests"]
    metrics = (await account.http.get("/metrics")).text

    seen = repr(lines) + repr(requests) + metrics
    assert not any(secret in seen for secret in (app["client_secret"], token, "guessed-secret", "x" * 9))
    assert [(one["operation"], one["username"], one["parameters"]) for one in requests] == [
        ("list-outgoing-caller-ids", app["client_id"], {}),
        (
            "create-access-token",
            app["client_id"],
            {"grant_type": "client_credentials", "client_id": app["client_id"], "client_secret": "***"},
        ),
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"client_secret": "wrong"}, "wrong client secret for {client_id}"),
        ({"client_id": "OQ" + "0" * 32}, "unknown OAuth app OQ" + "0" * 32),
        ({"client_id": "guessed-secret"}, "unknown OAuth app"),
    ],
)
async def test_log_gives_the_reason_for_refusing_a_client(
    account: ControlledAccount, changes: dict[str, str], reason: str
) -> None:
    app = await create_app(account)

    with capture_logs() as lines:
        await ask_for_token(account.http, app, **changes)

    assert lines[0]["reason"] == reason.format(client_id=app["client_id"])


async def test_log_gives_the_reason_for_refusing_an_access_token(
    controlled: Controlled, account: ControlledAccount
) -> None:
    app, sub = await create_app(account, lifetime_seconds=60), await controlled.account(parent_sid=account.sid)
    token = await fetch_token(account.http, app)
    with capture_logs() as lines:
        await send(account, token, sid=sub.sid)
        await send(account, f"{token}x")
        await send(account, "a.b.c")
        await account.advance(61)
        await send(account, token)

    client_id = app["client_id"]
    assert [line["reason"] for line in lines if line["event"] == "request"] == [
        f"access tokens of {client_id} are valid only for {account.sid}, not for subaccounts or other accounts",
        f"the access token was not signed with the client secret of {client_id}",
        "the access token does not belong to an existing OAuth app",
        f"the access token of {client_id} has expired by the account's clock",
    ]


async def test_fault_can_be_injected_into_access_token_requests(account: ControlledAccount) -> None:
    app = await create_app(account)
    await account.control(
        "POST", "/faults", {"operation": "create-access-token", "effect": {"status": 503}, "times": 1}
    )

    answers = [(await ask_for_token(account.http, app)).status_code for _ in range(2)]

    assert answers == [503, 200]


@pytest.mark.parametrize(
    "host", ["oauth.twilio.com", "iam.twilio.com", "preview-iam.twilio.com", "oauth.local.twilio.com"]
)
async def test_version_1_of_the_token_endpoint_returns_201(account: ControlledAccount, host: str) -> None:
    app = await create_app(account)
    form = {"GrantType": "client_credentials", "ClientId": app["client_id"], "ClientSecret": app["client_secret"]}

    answer = await account.http.post("/v1/token", data=form, headers={"Host": host})

    assert answer.status_code == 201
    assert await send(account, answer.json()["access_token"]) == (200, None)
