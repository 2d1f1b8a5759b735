"""The control API: events, and waits for them."""

import asyncio
from typing import Any

import pytest

from support.domain_values import NUMBER
from support.in_process.control import Controlled, ControlledAccount
from support.polling import until
from support.receivers.receiver import CallbackReceiver
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


def waiting(account: ControlledAccount, **query: Any) -> asyncio.Task[list[dict[str, Any]]]:
    return asyncio.create_task(account.events(**{"wait_seconds": 300, **query}))


async def test_events_of_a_call_are_in_order(account: ControlledAccount) -> None:
    with CallbackReceiver() as receiver:
        answer = await account.validate(StatusCallback=receiver.url, FriendlyName="Front desk")
        await account.advance(60)

    events = await account.events()
    sid, code = answer["call_sid"], answer["validation_code"]
    listed = (await account.twilio("GET", "/OutgoingCallerIds.json")).json()["outgoing_caller_ids"]
    caller_id = listed[0]["sid"]
    assert [(event["type"], event["data"]) for event in events] == [
        (
            "call.queued",
            {"phone_number": NUMBER, "status": "queued", "validation_code": code, "call_delay_seconds": 0},
        ),
        ("call.ringing", {"phone_number": NUMBER, "status": "ringing"}),
        ("call.answered", {"phone_number": NUMBER, "status": "in-progress"}),
        ("call.digits", {"phone_number": NUMBER, "status": "completed", "digits": code, "attempts_left": 3}),
        ("caller-id.created", {"sid": caller_id, "phone_number": NUMBER, "friendly_name": "Front desk"}),
        (
            "call.ended",
            {
                "phone_number": NUMBER,
                "status": "completed",
                "verification_status": "success",
                "outgoing_caller_id_sid": caller_id,
            },
        ),
        ("callback.delivered", {"url": f"{receiver.url}/", "attempts": 1, "status_code": 204, "error": None}),
    ]
    assert {event["call_sid"] for event in events} == {sid}
    assert [event["id"] for event in events] == sorted({event["id"] for event in events})


async def test_changes_to_caller_ids_are_recorded_as_events(account: ControlledAccount) -> None:
    await account.validate()
    await account.advance(60)
    [caller_id] = (await account.twilio("GET", "/OutgoingCallerIds.json")).json()["outgoing_caller_ids"]
    path = f"/OutgoingCallerIds/{caller_id['sid']}.json"

    await account.twilio("POST", path, {})
    await account.twilio("POST", path, {"FriendlyName": "New"})
    await account.twilio("DELETE", path)
    await account.twilio("DELETE", path)

    events = [event for event in await account.events() if event["type"].startswith("caller-id.")]
    assert [(event["type"], event["data"]["friendly_name"], event["call_sid"] is None) for event in events] == [
        ("caller-id.created", "(415) 867-5309", False),
        ("caller-id.updated", "New", True),
        ("caller-id.deleted", "New", True),
    ]


async def test_after_parameter_excludes_the_named_event_and_earlier_ones(account: ControlledAccount) -> None:
    await account.validate()
    await account.advance(60)
    events = await account.events()

    for position, event in enumerate(events):
        assert await account.events(after=event["id"]) == events[position + 1 :]


async def test_events_are_filtered_by_type_and_call(account: ControlledAccount) -> None:
    first = (await account.validate("+14158675301"))["call_sid"]
    second = (await account.validate("+14158675302"))["call_sid"]
    await account.advance(60)

    of_call = await account.events(call_sid=second)
    of_type = await account.events(type="call.ended")
    both = await account.events(type="call.ended", call_sid=first)

    assert {event["call_sid"] for event in of_call} == {second}
    assert len(of_call) == 6
    assert sorted(event["call_sid"] for event in of_type) == sorted([first, second])
    assert [(event["type"], event["call_sid"]) for event in both] == [("call.ended", first)]


async def test_event_wait_returns_as_soon_as_the_event_happens(account: ControlledAccount) -> None:
    wait = waiting(account, type="call.ended")
    await account.validate()
    await account.advance(60)

    [event] = await asyncio.wait_for(wait, PATIENCE_SECONDS)

    assert event["type"] == "call.ended"


async def test_event_wait_that_times_out_returns_an_empty_list(account: ControlledAccount) -> None:
    assert await account.events(wait_seconds=0.05) == []


async def test_events_of_other_accounts_are_not_listed(controlled: Controlled, account: ControlledAccount) -> None:
    other = await controlled.account()
    wait = waiting(other, type="call.queued")

    await account.validate()
    await account.advance(60)
    theirs = (await other.validate())["call_sid"]

    assert [event["call_sid"] for event in await asyncio.wait_for(wait, PATIENCE_SECONDS)] == [theirs]


async def test_many_concurrent_event_waits_are_all_answered(controlled: Controlled, account: ControlledAccount) -> None:
    waits = [waiting(account, type="call.ended") for _ in range(200)]
    notifications = controlled.app.state.end_waits.__self__
    await until(lambda: len(notifications._subscribers.get(account.sid, ())) == 200)  # noqa: SLF001

    await account.validate()
    await account.advance(60)
    answered = await asyncio.wait_for(asyncio.gather(*waits), PATIENCE_SECONDS)

    assert {tuple(event["type"] for event in events) for events in answered} == {("call.ended",)}
    assert notifications._subscribers == {}  # noqa: SLF001


@pytest.mark.parametrize(
    "query",
    [
        {"after": -1},
        {"after": 2**63},
        {"after": "x"},
        {"type": "call.exploded"},
        {"wait_seconds": 301},
        {"wait_seconds": "nan"},
        {"call_sid": "C" * 35},
    ],
)
async def test_invalid_query_is_rejected(account: ControlledAccount, query: dict[str, Any]) -> None:
    answer = await account.control("GET", "/events", **query)

    assert answer.status_code == 422
    assert answer.json()["error"]


async def test_reset_deletes_events_and_later_ones_have_higher_ids(account: ControlledAccount) -> None:
    await account.validate()
    [before] = await account.events(type="call.queued")

    await account.control("POST", "/reset")
    forgotten = await account.events()
    await account.validate()

    [after] = await account.events(type="call.queued", after=before["id"])
    assert forgotten == []
    assert after["id"] > before["id"]
