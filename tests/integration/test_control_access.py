"""The control API: the token, errors of unknown paths and bodies, accounts and API keys."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from ringback.config.settings import Settings
from ringback.operations import accounts as operations
from support.databases.templates import SQLITE, only
from support.in_process.control import Controlled, ControlledAccount

pytestmark = [pytest.mark.anyio, only(SQLITE)]

TOKEN = "let-me-in"


@pytest.fixture
def control_token() -> str | None:
    return None


@pytest.fixture
def settings(control_token: str | None) -> Settings:
    """Return settings with the control token of `with_token`."""
    return Settings(database_url="sqlite://", control_token=control_token)


with_token = pytest.mark.parametrize("control_token", [TOKEN])
"""Marks tests whose server has a control token."""


@with_token
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer \u00e9"},
    ],
)
async def test_request_without_the_token_is_rejected(controlled: Controlled, headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]

    for method, path in (("GET", "/accounts"), ("POST", "/reset"), ("GET", "/snapshot"), ("POST", "/accounts")):
        answer = await controlled.http.request(method, f"/_ringback{path}", headers=raw)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert set(answer.json()) == {"error", "hint"}


@with_token
async def test_token_authorizes_every_request(controlled: Controlled) -> None:
    controlled.http.headers["Authorization"] = f"Bearer {TOKEN}"

    account = await controlled.account()

    assert (await account.control("GET")).json()["sid"] == account.sid


@with_token
async def test_health_and_docs_require_no_token(controlled: Controlled) -> None:
    for path in ("/livez", "/readyz", "/_ringback/docs", "/_ringback/openapi.json"):
        assert (await controlled.http.get(path)).status_code == 200


async def test_server_without_a_token_requires_none(controlled: Controlled) -> None:
    assert (await controlled.ask("GET", "/accounts")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/", 404),
        ("GET", "/accounts/", 404),
        ("PUT", "/accounts", 405),
        ("GET", f"/accounts/AC{'9' * 32}", 404),
        ("GET", "/accounts/AC%00", 404),
        ("DELETE", f"/accounts/AC{'9' * 32}", 404),
    ],
)
async def test_unknown_path_gets_an_error_with_a_hint(
    controlled: Controlled, method: str, path: str, status: int
) -> None:
    answer = await controlled.ask(method, path)

    assert answer.status_code == status
    assert answer.json()["error"]
    assert answer.json()["hint"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"null-", b"\xff", b'"text"', b"1"])
async def test_body_that_is_not_an_object_is_rejected(controlled: Controlled, body: bytes) -> None:
    answer = await controlled.http.post(
        "/_ringback/accounts", content=body, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code in (400, 422)
    assert set(answer.json()) == {"error", "hint"}


async def test_internal_error_shows_no_details(controlled: Controlled, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(operations, "list_accounts", failing)

    with capture_logs() as lines:
        answer = await controlled.http.get("/_ringback/accounts")

    assert [line["event"] for line in lines] == ["a control request failed"]
    assert answer.status_code == 500
    assert answer.json() == {"error": "ringback failed", "hint": "see the error in ringback's log"}


async def test_accounts_are_created_listed_suspended_and_deleted(controlled: Controlled) -> None:
    parent = await controlled.account(friendly_name="Shop", owner_email="owner@Example.com")
    child = await controlled.account(parent_sid=parent.sid)
    before = await parent.twilio("GET", "/OutgoingCallerIds.json")

    suspended = await parent.control("PATCH", "", {"status": "suspended"})
    during = await parent.twilio("GET", "/OutgoingCallerIds.json")
    await parent.control("PATCH", "", {"status": "active"})
    listed = (await controlled.ask("GET", "/accounts")).json()["accounts"]
    deleted = await parent.control("DELETE")

    shown = {account["sid"]: account for account in listed}
    assert (suspended.json()["status"], before.status_code, during.status_code) == ("suspended", 200, 401)
    assert (shown[parent.sid]["friendly_name"], shown[parent.sid]["owner_email"]) == ("Shop", "owner@example.com")
    assert (shown[child.sid]["parent_sid"], shown[child.sid]["status"]) == (parent.sid, "active")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await child.control("GET")).status_code == 404


async def test_owner_email_may_have_a_reserved_domain(controlled: Controlled) -> None:
    answer = await controlled.ask("POST", "/accounts", {"owner_email": "owner@app.test"})

    assert (answer.status_code, answer.json()["owner_email"]) == (201, "owner@app.test")


async def test_api_key_authenticates_for_its_account(controlled: Controlled, account: ControlledAccount) -> None:
    key = (await account.control("POST", "/keys")).json()

    answer = await controlled.http.get(
        f"/2010-04-01/Accounts/{account.sid}/OutgoingCallerIds.json", auth=(key["sid"], key["secret"])
    )

    assert key["sid"].startswith("SK")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"owner_email": "nobody"}, "owner_email"),
        ({"friendly_name": ""}, "friendly_name"),
        ({"friendly_name": "x" * 65}, "friendly_name"),
        ({"friendly_name": "\u0000"}, "friendly_name"),
        ({"parent_sid": "AC1"}, "parent_sid"),
        ({"parent_sid": "AC" + "9" * 32}, "parent_sid"),
        ({"sid": "AC" + "9" * 32}, "sid"),
    ],
)
async def test_invalid_account_is_rejected(controlled: Controlled, wanted: dict[str, Any], reason: str) -> None:
    before = (await controlled.ask("GET", "/accounts")).content

    answer = await controlled.ask("POST", "/accounts", wanted)

    assert answer.status_code == 422
    assert answer.json()["error"].startswith(reason)
    assert (await controlled.ask("GET", "/accounts")).content == before


async def test_subaccount_cannot_have_subaccounts(controlled: Controlled, account: ControlledAccount) -> None:
    child = await controlled.account(parent_sid=account.sid)

    answer = await controlled.ask("POST", "/accounts", {"parent_sid": child.sid})

    assert answer.status_code == 422


async def test_global_reset_restores_the_initial_state(controlled: Controlled, account: ControlledAccount) -> None:
    start = (await controlled.ask("GET", "/accounts")).json()["accounts"][0]

    answer = await controlled.ask("POST", "/reset")

    listed = (await controlled.ask("GET", "/accounts")).json()["accounts"]
    assert answer.status_code == 204
    assert [(one["sid"], one["auth_token"]) for one in listed] == [(start["sid"], start["auth_token"])]
    assert (await account.control("GET")).status_code == 404


async def test_docs_page_lists_every_operation(controlled: Controlled) -> None:
    document = (await controlled.http.get("/_ringback/openapi.json")).json()
    page = (await controlled.http.get("/_ringback/docs")).text

    operations_told = [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]
    assert ("POST", "/accounts/{account_sid}/clock/advance") in operations_told
    assert all(f"{method} /_ringback{path}" in page for method, path in operations_told)


@pytest.mark.parametrize(
    "origin", ["http://evil.test", "http://test:8010", "null", "https://evil.test:443", "http://["]
)
async def test_web_page_of_another_site_is_rejected(controlled: Controlled, origin: str) -> None:
    for method, path in (("POST", "/reset"), ("POST", "/accounts"), ("GET", "/snapshot")):
        answer = await controlled.http.request(method, f"/_ringback{path}", headers={"Origin": origin})
        assert answer.status_code == 403
        assert set(answer.json()) == {"error", "hint"}


async def test_same_origin_page_is_allowed(controlled: Controlled) -> None:
    answer = await controlled.http.post("/_ringback/accounts", headers={"Origin": "http://test"})

    assert answer.status_code == 201
