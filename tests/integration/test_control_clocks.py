"""The control API: the clocks of accounts."""

from typing import Any

import pytest

from support.domain_values import NUMBER
from support.in_process.control import Controlled, ControlledAccount
from support.receivers.receiver import Answer, CallbackReceiver, Received
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


async def clock(account: ControlledAccount, **setting: Any) -> dict[str, Any]:
    answer = await account.control("PUT" if setting else "GET", "/clock", setting or None)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_clock_of_a_new_account_runs_and_shows_the_system_time(account: ControlledAccount) -> None:
    assert await clock(account) == {"mode": "running", "now": "2010-07-27T20:21:11.000000Z", "next_event_at": None}


async def test_frozen_clock_stops_and_a_resumed_clock_continues_from_its_time(
    controlled: Controlled, account: ControlledAccount
) -> None:
    await clock(account, mode="frozen")
    controlled.clock.advance(60)
    frozen = await clock(account)
    await clock(account, mode="running")
    controlled.clock.advance(1)
    running = await clock(account)

    assert frozen == {"mode": "frozen", "now": "2010-07-27T20:21:11.000000Z", "next_event_at": None}
    assert running == {"mode": "running", "now": "2010-07-27T20:21:12.000000Z", "next_event_at": None}


async def test_clock_can_be_set_in_both_modes(controlled: Controlled, account: ControlledAccount) -> None:
    frozen = await clock(account, mode="frozen", now="2020-01-01T01:00:00+01:00")
    running = await clock(account, mode="running", now="1999-12-31T23:59:59Z")
    controlled.clock.advance(1.5)

    assert frozen == {"mode": "frozen", "now": "2020-01-01T00:00:00.000000Z", "next_event_at": None}
    assert running == {"mode": "running", "now": "1999-12-31T23:59:59.000000Z", "next_event_at": None}
    assert await clock(account) == {"mode": "running", "now": "2000-01-01T00:00:00.500000Z", "next_event_at": None}


async def test_dates_are_those_of_the_accounts_own_clock(controlled: Controlled, account: ControlledAccount) -> None:
    other = await controlled.account()
    await clock(account, mode="frozen", now="2020-01-01T00:00:00Z")

    sid = (await account.validate())["call_sid"]
    await account.advance(2)
    listed = (await account.twilio("GET", "/OutgoingCallerIds.json")).json()["outgoing_caller_ids"]
    call = await account.call(sid)

    assert [caller_id["date_created"] for caller_id in listed] == ["Wed, 01 Jan 2020 00:00:02 +0000"]
    assert (call["date_created"], call["ended_at"]) == ("2020-01-01T00:00:00.000000Z", "2020-01-01T00:00:02.000000Z")
    assert {event["at"][:10] for event in await account.events()} == {"2020-01-01"}
    assert (await clock(other))["now"].startswith("2010-07-27")


async def test_advance_runs_events_in_order_at_their_times(account: ControlledAccount) -> None:
    await clock(account, mode="frozen")
    late = (await account.validate("+14158675301", CallDelay=10))["call_sid"]
    early = (await account.validate("+14158675302", CallDelay=9))["call_sid"]

    advanced = await account.advance(10.5)

    happened = [(event["at"][17:20], event["type"], event["call_sid"]) for event in await account.events()][2:]
    assert happened == [
        ("20.", "call.ringing", early),
        ("21.", "call.ringing", late),
        ("21.", "call.answered", early),
    ]
    assert advanced == {
        "mode": "frozen",
        "now": "2010-07-27T20:21:21.500000Z",
        "next_event_at": "2010-07-27T20:21:22.000000Z",
    }


async def test_running_clock_can_be_advanced(controlled: Controlled, account: ControlledAccount) -> None:
    sid = (await account.validate(CallDelay=60))["call_sid"]

    advanced = await account.advance(62)
    controlled.clock.advance(1)

    assert (await account.call(sid))["verification_status"] == "success"
    assert advanced == {"mode": "running", "now": "2010-07-27T20:22:13.000000Z", "next_event_at": None}
    assert (await clock(account))["now"] == "2010-07-27T20:22:14.000000Z"


async def test_event_due_after_an_advance_does_not_occur_early(account: ControlledAccount) -> None:
    await clock(account, mode="frozen")
    sid = (await account.validate(CallDelay=60))["call_sid"]

    await account.advance(59.999)
    before = (await account.call(sid))["status"]
    await account.advance(0.001)

    assert (before, (await account.call(sid))["status"]) == ("queued", "ringing")


async def test_advance_settles_a_thousand_calls(account: ControlledAccount) -> None:
    await clock(account, mode="frozen")
    for number in range(1000):
        await account.validate(f"+1415867{number:04d}")

    await account.advance(60)

    listed = (await account.twilio("GET", "/OutgoingCallerIds.json?PageSize=1000")).json()
    assert len(listed["outgoing_caller_ids"]) == 1000


async def test_advance_returns_after_callbacks_are_delivered(account: ControlledAccount) -> None:
    with CallbackReceiver() as receiver:
        await account.validate(StatusCallback=receiver.url)

        await account.advance(60)

        assert [received.form["VerificationStatus"] for received in receiver.received] == ["success"]
    assert [event["type"] for event in await account.events(type="callback.delivered")] == ["callback.delivered"]


async def test_advance_returns_after_callbacks_have_failed(account: ControlledAccount) -> None:
    await account.validate(StatusCallback="http://127.0.0.1:1/closed")

    await account.advance(60)

    [event] = await account.events(type="callback.failed")
    assert event["data"]["attempts"] == 2


async def test_callback_is_delivered_before_later_events(account: ControlledAccount) -> None:
    first, second = "+14158675301", "+14158675302"
    statuses: list[str] = []
    await clock(account, mode="frozen")
    sids: list[str] = []

    def answer(received: Received) -> Answer:
        statuses.append(received.form["To"])
        return Answer()

    with CallbackReceiver(answer) as receiver:
        sids.extend(
            [
                (await account.validate(first, StatusCallback=receiver.url))["call_sid"],
                (await account.validate(second, CallDelay=1, StatusCallback=receiver.url))["call_sid"],
            ]
        )
        await account.advance(60)

    kinds = [(event["type"], event["call_sid"]) for event in await account.events()]
    assert statuses == [first, second]
    assert kinds.index(("callback.delivered", sids[0])) < kinds.index(("call.digits", sids[1]))


async def test_advance_by_zero_settles_due_events(account: ControlledAccount) -> None:
    await clock(account, mode="frozen")
    sid = (await account.validate())["call_sid"]

    advanced = await account.advance(0)

    assert (await account.call(sid))["status"] == "ringing"
    assert advanced["now"] == "2010-07-27T20:21:11.000000Z"


async def test_overdue_calls_advance_while_the_clock_is_frozen(account: ControlledAccount) -> None:
    await clock(account, mode="frozen")
    sid = (await account.validate())["call_sid"]

    [event] = await account.events(type="call.ringing", wait_seconds=PATIENCE_SECONDS)

    assert event["call_sid"] == sid


async def test_setting_the_clock_runs_overdue_events_immediately(account: ControlledAccount) -> None:
    sid = (await account.validate(CallDelay=60))["call_sid"]

    await clock(account, mode="frozen", now="2010-07-27T20:25:00Z")

    [event] = await account.events(type="call.ringing", wait_seconds=PATIENCE_SECONDS)
    assert (event["call_sid"], event["at"]) == (sid, "2010-07-27T20:25:00.000000Z")


@pytest.mark.parametrize(
    "setting",
    [
        {},
        {"mode": "stopped"},
        {"mode": "frozen", "now": "yesterday"},
        {"mode": "frozen", "now": "2020-01-01T00:00:00"},
        {"mode": "frozen", "now": "9999-12-31T23:59:59Z"},
        {"mode": "frozen", "then": "2020-01-01T00:00:00Z"},
    ],
)
async def test_invalid_clock_is_rejected_and_changes_nothing(
    account: ControlledAccount, setting: dict[str, Any]
) -> None:
    before = await clock(account)

    answer = await account.control("PUT", "/clock", setting)

    assert answer.status_code == 422
    assert await clock(account) == before


@pytest.mark.parametrize("seconds", [-1, 40_000_000, "soon", None])
async def test_invalid_advance_is_rejected(account: ControlledAccount, seconds: Any) -> None:
    await account.validate(NUMBER)

    answer = await account.control("POST", "/clock/advance", {"seconds": seconds})

    assert answer.status_code == 422
    assert (await clock(account))["now"] == "2010-07-27T20:21:11.000000Z"


async def test_advance_beyond_the_last_year_is_rejected(account: ControlledAccount) -> None:
    await clock(account, mode="frozen", now="9000-12-30T00:00:00Z")

    answer = await account.control("POST", "/clock/advance", {"seconds": 200_000})

    assert answer.status_code == 422
    assert "9000" in answer.json()["error"]


async def test_clock_shows_when_the_next_event_is_due(account: ControlledAccount) -> None:
    await clock(account, mode="frozen", now="2020-01-01T00:00:00Z")
    await account.validate(CallDelay=60)
    await account.validate("+14158675310", CallDelay=30)

    queued = await clock(account)
    rung = await account.advance(30)
    over = await account.advance(600)

    assert queued["next_event_at"] == "2020-01-01T00:00:30.000000Z"
    assert rung["next_event_at"] > "2020-01-01T00:00:30.000000Z"
    assert over["next_event_at"] is None


async def test_next_event_keeps_its_time_when_the_clock_is_set(account: ControlledAccount) -> None:
    await clock(account, mode="frozen", now="2020-01-01T00:00:00Z")
    await account.validate(CallDelay=60)

    past = await clock(account, mode="frozen", now="2019-12-31T00:00:00Z")

    assert past == {
        "mode": "frozen",
        "now": "2019-12-31T00:00:00.000000Z",
        "next_event_at": "2020-01-01T00:01:00.000000Z",
    }
