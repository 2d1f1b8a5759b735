"""The privileges of ringback's role: the documented privileges suffice, and errors name missing ones."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import httpx
import pytest
from sqlalchemy.engine import URL

from ringback.app import create_app
from ringback.config.settings import Settings
from ringback.storage.database_factory import open_database
from ringback.storage.schema import migrate
from support.databases.postgresql import administration, new_database, postgresql_server
from support.databases.roles import DOCUMENTED_GRANTS, role_with
from support.polling import until
from support.receivers.receiver import CallbackReceiver
from support.servers.command import Command
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, caller_ids_path

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

LIST = f"{caller_ids_path()}.json"
ACCOUNT = f"/_ringback/accounts/{ACCOUNT_SID}"
NUMBER, ANOTHER_NUMBER = "+14158675309", "+14158675310"
TOO_FEW = DOCUMENTED_GRANTS.replace("USAGE, UPDATE ON ALL SEQUENCES", "USAGE ON ALL SEQUENCES")


@pytest.fixture
def anyio_backend() -> str:
    """Run coroutine tests on asyncio."""
    return "asyncio"


@pytest.fixture
def url() -> Iterator[URL]:
    with new_database(postgresql_server()) as made:
        yield made


@pytest.fixture
def migrated_url(url: URL) -> URL:
    with closing(open_database(text(url))) as database:
        migrate(database)
    return url


def text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@pytest.fixture
async def http(migrated_url: URL) -> AsyncIterator[httpx.AsyncClient]:
    """Run ringback with a role that has exactly the documented privileges."""
    with role_with(DOCUMENTED_GRANTS, migrated_url) as url:
        app = create_app(Settings(database_url=text(url), ring_seconds=0, key_seconds=0))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        auth = (ACCOUNT_SID, AUTH_TOKEN)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://ringback.test", auth=auth, timeout=50) as client,
        ):
            yield client


async def succeed(http: httpx.AsyncClient, method: str, path: str, **options: object) -> httpx.Response:
    answer = await http.request(method, path, **options)  # type: ignore[arg-type]
    assert answer.is_success, (method, path, answer.status_code, answer.text)
    return answer


async def verify(http: httpx.AsyncClient, number: str, receiver: CallbackReceiver) -> str:
    """Verify a number, wait for its StatusCallback, and return the caller ID's SID."""
    before = len(receiver.received)
    await succeed(http, "POST", LIST, data={"PhoneNumber": number, "StatusCallback": receiver.url})
    await until(lambda: len(receiver.received) > before)
    listed = await succeed(http, "GET", LIST, params={"PhoneNumber": number})
    [caller_id] = listed.json()["outgoing_caller_ids"]
    return str(caller_id["sid"])


async def test_documented_privileges_suffice_for_every_operation(
    http: httpx.AsyncClient, receiver: CallbackReceiver
) -> None:
    sid = await verify(http, NUMBER, receiver)
    await succeed(http, "POST", f"{caller_ids_path()}/{sid}.json", data={"FriendlyName": "another"})
    await succeed(http, "GET", f"{caller_ids_path().rpartition('/')[0]}/Calls.json")
    for path in ("calls", "events", "requests", "phones", "faults", "clock", "policy", "caller-ids", "inboxes"):
        await succeed(http, "GET", f"{ACCOUNT}/{path}")
    await succeed(http, "PUT", f"{ACCOUNT}/phones/{ANOTHER_NUMBER}", json={"behavior": "busy"})
    await succeed(http, "PUT", f"{ACCOUNT}/policy", json={"code_attempts": 2})
    await succeed(http, "POST", f"{ACCOUNT}/keys", json={})
    await succeed(http, "POST", f"{ACCOUNT}/inbox/mine", data={"a": "b"})
    fault = {"operation": "list-outgoing-caller-ids", "effect": {"status": 503}, "times": 1}
    await succeed(http, "POST", f"{ACCOUNT}/faults", json=fault)
    assert (await http.get(LIST)).status_code == 503
    await succeed(http, "PUT", f"{ACCOUNT}/clock", json={"mode": "frozen"})
    await succeed(http, "POST", LIST, data={"PhoneNumber": ANOTHER_NUMBER})
    await succeed(http, "POST", f"{ACCOUNT}/clock/advance", json={"seconds": 120})
    snapshot = (await succeed(http, "GET", "/_ringback/snapshot")).content
    made = (await succeed(http, "POST", "/_ringback/accounts", json={})).json()
    await succeed(http, "DELETE", f"/_ringback/accounts/{made['sid']}")
    await succeed(http, "POST", f"{ACCOUNT}/reset")
    await succeed(http, "PUT", "/_ringback/snapshot", content=snapshot, headers={"Content-Type": "application/json"})
    assert (await http.get(f"{caller_ids_path()}/{sid}.json")).is_success
    await succeed(http, "DELETE", f"{caller_ids_path()}/{sid}.json")
    await succeed(http, "POST", "/_ringback/reset")
    await asyncio.gather(*(succeed(http, "GET", path) for path in ("/readyz", "/metrics")))
    await verify(http, NUMBER, receiver)


@pytest.mark.parametrize(
    "arguments", [("migrate",), ("serve", "--port", "0"), ("serve", "--port", "0", "--workers", "2")]
)
@pytest.mark.parametrize(
    ("grants", "missing"),
    [
        (TOO_FEW, "UPDATE on events_id_seq"),
        (DOCUMENTED_GRANTS.replace("INSERT, ", ""), "INSERT on accounts"),
        (DOCUMENTED_GRANTS.replace("SELECT, ", ""), "permission denied for table alembic_version"),
    ],
)
def test_missing_privileges_are_named_at_startup(
    migrated_url: URL, command: Command, arguments: tuple[str, ...], grants: str, missing: str
) -> None:
    with role_with(grants, migrated_url) as url:
        refused = command(*arguments, "--database-url", text(url))

    assert refused.status == 1
    [line] = refused.complaints
    assert missing in line


def test_role_that_cannot_create_tables_is_reported_by_migrate(url: URL, command: Command) -> None:
    with administration(url) as connection:
        connection.execute("REVOKE CREATE ON SCHEMA public FROM public")

    with role_with("GRANT USAGE ON SCHEMA public TO ringback", url) as as_role:
        refused = command("migrate", "--database-url", text(as_role))

    assert refused.status == 1
    [line] = refused.complaints
    assert f"GRANT CREATE ON SCHEMA public TO {as_role.username}" in line
    with closing(open_database(text(url))) as database:
        migrate(database)


def test_search_path_without_a_schema_is_reported_by_migrate(url: URL, command: Command) -> None:
    joined = f"{text(url)}{'&' if url.query else '?'}options=-csearch_path%3Dmissing"

    refused = command("migrate", "--database-url", joined)

    assert refused.status == 1
    [line] = refused.complaints
    assert "no schema in the search path" in line
