"""The control API's guards: what is refused before anything of a body is read."""

from collections.abc import AsyncIterator

import pytest

from ringback.control.guards import MAX_BODY_BYTES
from ringback.settings import Settings
from support.control import Controlled, ControlledAccount

pytest_plugins = ["support.simulation_fixtures", "support.control_fixtures"]
pytestmark = pytest.mark.anyio

TOKEN = "let-me-in"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Settings:
    """Return settings with a control token where a test is marked by its name."""
    token = TOKEN if "the_token" in request.node.name else None
    return Settings(database_url="sqlite://", control_token=token, host="ringback.example.org", snapshot_limit_mib=2)


class Body:
    """A body of one part after the other, of at least so many bytes; it knows what was taken of it."""

    PART = 65_536

    def __init__(self, size: int) -> None:
        self._size = size
        self.taken = 0

    async def parts(self) -> AsyncIterator[bytes]:
        while self.taken < self._size:
            part = b" " * self.PART
            self.taken += len(part)
            yield part


async def test_no_body_is_read_of_a_request_without_the_token_even_one_that_is_no_json(controlled: Controlled) -> None:
    for method, path in (("POST", "/accounts"), ("PUT", "/snapshot"), ("POST", "/reset"), ("POST", "/nowhere")):
        answer = await controlled.http.request(method, f"/_ringback{path}", content=b"{", headers=JSON)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    ("method", "path", "limit"), [("POST", "/accounts", MAX_BODY_BYTES), ("PUT", "/snapshot", 2 * MAX_BODY_BYTES)]
)
async def test_a_body_that_announces_too_much_is_refused(
    controlled: Controlled, method: str, path: str, limit: int
) -> None:
    headers = JSON | {"Content-Length": str(limit + 1)}

    answer = await controlled.http.request(method, f"/_ringback{path}", content=b"{}", headers=headers)

    assert answer.status_code == 413
    assert answer.json() == {"error": "the body is too large", "hint": f"send at most {limit} bytes"}


async def test_a_body_that_turns_out_to_be_too_large_is_refused(controlled: Controlled) -> None:
    body = Body(10 * MAX_BODY_BYTES)

    answer = await controlled.http.post("/_ringback/accounts", content=body.parts(), headers=JSON)

    assert answer.status_code == 413
    assert set(answer.json()) == {"error", "hint"}
    assert body.taken < MAX_BODY_BYTES + 2 * Body.PART


async def test_a_body_of_the_limit_is_read(controlled: Controlled) -> None:
    answer = await controlled.http.post(
        "/_ringback/accounts", content=b" " * (MAX_BODY_BYTES - 2) + b"{}", headers=JSON
    )

    assert answer.status_code == 201


async def test_a_snapshot_may_be_larger(controlled: Controlled) -> None:
    snapshot = (await controlled.http.get("/_ringback/snapshot")).content

    answer = await controlled.http.put("/_ringback/snapshot", content=b" " * MAX_BODY_BYTES + snapshot, headers=JSON)

    assert answer.status_code == 204


async def test_snapshot_that_could_not_be_restored_is_not_taken(controlled: Controlled) -> None:
    inbox = f"/_ringback/accounts/{Settings().account_sid}/inbox/any"
    headers = {"Host": "ringback.example.org"}
    for _ in range(20):
        assert (await controlled.http.post(inbox, data={"Body": "x" * 64_000}, headers=headers)).status_code == 204

    answer = await controlled.http.get("/_ringback/snapshot")

    assert answer.status_code == 409
    assert answer.json()["error"] == f"the snapshot would have more than {2 * MAX_BODY_BYTES} bytes"
    assert "snapshot_limit_mib" in answer.json()["hint"]


async def test_an_inbox_asks_not_for_the_token_and_cares_for_no_site(controlled: Controlled) -> None:
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
async def test_a_name_that_may_be_anybodys_is_refused(controlled: Controlled, host: str) -> None:
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
async def test_addresses_and_names_that_are_nobodys_are_served(controlled: Controlled, host: str) -> None:
    answer = await controlled.http.get("/_ringback/accounts", headers={"Host": host, "Origin": f"http://{host}"})

    assert answer.status_code == 200


async def test_with_the_token_any_name_is_served(controlled: Controlled) -> None:
    headers = {"Host": "evil.example", "Authorization": f"Bearer {TOKEN}"}

    answer = await controlled.http.get("/_ringback/accounts", headers=headers)

    assert answer.status_code == 200


async def test_description_and_docs_are_for_everybody(controlled: Controlled) -> None:
    for path in ("docs", "openapi.json"):
        answer = await controlled.http.get(f"/_ringback/{path}", headers={"Host": "docs.example.com"})
        assert answer.status_code == 200


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-origin", 200), ("none", 200)])
async def test_what_a_browser_asks_for_another_site_is_refused_without_an_origin_too(
    account: ControlledAccount, site: str, status: int
) -> None:
    answer = await account.http.get(f"/_ringback/accounts/{account.sid}", headers={"Sec-Fetch-Site": site})

    assert answer.status_code == status
