"""The control API: what is written and read beside the event loop, and in parts."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from ringback.control import accounts, snapshot
from ringback.operations import snapshot as operations
from support.control import Controlled

pytest_plugins = ["support.simulation_fixtures", "support.control_fixtures"]
pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> dict[str, threading.Thread]:
    """Return the threads in which documents were written and read."""
    seen: dict[str, threading.Thread] = {}

    def noted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def note(*given: Any) -> Any:
            seen[name] = threading.current_thread()
            return function(*given)

        return note

    monkeypatch.setattr(snapshot, "snapshot_of", noted("written", operations.snapshot_of))
    monkeypatch.setattr(snapshot, "state_of", noted("read", operations.state_of))
    monkeypatch.setattr(accounts, "_list_of", noted("listed", accounts._list_of))  # noqa: SLF001
    return seen


async def test_documents_of_everything_are_written_and_read_beside_the_event_loop(
    controlled: Controlled, threads: dict[str, threading.Thread]
) -> None:
    await controlled.ask("GET", "/accounts")
    taken = await controlled.ask("GET", "/snapshot")
    await controlled.ask("PUT", "/snapshot", taken.json())

    assert threads.keys() == {"written", "read", "listed"}
    assert threading.current_thread() not in threads.values()


async def test_a_listed_account_is_shown_as_it_is_alone(controlled: Controlled) -> None:
    account = await controlled.account(friendly_name="Shop \u00e9", owner_email="owner@app.test")
    child = await controlled.account(parent_sid=account.sid)

    listed = (await controlled.ask("GET", "/accounts")).json()["accounts"]

    shown = {one["sid"]: one for one in listed}
    for one in (account, child):
        assert shown[one.sid] == (await one.control("GET")).json()


@pytest.mark.parametrize("rows_at_once", [1, 2, 3, 1_000])
async def test_a_snapshot_is_the_same_in_however_many_parts_it_is_written(
    controlled: Controlled, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    for _ in range(3):
        await controlled.account()
    whole = (await controlled.http.get("/_ringback/snapshot")).content

    monkeypatch.setattr(operations, "ROWS_AT_ONCE", rows_at_once)

    assert (await controlled.http.get("/_ringback/snapshot")).content == whole
    answer = await controlled.http.put("/_ringback/snapshot", content=whole, headers=JSON)
    assert answer.status_code == 204


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 200_000, 400),
        (b"[]", 422),
        (b'{"version": "\\ud800"}', 422),
        (b'{"version": NaN}', 422),
        (b'{"version": 1, "digest": 1, "tables": {}}', 422),
    ],
)
async def test_what_is_no_snapshot_at_all_is_refused(controlled: Controlled, body: bytes, status: int) -> None:
    answer = await controlled.http.put("/_ringback/snapshot", content=body, headers=JSON)

    assert answer.status_code == status
    assert set(answer.json()) == {"error", "hint"}


@pytest.mark.parametrize("tables", [[], {"accounts": {}}, {"accounts": [5]}, {"accounts": [{"sid": True}]}])
async def test_tables_that_are_none_are_refused(controlled: Controlled, tables: Any) -> None:
    taken = (await controlled.ask("GET", "/snapshot")).json()

    answer = await controlled.ask("PUT", "/snapshot", {**taken, "tables": tables})

    assert answer.status_code == 422
    assert "tables" in answer.json()["error"]
