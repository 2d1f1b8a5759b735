"""TwilioApp, called without a socket: suffixes, authentication, errors, headers and the log."""

import base64
from collections.abc import AsyncIterator, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from ringback import app as app_module
from ringback import startup
from ringback.config.settings import Settings
from ringback.operations import caller_ids
from ringback.storage.database import Database, ProcessState
from ringback.storage.database_factory import open_database
from ringback.storage.errors import DatabaseUnavailable
from ringback.twilio_api import app as twilio_app
from ringback.twilio_api.request_context import CONSTANT_HEADERS
from support.clocks import FakeClock
from support.domain_values import ACCOUNT_SID, AUTH_TOKEN, NUMBER

pytestmark = pytest.mark.anyio

LIST = f"/2010-04-01/Accounts/{ACCOUNT_SID}/OutgoingCallerIds"
NOWHERE = f"{LIST}/PN{'0' * 32}"
Lines = list[MutableMapping[str, Any]]


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastAPI]:
    """Return the application with a database in memory. Its simulator runs only if a test starts it."""
    opened: list[Database] = []

    def opening(database_url: str, _listen_url: str | None, process_state: ProcessState) -> Database:
        opened.append(open_database(database_url, process_state=process_state))
        return opened[-1]

    monkeypatch.setattr(startup, "open_database", opening)
    seed = tmp_path / "seed.toml"
    seed.write_text(f'[[accounts]]\nsid = "{ACCOUNT_SID}"\ncaller_ids = [{{ phone_number = "{NUMBER}" }}]\n')
    yield app_module.create_app(Settings(database_url="sqlite://", seed=str(seed)), clock=FakeClock())
    for database in opened:
        database.close()


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test", auth=(ACCOUNT_SID, AUTH_TOKEN)) as client,
    ):
        yield client


@pytest.fixture
async def known(client: httpx.AsyncClient) -> str:
    """Return the path of an existing caller ID."""
    listed = await client.get(f"{LIST}.json")
    return f"{LIST}/{listed.json()['outgoing_caller_ids'][0]['sid']}"


async def test_responses_have_twilios_headers(client: httpx.AsyncClient) -> None:
    for answer in (await client.get(f"{LIST}.json"), await client.get(f"{NOWHERE}.json"), await client.options(LIST)):
        assert answer.headers["twilio-request-id"].startswith("RQ")
        assert float(answer.headers["twilio-request-duration"]) >= 0
        assert answer.headers["twilio-concurrent-requests"] == "1"
        assert {(name.decode(), value.decode()) for name, value in CONSTANT_HEADERS} <= set(answer.headers.items())
        assert "server" not in answer.headers


async def test_options_request_needs_no_credentials(client: httpx.AsyncClient) -> None:
    answer = await client.options(NOWHERE, headers={"Authorization": "nonsense"})

    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers


async def test_head_request_gets_the_headers_of_get_without_a_body(client: httpx.AsyncClient, known: str) -> None:
    got, headed = await client.get(f"{known}.json"), await client.head(f"{known}.json")

    assert (headed.status_code, headed.content) == (200, b"")
    assert headed.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize(
    ("suffix", "content_type"),
    [("", "application/xml"), (".xml", "application/xml"), (".json", "application/json"), (".csv", "text/csv")],
)
async def test_suffix_selects_the_representation(suffix: str, content_type: str, client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{LIST}{suffix}", headers={"Accept": "application/json"})

    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)


async def test_caller_id_is_fetched_renamed_and_deleted(client: httpx.AsyncClient, known: str) -> None:
    fetched = await client.get(f"{known}.json")
    posted = await client.post(f"{known}.json", data={"FriendlyName": "Home"})
    put = await client.put(f"{known}.json", data={"FriendlyName": "Work"})
    deleted = await client.delete(f"{known}.json")
    gone = [await client.request(method, f"{known}.json") for method in ("GET", "POST", "DELETE")]

    assert [answer.status_code for answer in (fetched, posted, put, deleted, *gone)] == [
        200,
        200,
        200,
        204,
        404,
        404,
        404,
    ]
    assert (posted.json()["friendly_name"], put.json()["friendly_name"]) == ("Home", "Work")
    assert deleted.content == b""
    assert gone[0].json()["message"] == f"The requested resource {known}.json was not found"


async def test_validation_request_is_created_or_rejected(client: httpx.AsyncClient) -> None:
    created = await client.post(f"{LIST}.json", data={"PhoneNumber": "+12125551234"})
    refused = await client.post(f"{LIST}.json", data={"PhoneNumber": NUMBER})

    assert (created.status_code, created.json()["phone_number"]) == (200, "+12125551234")
    assert (refused.status_code, refused.json()["code"]) == (400, 21450)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", f"{LIST}.json", "GET, HEAD, OPTIONS, POST"),
        ("PATCH", f"{LIST}.json", "GET, HEAD, OPTIONS, POST"),
        ("PATCH", f"{NOWHERE}.json", "DELETE, GET, HEAD, OPTIONS, POST, PUT"),
    ],
)
async def test_method_that_is_not_allowed_gets_an_allow_header(
    method: str, path: str, allow: str, client: httpx.AsyncClient
) -> None:
    answer = await client.request(method, path)

    assert (answer.status_code, answer.json()["code"], answer.headers["allow"]) == (405, 20004, allow)


@pytest.mark.parametrize(
    "path",
    [
        f"{LIST}.html",
        f"{LIST}/",
        f"{LIST}/x/y.json",
        "/2010-04-01/Accounts/",
        "/2010-04-01",
        "/nowhere.json",
        f"{LIST}s",
    ],
)
async def test_missing_resource_gets_a_404_in_the_requested_representation(
    path: str, client: httpx.AsyncClient
) -> None:
    answer = await client.get(path)

    expected = "application/json" if path.endswith(".json") else "application/xml"
    assert (answer.status_code, answer.headers["content-type"]) == (404, expected)
    assert f"The requested resource {path} was not found" in answer.text


async def test_unauthenticated_client_gets_401_for_every_path(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as stranger:
        answers = [await stranger.get(path) for path in (f"{LIST}.json", f"{NOWHERE}.json", f"{LIST}.html")]

    assert [answer.status_code for answer in answers] == [401] * 3
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Basic realm="Twilio API"'}


async def test_bug_in_a_handler_causes_a_twilio_500_and_is_logged(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller_ids, "to_e164", lambda *_: 1 / 0)

    with capture_logs() as lines:
        answer = await client.get(f"{LIST}.json", params={"PhoneNumber": NUMBER})

    assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (
        500,
        20500,
        "Internal Server Error",
    )
    assert [line["event"] for line in lines] == ["request failed", "request"]


async def test_request_is_logged_in_one_line_without_credentials(client: httpx.AsyncClient) -> None:
    with capture_logs() as lines:
        await client.get(f"{LIST}.json", params={"FriendlyName": "secret"})
        await client.get(f"{NOWHERE}.json")

    first, second = lines
    assert (first["method"], first["path"], first["status"], first["code"]) == ("GET", f"{LIST}.json", 200, None)
    assert first["operation"] == "list-outgoing-caller-ids"
    assert (second["status"], second["code"], second["operation"]) == (404, 20404, "fetch-outgoing-caller-id")
    assert "secret" not in repr(lines)
    assert AUTH_TOKEN not in repr(lines)


async def test_paths_outside_the_twilio_api_need_no_credentials(client: httpx.AsyncClient) -> None:
    answers = [await client.get(path, auth=("", "")) for path in ("/livez", "/readyz", "/_ringback/nowhere")]

    assert [answer.status_code for answer in answers] == [200, 200, 404]
    assert "twilio-request-id" not in answers[0].headers
    assert set(answers[2].json()) == {"error", "hint"}


async def test_server_whose_background_tasks_have_not_started_is_not_ready(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["reason"] == "the background tasks have not started"


async def test_client_that_disconnects_during_its_request_is_logged(app: FastAPI) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(_: MutableMapping[str, Any]) -> None:
        raise AssertionError("the client has disconnected")

    scope = {
        "type": "http",
        "method": "POST",
        "path": LIST,
        "raw_path": LIST.encode(),
        "query_string": b"",
        "headers": [(b"authorization", b"Basic " + base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()))],
    }

    with capture_logs() as lines:
        await app(scope, receive, send)

    assert [line["event"] for line in lines] == ["client disconnected", "request"]


async def test_database_failure_after_a_refusal_adds_a_hint_to_the_log_line_of_the_request(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DatabaseUnavailable("the file is gone")

    monkeypatch.setattr(twilio_app, "find_account", fail)

    with capture_logs() as lines:
        answer = await client.get(f"{LIST}.json", auth=(ACCOUNT_SID, "wrong"))

    assert answer.status_code == 401
    [request] = lines
    assert (request["event"], request["status"]) == ("request", 401)
    assert request["hint"] == "not in the request journal: the file is gone"
