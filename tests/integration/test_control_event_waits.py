"""The control API: waits for events end when the account is deleted, and read each event only once."""

import asyncio
from typing import Any

import httpx
import pytest

from ringback.domain.events import Event
from ringback.storage.event_repository import EventRepository
from support.in_process.control import Controlled, ControlledAccount
from support.polling import until
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


async def _start_event_wait(
    controlled: Controlled, account: ControlledAccount, path: str = "/events"
) -> asyncio.Task[httpx.Response]:
    """Start a request for events, wait until the server is waiting for an event, and return the request's task."""
    query = {"wait_seconds": 300} if path == "/events" else {}
    task = asyncio.create_task(account.control("GET", path, type="callback.failed", **query))
    notifications = controlled.app.state.end_waits.__self__
    await until(lambda: account.sid in notifications._subscribers)  # noqa: SLF001
    return task


async def test_event_wait_ends_when_its_account_is_deleted(controlled: Controlled, account: ControlledAccount) -> None:
    await account.validate()
    wait = await _start_event_wait(controlled, account)

    await account.control("DELETE")

    answer = await asyncio.wait_for(wait, PATIENCE_SECONDS)
    assert answer.status_code == 404
    assert answer.json()["error"] == f"account {account.sid} does not exist"


async def test_event_wait_ends_when_the_parent_account_is_deleted(
    controlled: Controlled, account: ControlledAccount
) -> None:
    wait = await _start_event_wait(controlled, await controlled.account(parent_sid=account.sid))

    await account.control("DELETE")

    assert (await asyncio.wait_for(wait, PATIENCE_SECONDS)).status_code == 404


async def test_event_stream_ends_when_its_account_is_deleted(
    controlled: Controlled, account: ControlledAccount
) -> None:
    await account.validate()
    stream = await _start_event_wait(controlled, account, "/events/stream")

    await account.control("DELETE")

    answer = await asyncio.wait_for(stream, PATIENCE_SECONDS)
    assert (answer.status_code, answer.text) == (200, "")


async def test_event_wait_ends_with_a_global_reset(controlled: Controlled, account: ControlledAccount) -> None:
    wait = await _start_event_wait(controlled, account)

    await controlled.ask("POST", "/reset")

    assert (await asyncio.wait_for(wait, PATIENCE_SECONDS)).status_code == 404


async def test_event_wait_continues_when_its_account_is_reset(account: ControlledAccount) -> None:
    wait = asyncio.create_task(account.events(type="call.queued", after=1_000, wait_seconds=0.3))
    await account.validate()

    await account.control("POST", "/reset")

    assert await wait == []


async def test_event_wait_does_not_read_the_same_events_twice(
    controlled: Controlled, account: ControlledAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_after: list[int] = []
    find = EventRepository.find

    def noted(*given: Any, after_id: int, **filters: Any) -> list[Event]:
        looked_after.append(after_id)
        return find(*given, after_id=after_id, **filters)

    for number in range(3):
        await account.control("POST", "/caller-ids", {"phone_number": f"+1415867530{number}"})
    ids = [event["id"] for event in await account.events()]
    monkeypatch.setattr(EventRepository, "find", noted)
    wait = await _start_event_wait(controlled, account)

    for number in range(3, 6):
        await account.control("POST", "/caller-ids", {"phone_number": f"+1415867530{number}"})
        await until(lambda seen=number - 1: len(looked_after) == seen)  # type: ignore[misc]

    assert looked_after == [0, ids[-1], ids[-1] + 1, ids[-1] + 2]
    await account.control("DELETE")
    await asyncio.wait_for(wait, PATIENCE_SECONDS)


async def test_event_wait_finds_events_that_a_snapshot_restores(
    controlled: Controlled, account: ControlledAccount
) -> None:
    await account.validate()
    await account.control("POST", "/caller-ids", {"phone_number": "+14158675301"})
    snapshot = (await controlled.ask("GET", "/snapshot")).json()
    await account.control("POST", "/reset")
    wait = asyncio.create_task(account.events(type="call.queued", wait_seconds=300))
    notifications = controlled.app.state.end_waits.__self__
    await until(lambda: account.sid in notifications._subscribers)  # noqa: SLF001
    await account.control("POST", "/caller-ids", {"phone_number": "+14158675302"})

    await controlled.ask("PUT", "/snapshot", snapshot)

    assert [event["type"] for event in await asyncio.wait_for(wait, PATIENCE_SECONDS)] == ["call.queued"]
