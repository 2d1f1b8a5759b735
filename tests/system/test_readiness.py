"""Health checks, and other pages outside the Twilio API."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from ringback.app import create_app
from ringback.config.settings import Settings
from support.servers.server import ServerProcess
from support.waiting import PATIENCE_SECONDS


def get(server: ServerProcess, path: str) -> httpx.Response:
    return httpx.get(f"{server.base_url}{path}", trust_env=False, timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize(("path", "status"), [("/livez", "live"), ("/readyz", "ready")])
def test_health_checks_of_a_running_server_need_no_credentials(
    quick_server: ServerProcess, path: str, status: str
) -> None:
    answer = get(quick_server, path)

    assert (answer.status_code, answer.json()) == (200, {"status": status})


def test_health_check_accepts_head_requests(quick_server: ServerProcess) -> None:
    answer = httpx.head(f"{quick_server.base_url}/readyz", trust_env=False, timeout=PATIENCE_SECONDS)

    assert (answer.status_code, answer.content) == (200, b"")


async def responses_before_and_after_startup(settings: Settings) -> list[httpx.Response]:
    """Return the responses of ``/livez`` and ``/readyz`` before the simulator starts, and of ``/readyz`` afterwards."""
    app = create_app(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ringback.test") as client:
        before = [await client.get("/livez"), await client.get("/readyz")]
        async with app.router.lifespan_context(app):
            await asyncio.sleep(0)
            return [*before, await client.get("/readyz")]


def test_server_without_background_tasks_is_live_but_not_ready_with_the_reason() -> None:
    settings = Settings(database_url="sqlite://")

    live, ready, later = asyncio.run(responses_before_and_after_startup(settings))

    assert live.status_code == 200
    assert ready.status_code == 503
    assert ready.json() == {"status": "not ready", "reason": "the background tasks have not started"}
    assert later.status_code == 200


def test_server_with_another_schema_is_not_ready_with_the_reason(tmp_path: Path) -> None:
    with ServerProcess(database_url=f"sqlite:///{tmp_path}/moved.db") as server:
        before = get(server, "/readyz")
        with closing(sqlite3.connect(tmp_path / "moved.db")) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '29990101_far_future'")
            connection.commit()
        after = get(server, "/readyz")
        live = get(server, "/livez")

    assert before.status_code == 200
    assert after.status_code == 503
    assert "schema" in after.json()["reason"]
    assert live.status_code == 200


def test_start_page_links_to_other_pages(quick_server: ServerProcess) -> None:
    page = get(quick_server, "/")

    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert 'href="/docs"' in page.text
    assert "independent of Twilio Inc." in page.text


@pytest.mark.parametrize("path", ["/", "/phone/app.js", "/phone/page.css", "/docs"])
def test_html_pages_load_nothing_from_other_hosts(quick_server: ServerProcess, path: str) -> None:
    page = get(quick_server, path)

    assert page.status_code == 200
    for attribute in ('src="http', 'src="//', "import(", "url(http"):
        assert attribute not in page.text
    assert "cdn" not in page.text.lower()


def test_openapi_lists_the_operations_of_the_twilio_api(quick_server: ServerProcess) -> None:
    document: dict[str, Any] = get(quick_server, "/openapi.json").json()

    operations = {
        (path, method) for path, methods in document["paths"].items() for method in methods if "Accounts" in path
    }
    listed = "/2010-04-01/Accounts/{AccountSid}/OutgoingCallerIds"
    assert {(listed, "get"), (listed, "post")} <= operations
    assert {method for path, method in operations if path.startswith(f"{listed}/")} >= {"get", "post", "put", "delete"}
    account = "/2010-04-01/Accounts/{AccountSid}"
    assert {(account, "get"), (f"{account}/Calls", "get"), (f"{account}/Calls/{{Sid}}", "get")} <= operations
    assert len({entry["operationId"] for methods in document["paths"].values() for entry in methods.values()}) == sum(
        len(methods) for methods in document["paths"].values()
    )


def test_openapi_names_the_operations_that_a_policy_limits(quick_server: ServerProcess) -> None:
    paths: dict[str, dict[str, Any]] = get(quick_server, "/openapi.json").json()["paths"]

    limited = {(path, method) for path in paths for method, said in paths[path].items() if "429" in said["responses"]}

    assert limited == {("/2010-04-01/Accounts/{AccountSid}/OutgoingCallerIds", "post")}


@pytest.mark.parametrize("path", ["/nothing", "/_ringback/nothing"])
def test_unknown_paths_outside_the_twilio_api_are_not_found(quick_server: ServerProcess, path: str) -> None:
    answer = get(quick_server, path)

    assert answer.status_code == 404
