"""The control API: invalid values, such as large numbers, invalid characters and text in place of numbers."""

import json
from typing import Any

import httpx
import pytest

from ringback.config.settings import Settings
from ringback.storage.tables import HEAD
from support.in_process.control import Controlled, ControlledAccount

pytestmark = pytest.mark.anyio

TOO_LARGE = 2**64
LONE_SURROGATE = "\ud800"


async def _send(http: httpx.AsyncClient, method: str, path: str, body: Any) -> httpx.Response:
    """Send a JSON body in which all characters outside ASCII, such as lone surrogates, are escaped."""
    headers = {"Content-Type": "application/json"}
    return await http.request(method, f"/_ringback{path}", content=json.dumps(body), headers=headers)


@pytest.mark.parametrize(
    "odd",
    [
        {"tables": {"accounts": [{"sid": TOO_LARGE}]}},
        {"tables": {"accounts": [{"sid": -TOO_LARGE}]}},
        {"tables": {"accounts": [{"sid": 1e300}]}},
        {"tables": {"accounts": [{"sid": float("nan")}]}},
        {"tables": {"accounts": [{"sid": LONE_SURROGATE}]}},
        {"tables": {LONE_SURROGATE: []}},
        {"version": LONE_SURROGATE},
        {"digest": LONE_SURROGATE},
    ],
)
async def test_forged_snapshot_is_rejected(controlled: Controlled, odd: dict[str, Any]) -> None:
    snapshot = {"version": HEAD, "digest": "0" * 64, "tables": {}} | odd

    answer = await _send(controlled.http, "PUT", "/snapshot", snapshot)

    assert answer.status_code == 422
    assert answer.json()["error"].startswith("the snapshot cannot be restored")


@pytest.mark.parametrize("end", ["%0A", "%0D%0A"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/reset"),
        ("POST", "//reset"),
        ("GET", "//accounts"),
        ("POST", "/accounts"),
        ("GET", "/accounts"),
        ("GET", "/snapshot"),
        ("GET", "/refused"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("POST", "/inbox/name"),
        ("DELETE", "/accounts/{sid}"),
        ("POST", "/accounts/{sid}/reset"),
    ],
)
async def test_path_with_a_trailing_line_feed_is_not_found(
    account: ControlledAccount, method: str, path: str, end: str
) -> None:
    answer = await account.http.request(method, f"/_ringback{path.format(sid=account.sid)}{end}")

    assert answer.status_code == 404
    assert (await account.control("GET", "")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/phones/+14158675309", {"behavior": "enter-code", "extension": "12\n"}),
        ("PUT", "/phones/+14158675309", {"behavior": "enter-code", "extension": "\u0661"}),
    ],
)
async def test_digits_with_a_trailing_line_feed_are_refused(
    account: ControlledAccount, method: str, path: str, body: Any
) -> None:
    answer = await account.control(method, path, body)

    assert answer.status_code == 422
    assert "extension" in answer.json()["error"]


@pytest.mark.parametrize("seconds", ["1", "", True, False, TOO_LARGE, 1e300, float("nan"), float("inf"), -0.1, None])
async def test_seconds_outside_the_limits_are_rejected(account: ControlledAccount, seconds: Any) -> None:
    path = f"/accounts/{account.sid}/clock/advance"

    answer = await _send(account.http, "POST", path, {"seconds": seconds})

    assert answer.status_code == 422
    assert answer.json()["error"].startswith("seconds: ")


@pytest.mark.parametrize(
    "now",
    [
        0,
        "1700000000",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+14:00",
        "9000-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
    ],
)
async def test_invalid_time_is_rejected(account: ControlledAccount, now: Any) -> None:
    answer = await account.control("PUT", "/clock", {"mode": "frozen", "now": now})

    assert answer.status_code == 422
    assert answer.json()["error"].startswith("now: ")


@pytest.mark.parametrize(
    ("part", "value"),
    [("status", "429"), ("status", True), ("delay_seconds", "1"), ("delay_seconds", False), ("drop", 1), ("drop", 1.0)],
)
async def test_text_and_booleans_are_not_accepted_as_numbers(account: ControlledAccount, part: str, value: Any) -> None:
    answer = await account.control("POST", "/faults", {"operation": "*", "effect": {part: value}})

    assert answer.status_code == 422
    assert answer.json()["error"].startswith(f"effect.{part}: ")


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"seconds": ' + b"9" * 5_000 + b"}", b'{"seconds": "\xff"}'])
async def test_body_that_cannot_be_parsed_as_json_is_rejected(account: ControlledAccount, body: bytes) -> None:
    path = f"/_ringback/accounts/{account.sid}/clock/advance"

    answer = await account.http.post(path, content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400
    assert answer.json() == {"error": "the body is not valid JSON", "hint": "send a JSON object, or no body"}


async def _described(controlled: Controlled) -> dict[str, list[str]]:
    document = (await controlled.http.get("/_ringback/openapi.json")).json()
    return {
        f"{method.upper()} {path}": sorted(operation["responses"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }


async def test_openapi_lists_exactly_the_errors_of_each_operation(controlled: Controlled) -> None:
    described = await _described(controlled)

    assert described["GET /accounts"] == ["200", "403"]
    assert described["POST /accounts"] == ["201", "400", "403", "413", "422"]
    assert described["GET /accounts/{account_sid}"] == ["200", "403", "404"]
    assert described["POST /accounts/{account_sid}/calls/{call_sid}/answer"] == ["200", "403", "404", "409"]
    assert described["POST /accounts/{account_sid}/inbox/{name}"] == ["204", "404", "413", "422"]


class TestWithToken:
    """A server that requires a token."""

    @pytest.fixture
    def settings(self) -> Settings:
        """Return settings with a control token."""
        return Settings(database_url="sqlite://", control_token="sesame")

    async def test_openapi_lists_401_for_all_operations_except_the_inbox(self, controlled: Controlled) -> None:
        described = await _described(controlled)

        without = [operation for operation, statuses in described.items() if "401" not in statuses]
        assert without == [f"{method} /accounts/{{account_sid}}/inbox/{{name}}" for method in ("POST", "GET")]
