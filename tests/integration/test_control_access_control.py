"""The access control of the control API: requests that are rejected before their body is read."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from ringback.config.settings import Settings
from ringback.control_api.access_control import MAX_BODY_BYTES
from ringback.domain.urls import TARGET_KEY
from support.databases.templates import SQLITE, only
from support.in_process.control import Controlled, ControlledAccount

pytestmark = [pytest.mark.anyio, only(SQLITE)]

TOKEN = "let-me-in"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def control_token() -> str | None:
    return None


@pytest.fixture
def settings(control_token: str | None) -> Settings:
    """Return settings with the control token of `with_token`."""
    return Settings(
        database_url="sqlite://", control_token=control_token, host="ringback.example.org", snapshot_limit_mib=2
    )


with_token = pytest.mark.parametrize("control_token", [TOKEN])
"""Marks tests whose server has a control token."""


class Body:
    """A streamed body of at least `size` bytes. `taken` counts the bytes that were read."""

    PART = 65_536

    def __init__(self, size: int) -> None:
        self._size = size
        self.taken = 0

    async def parts(self) -> AsyncIterator[bytes]:
        while self.taken < self._size:
            part = b" " * self.PART
            self.taken += len(part)
            yield part


@with_token
async def test_request_without_the_token_is_rejected_before_its_body_is_read(controlled: Controlled) -> None:
    for method, path in (("POST", "/accounts"), ("PUT", "/snapshot"), ("POST", "/reset"), ("POST", "/nowhere")):
        answer = await controlled.http.request(method, f"/_ringback{path}", content=b"{", headers=JSON)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    ("method", "path", "limit"), [("POST", "/accounts", MAX_BODY_BYTES), ("PUT", "/snapshot", 2 * MAX_BODY_BYTES)]
)
async def test_body_with_a_large_content_length_is_rejected(
    controlled: Controlled, method: str, path: str, limit: int
) -> None:
    headers = JSON | {"Content-Length": str(limit + 1)}

    answer = await controlled.http.request(method, f"/_ringback{path}", content=b"{}", headers=headers)

    assert answer.status_code == 413
    assert answer.json() == {"error": "the body is too large", "hint": f"send at most {limit} bytes"}


async def test_body_that_exceeds_the_limit_is_rejected(controlled: Controlled) -> None:
    body = Body(10 * MAX_BODY_BYTES)

    answer = await controlled.http.post("/_ringback/accounts", content=body.parts(), headers=JSON)

    assert answer.status_code == 413
    assert set(answer.json()) == {"error", "hint"}
    assert body.taken < MAX_BODY_BYTES + 2 * Body.PART


async def test_body_of_exactly_the_maximum_size_is_accepted(controlled: Controlled) -> None:
    answer = await controlled.http.post(
        "/_ringback/accounts", content=b" " * (MAX_BODY_BYTES - 2) + b"{}", headers=JSON
    )

    assert answer.status_code == 201


async def test_snapshot_body_has_a_larger_size_limit(controlled: Controlled) -> None:
    snapshot = (await controlled.http.get("/_ringback/snapshot")).content

    answer = await controlled.http.put("/_ringback/snapshot", content=b" " * MAX_BODY_BYTES + snapshot, headers=JSON)

    assert answer.status_code == 204


async def test_snapshot_that_would_be_too_large_to_restore_is_not_taken(controlled: Controlled) -> None:
    inbox = f"/_ringback/accounts/{Settings().account_sid}/inbox/any"
    headers = {"Host": "ringback.example.org"}
    for _ in range(20):
        assert (await controlled.http.post(inbox, data={"Body": "x" * 64_000}, headers=headers)).status_code == 204

    answer = await controlled.http.get("/_ringback/snapshot")

    assert answer.status_code == 409
    assert answer.json()["error"] == f"the snapshot would be larger than {2 * MAX_BODY_BYTES} bytes"
    assert "snapshot_limit_mib" in answer.json()["hint"]


@pytest.mark.parametrize(("excess_bytes", "expected"), [(0, (200, 204)), (1, (409, None))])
async def test_snapshot_of_exactly_the_maximum_size_is_taken_and_restored(
    controlled: Controlled, excess_bytes: int, expected: tuple[int, int | None]
) -> None:
    inbox = f"/_ringback/accounts/{Settings().account_sid}/inbox/any"
    headers = {"Host": "ringback.example.org", "Content-Type": "text/plain"}

    async def add_message(size: int) -> None:
        answer = await controlled.http.post(inbox, content=b"x" * size, headers=headers)
        assert answer.status_code == 204

    async def snapshot_size() -> int:
        return len((await controlled.http.get("/_ringback/snapshot")).content)

    for _ in range(33):
        await add_message(60_000)
    before = await snapshot_size()
    await add_message(60_000)
    after = await snapshot_size()
    message_bytes = after - before - 60_000
    await add_message(2 * MAX_BODY_BYTES - after - message_bytes + excess_bytes)

    answer = await controlled.http.get("/_ringback/snapshot")
    restored = None
    if answer.status_code == 200:
        assert len(answer.content) == 2 * MAX_BODY_BYTES
        restored = (await controlled.http.put("/_ringback/snapshot", content=answer.content, headers=JSON)).status_code

    assert (answer.status_code, restored) == expected


@with_token
async def test_inbox_requires_no_token_and_accepts_every_origin(controlled: Controlled) -> None:
    sid = Settings().account_sid
    headers = {"Host": "tunnel.example.com", "Origin": "https://elsewhere.example.com"}

    answers = {
        path: (await controlled.http.post(f"/_ringback/accounts/{sid}/inbox/{path}", headers=headers)).status_code
        for path in ("x", "x/messages")
    }

    assert answers == {"x": 204, "x/messages": 403}


@pytest.mark.parametrize(
    "host", ["evil.example:8010", "evil.example", "127.0.0.1.evil.example", "evil.example.", "a.b"]
)
async def test_unknown_host_name_is_rejected(controlled: Controlled, host: str) -> None:
    for headers in ({"Host": host}, {"Host": host, "Origin": f"http://{host}"}):
        for method, path in (("GET", "/accounts"), ("POST", "/reset"), ("GET", "/snapshot")):
            answer = await controlled.http.request(method, f"/_ringback{path}", headers=headers)
            assert answer.status_code == 403
            assert "control_token" in answer.json()["hint"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8010",
        "10.1.2.3",
        "[::1]:8010",
        "[fd00::1]",
        "localhost:8010",
        "LOCALHOST",
        "app.localhost:8010",
        "ringback:8010",
        "host.docker.internal:8010",
        "ringback.local",
        "ringback.default.svc.cluster.local",
        "ringback.test",
        "ringback.example.org:8010",
        "RINGBACK.example.org.",
        "",
    ],
)
async def test_addresses_and_local_host_names_are_accepted(controlled: Controlled, host: str) -> None:
    answer = await controlled.http.get("/_ringback/accounts", headers={"Host": host, "Origin": f"http://{host}"})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"http://oauth.twilio.com/_ringback/accounts", 403),
        (b"http://localhost@evil.example:8010/_ringback/accounts", 403),
        (b"http://localhost:8010/_ringback/accounts", 200),
        (b"/_ringback/accounts", 200),
    ],
)
async def test_unknown_host_name_in_an_absolute_url_is_rejected(
    controlled: Controlled, target: bytes, status: int
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await controlled.app({**scope, TARGET_KEY: target}, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8010") as http:
        assert (await http.get("/_ringback/accounts")).status_code == status


@with_token
async def test_host_name_is_not_checked_with_the_token(controlled: Controlled) -> None:
    headers = {"Host": "evil.example", "Authorization": f"Bearer {TOKEN}"}

    answer = await controlled.http.get("/_ringback/accounts", headers=headers)

    assert answer.status_code == 200


async def test_openapi_and_docs_are_public(controlled: Controlled) -> None:
    for path in ("docs", "openapi.json"):
        answer = await controlled.http.get(f"/_ringback/{path}", headers={"Host": "docs.example.com"})
        assert answer.status_code == 200


CALLBACK_HEADERS = [
    {"X-Twilio-Signature": "0/KCTR6DLpKmkAf8muzZqo1nDgQ="},
    {"I-Twilio-Idempotency-Token": "4b1f4f4e-8f5c-4a37-9a4e-6a4d4f0f2f0d"},
    {"x-twilio-signature": ""},
]


@pytest.mark.parametrize("headers", CALLBACK_HEADERS)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/reset"), ("GET", "/snapshot"), ("GET", "/accounts"), ("POST", "/accounts"), ("GET", "/docs")],
)
async def test_callback_to_the_control_api_is_rejected_with_a_hint(
    controlled: Controlled, account: ControlledAccount, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = await controlled.http.request(method, f"/_ringback{path}", headers=headers)

    assert answer.status_code == 403
    assert answer.json() == {
        "error": "a StatusCallback cannot use the control API",
        "hint": "send StatusCallbacks to your application, or to an inbox: /_ringback/accounts/{AC…}/inbox/{name}",
    }
    assert (await account.control("GET")).status_code == 200


@with_token
@pytest.mark.parametrize("headers", CALLBACK_HEADERS)
async def test_callback_to_the_control_api_is_rejected_even_with_the_token(
    controlled: Controlled, headers: dict[str, str]
) -> None:
    authorized = {"Authorization": f"Bearer {TOKEN}", **headers}

    answer = await controlled.http.post("/_ringback/reset", headers=authorized)

    assert answer.status_code == 403


@pytest.mark.parametrize("headers", CALLBACK_HEADERS)
async def test_callback_to_an_inbox_is_accepted_and_reading_the_inbox_is_rejected(
    account: ControlledAccount, headers: dict[str, str]
) -> None:
    inbox = f"/_ringback/accounts/{account.sid}/inbox/x"

    taken = [(await account.http.request(method, inbox, headers=headers)).status_code for method in ("POST", "GET")]
    refused = [
        (await account.http.request(method, f"{inbox}/messages", headers=headers)).status_code
        for method in ("GET", "DELETE")
    ]

    assert (taken, refused) == ([204, 204], [403, 403])
    assert len((await account.control("GET", "/inbox/x/messages")).json()["messages"]) == 2


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TEXT = {"Content-Type": "text/plain"}
CROSS_ORIGIN_HEADERS = {
    "another site": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "another site, by an old browser": {"Origin": "https://evil.example"},
    "a page on another port": {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
    "a page on another port, by an old browser": {"Origin": "http://localhost:3000"},
    "a subresource on another port": {"Sec-Fetch-Site": "same-site"},
    "a sandboxed page": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    "a sandboxed page, by an old browser": {"Origin": "null"},
    "a subdomain": {"Origin": "http://evil.localhost:8010"},
    "a name that begins the same": {"Origin": "http://localhost:8010.evil.example"},
    "one of two origins": [("Origin", "http://localhost:8010"), ("Origin", "https://evil.example")],
}


@pytest.mark.parametrize("page", list(CROSS_ORIGIN_HEADERS))
@pytest.mark.parametrize("kind", [FORM, TEXT, JSON, {}], ids=["form", "text", "json", "empty"])
async def test_simple_post_from_another_origin_is_rejected(
    controlled: Controlled, account: ControlledAccount, page: str, kind: dict[str, str]
) -> None:
    origin = CROSS_ORIGIN_HEADERS[page]
    headers = [*(origin.items() if isinstance(origin, dict) else origin), *kind.items(), ("Host", "localhost:8010")]

    answer = await controlled.http.post("/_ringback/reset", headers=headers, content=b"a=1" if kind else b"")

    assert answer.status_code == 403
    assert set(answer.json()) == {"error", "hint"}
    assert "access-control-allow-origin" not in answer.headers
    assert (await account.control("GET")).status_code == 200


@pytest.mark.parametrize("host", ["", None])
async def test_opaque_origin_is_rejected_with_and_without_a_host(controlled: Controlled, host: str | None) -> None:
    headers = {"Origin": "null"} if host is None else {"Origin": "null", "Host": host}

    answer = await controlled.http.post("/_ringback/reset", headers=headers)

    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/reset", "/snapshot", "/accounts", "/docs", "/openapi.json"])
async def test_preflight_request_from_another_origin_is_not_allowed(controlled: Controlled, path: str) -> None:
    headers = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
        "Host": "localhost:8010",
    }

    answer = await controlled.http.options(f"/_ringback{path}", headers=headers)

    assert answer.status_code in {403, 405}
    assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_page_with_a_rebound_dns_name_is_rejected(controlled: Controlled, account: ControlledAccount) -> None:
    headers = {"Host": "evil.example:8010", "Origin": "http://evil.example:8010", "Sec-Fetch-Site": "same-origin"}

    answer = await controlled.http.post("/_ringback/reset", headers=headers)

    assert answer.status_code == 403
    assert "control_token" in answer.json()["hint"]
    assert (await account.control("GET")).status_code == 200


async def test_responses_have_no_cors_headers(account: ControlledAccount) -> None:
    answers = [await account.control("GET", path) for path in ("", "/calls", "/clock", "/nowhere")]
    answers.append(await account.control("GET", "/events", wait_seconds=0))

    permissions = [name for answer in answers for name in answer.headers if name.startswith("access-control-")]
    assert permissions == []


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
)
async def test_cross_site_request_without_an_origin_is_rejected(
    account: ControlledAccount, site: str, status: int
) -> None:
    answer = await account.http.get(f"/_ringback/accounts/{account.sid}", headers={"Sec-Fetch-Site": site})

    assert answer.status_code == status


@with_token
@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, "no control token"),
        ("Basic guess", "no control token"),
        ("Bearer guess", "wrong control token"),
    ],
)
async def test_rejection_for_a_missing_or_wrong_token_is_logged_with_its_reason(
    controlled: Controlled, authorization: str | None, reason: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}

    with capture_logs() as lines:
        answer = await controlled.http.get("/_ringback/accounts?secret=x", headers=headers)

    [line] = lines
    assert (answer.status_code, line["event"], line["status"]) == (401, "control request refused", 401)
    assert (line["log_level"], line["method"], line["path"], line["reason"]) == ("warning", "GET", "/accounts", reason)
    assert "guess" not in repr(line)


async def test_rejection_of_a_callback_is_logged_with_its_reason(controlled: Controlled) -> None:
    with capture_logs() as lines:
        answer = await controlled.http.post(
            f"/_ringback/reset/%1B[31m{'x' * 2_000}", headers={"X-Twilio-Signature": "x"}
        )

    [line] = lines
    assert (answer.status_code, line["status"], line["reason"]) == (403, 403, answer.json()["error"])
    assert line["path"].startswith("/reset/%1B[31mxxx")
    assert len(line["path"]) == 1_000
