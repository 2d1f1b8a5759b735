"""Two things at once: none ends in a failure, a row that is stuck, or a second caller ID (docs/races.md)."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from ringback.simulator import advancer
from support.control import Controlled, ControlledAccount
from support.domain_values import NUMBER
from support.polling import until
from support.receiver import Answer, CallbackReceiver, Received

pytest_plugins = ["support.simulation_fixtures", "support.control_fixtures"]
pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def nothing_fails(controlled: Controlled) -> AsyncIterator[None]:
    """See to it that nothing is logged as an error, and that nothing is stuck afterwards."""
    with capture_logs() as lines:
        yield
        tables = (await controlled.ask("GET", "/snapshot")).json()["tables"]
    assert [line for line in lines if line["log_level"] in ("error", "critical")] == []
    frozen = {account["sid"]: account["clock_frozen_at"] for account in tables["accounts"]}
    for call in tables["validation_calls"]:
        frozen_at = frozen[call["account_sid"]]
        waits = call["ended_at"] is not None or (frozen_at is not None and call["due_at"] > frozen_at)
        assert (call["real_due_at"] is None) == waits, call
    assert [row for row in tables["status_callbacks"] if row["due_at"] is None and row["status"] == "pending"] == []


async def caller_ids(account: ControlledAccount) -> list[str]:
    listed = (await account.twilio("GET", "/OutgoingCallerIds.json")).json()["outgoing_caller_ids"]
    return [caller_id["sid"] for caller_id in listed]


async def ringing(account: ControlledAccount, number: str = NUMBER, **parameters: Any) -> dict[str, Any]:
    """Ask for the number to be verified on a manual phone, and return the answer when it rings."""
    await account.control("PUT", "/phones/default", {"behavior": "manual"})
    answer = await account.validate(number, **parameters)
    assert await account.events(type="call.ringing", call_sid=answer["call_sid"], wait_seconds=10)
    return answer


async def at_the_prompt(account: ControlledAccount, **parameters: Any) -> dict[str, Any]:
    answer = await ringing(account, **parameters)
    await account.control("POST", f"/calls/{answer['call_sid']}/answer")
    return answer


async def key(account: ControlledAccount, answer: dict[str, Any]) -> int:
    """Key the right code in, and return the status of the answer."""
    keyed = await account.control("POST", f"/calls/{answer['call_sid']}/digits", {"digits": answer["validation_code"]})
    return keyed.status_code


async def test_two_requests_for_one_number_make_one_caller_id(account: ControlledAccount) -> None:
    with CallbackReceiver() as receiver:
        answers = await asyncio.gather(*[account.validate(StatusCallback=receiver.url) for _ in range(10)])
        await account.advance(60)

        outcomes = [received.form["VerificationStatus"] for received in receiver.received]
    calls = [await account.call(answer["call_sid"]) for answer in answers]
    assert sorted(call["status"] for call in calls) == ["completed"] + ["failed"] * 9
    assert sorted(outcomes) == ["failed"] * 9 + ["success"]
    assert len(await caller_ids(account)) == 1


async def test_a_request_that_comes_with_the_right_digits_is_refused_or_voids_them(account: ControlledAccount) -> None:
    first = await at_the_prompt(account)

    keyed, asked = await asyncio.gather(
        key(account, first), account.twilio("POST", "/OutgoingCallerIds.json", {"PhoneNumber": NUMBER})
    )

    assert (keyed, asked.status_code, asked.json().get("code")) in [(200, 400, 21450), (409, 200, None)]
    assert len(await caller_ids(account)) == (1 if keyed == 200 else 0)


async def test_a_number_that_is_verified_meanwhile_keeps_its_one_caller_id(account: ControlledAccount) -> None:
    answer = await at_the_prompt(account)
    placed = (await account.control("POST", "/caller-ids", {"phone_number": NUMBER})).json()["sid"]

    keyed = await key(account, answer)

    call = await account.call(answer["call_sid"])
    assert (keyed, call["verification_status"], call["outgoing_caller_id_sid"]) == (200, "success", placed)
    assert await caller_ids(account) == [placed]


async def test_a_caller_id_that_is_deleted_meanwhile_is_made_anew(account: ControlledAccount) -> None:
    answer = await at_the_prompt(account)
    placed = (await account.control("POST", "/caller-ids", {"phone_number": NUMBER})).json()["sid"]

    keyed, deleted = await asyncio.gather(
        key(account, answer), account.twilio("DELETE", f"/OutgoingCallerIds/{placed}.json")
    )

    call = await account.call(answer["call_sid"])
    assert (keyed, deleted.status_code) == (200, 204)
    assert await caller_ids(account) in ([], [call["outgoing_caller_id_sid"]])


@pytest.mark.parametrize("end", ["hang-up", "digits"])
async def test_what_comes_after_the_end_of_a_call_is_refused(account: ControlledAccount, end: str) -> None:
    answer = await at_the_prompt(account)
    path = f"/calls/{answer['call_sid']}"
    await account.control("POST", f"{path}/{end}", {"digits": answer["validation_code"]} if end == "digits" else None)
    before = await account.call(answer["call_sid"])

    refusals = [
        await account.control("POST", f"{path}/{action}", {"digits": "123456"} if action == "digits" else None)
        for action in ("answer", "digits", "hang-up", "reject")
    ]

    assert [refusal.status_code for refusal in refusals] == [409] * 4
    assert all("is completed" in refusal.json()["error"] for refusal in refusals)
    assert await account.call(answer["call_sid"]) == before


async def test_keys_that_come_with_the_time_out_count_once(account: ControlledAccount) -> None:
    answer = await at_the_prompt(account)

    keyed, _ = await asyncio.gather(key(account, answer), account.advance(60))

    call = await account.call(answer["call_sid"])
    assert (keyed, call["verification_status"]) in [(200, "success"), (409, "failed")]
    assert len(await caller_ids(account)) == (1 if keyed == 200 else 0)


async def held_callback(account: ControlledAccount, release: threading.Event, receiver: CallbackReceiver) -> str:
    """Let a call end whose receiver does not answer until it is let, and return its SID when the callback is there."""
    answer = await at_the_prompt(account, StatusCallback=receiver.url)
    await key(account, answer)
    await until(lambda: receiver.received)
    assert not release.is_set()
    sid: str = answer["call_sid"]
    return sid


@pytest.mark.parametrize("everywhere", [False, True])
async def test_a_reset_forgets_a_call_that_rings_and_a_callback_under_way(
    controlled: Controlled, account: ControlledAccount, *, everywhere: bool
) -> None:
    release = threading.Event()

    def answer(_: Received) -> Answer:
        release.wait(20)
        return Answer()

    with CallbackReceiver(answer) as receiver:
        delivered = await held_callback(account, release, receiver)
        rings = (await ringing(account, "+14158675301"))["call_sid"]

        reset = await controlled.ask("POST", "/reset") if everywhere else await account.control("POST", "/reset")
        release.set()
        later = await controlled.account()
        await later.control("PUT", "/phones/default", {"behavior": "busy"})
        await later.validate(StatusCallback=receiver.url)
        await later.advance(60)

        assert reset.status_code == 204
        assert len(receiver.received) == 2
    if not everywhere:
        assert (await account.control("GET", "/calls")).json() == {"calls": []}
        assert await account.events() == []
        for sid in (delivered, rings):
            assert (await account.control("POST", f"/calls/{sid}/answer")).status_code == 404


async def test_a_global_reset_forgets_what_is_under_way(controlled: Controlled, account: ControlledAccount) -> None:
    rings = (await ringing(account))["call_sid"]
    waits = asyncio.create_task(account.control("GET", "/events", type="call.ended", wait_seconds=0.5))

    await controlled.ask("POST", "/reset")

    assert (await waits).status_code in (200, 404)
    assert (await account.control("POST", f"/calls/{rings}/answer")).status_code == 404


async def test_an_account_that_is_deleted_takes_its_calls_along(
    controlled: Controlled, account: ControlledAccount
) -> None:
    release = threading.Event()

    def answer(_: Received) -> Answer:
        release.wait(20)
        return Answer()

    with CallbackReceiver(answer) as receiver:
        await held_callback(account, release, receiver)
        await ringing(account, "+14158675301")
        advancing = asyncio.create_task(account.control("POST", "/clock/advance", {"seconds": 10}))
        assert await account.events(type="call.queued", wait_seconds=10)

        deleted = await account.control("DELETE")
        release.set()

        assert deleted.status_code == 204
        assert (await advancing).status_code == 404
    assert (await account.twilio("GET", "/OutgoingCallerIds.json")).status_code == 401
    tables = (await controlled.ask("GET", "/snapshot")).json()["tables"]
    assert [row for rows in tables.values() for row in rows if row.get("account_sid") == account.sid] == []


@pytest.mark.parametrize("upheaval", ["reset", "global reset", "clock", "snapshot"])
async def test_what_overturns_an_account_ends_its_advance_and_is_not_undone_by_it(
    controlled: Controlled, account: ControlledAccount, upheaval: str
) -> None:
    release = threading.Event()
    snapshot = (await controlled.ask("GET", "/snapshot")).json()
    clock = (await account.control("GET", "/clock")).json()

    def answer(_: Received) -> Answer:
        release.wait(20)
        return Answer()

    with CallbackReceiver(answer) as receiver:
        await account.validate(StatusCallback=receiver.url)
        advancing = asyncio.create_task(account.control("POST", "/clock/advance", {"seconds": 3600}))
        await until(lambda: receiver.received)

        match upheaval:
            case "reset":
                await account.control("POST", "/reset")
            case "global reset":
                await controlled.ask("POST", "/reset")
            case "clock":
                await account.control("PUT", "/clock", {"mode": "running", "now": clock["now"]})
            case _:
                await controlled.ask("PUT", "/snapshot", snapshot)
        release.set()

        assert (await advancing).status_code == (404 if upheaval == "global reset" else 409)
    if upheaval != "global reset":
        assert (await account.control("GET", "/clock")).json() == clock


async def test_an_advance_that_waits_for_the_receiver_who_asks_for_one_is_refused_to_him(
    account: ControlledAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advancer, "LONGEST_QUEUE_SECONDS", 0.05)
    release = threading.Event()

    def answer(_: Received) -> Answer:
        release.wait(20)
        return Answer()

    with CallbackReceiver(answer) as receiver:
        await account.validate(StatusCallback=receiver.url)
        advancing = asyncio.create_task(account.control("POST", "/clock/advance", {"seconds": 60}))
        await until(lambda: receiver.received)

        asked_by_receiver = await account.control("POST", "/clock/advance", {"seconds": 1})
        release.set()

        assert asked_by_receiver.status_code == 409
        assert (await advancing).status_code == 200
    assert [event["type"] for event in await account.events(type="callback.delivered")] == ["callback.delivered"]


@pytest.mark.parametrize("upheaval", ["freeze", "run", "delete"])
async def test_a_request_whose_body_is_late_goes_by_the_account_as_it_is_then(
    account: ControlledAccount, upheaval: str
) -> None:
    if upheaval == "run":
        await account.control("PUT", "/clock", {"mode": "frozen"})
    authenticated = asyncio.Event()
    changed = asyncio.Event()

    async def late_body() -> AsyncIterator[bytes]:
        yield b"PhoneNumber=%2B14158675309"
        authenticated.set()
        await changed.wait()
        yield b"&CallDelay=1"

    asked = asyncio.create_task(
        account.http.post(
            f"/2010-04-01/Accounts/{account.sid}/OutgoingCallerIds.json",
            content=late_body(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            auth=(account.sid, account.auth_token),
        )
    )
    await authenticated.wait()
    if upheaval == "delete":
        await account.control("DELETE")
    else:
        await account.control("PUT", "/clock", {"mode": "frozen" if upheaval == "freeze" else "running"})
    changed.set()
    answer = await asked

    assert (answer.status_code, answer.json().get("code")) == ((401, 20003) if upheaval == "delete" else (200, None))
    if upheaval != "delete":
        await account.advance(60)
        assert (await account.call(answer.json()["call_sid"]))["verification_status"] == "success"


async def test_a_call_whose_clock_is_set_back_lasted_no_time(account: ControlledAccount) -> None:
    with CallbackReceiver() as receiver:
        await account.control("PUT", "/clock", {"mode": "frozen", "now": "2030-01-01T00:00:00Z"})
        answer = await at_the_prompt(account, StatusCallback=receiver.url)
        await account.control("PUT", "/clock", {"mode": "frozen", "now": "2020-01-01T00:00:00Z"})
        await key(account, answer)
        await account.advance(0)

        [received] = receiver.received
    assert (received.form["CallDuration"], received.form["Duration"]) == ("0", "0")
    assert (await account.twilio("GET", f"/Calls/{answer['call_sid']}.json")).json()["duration"] == "0"


async def test_advances_of_one_clock_add_up(account: ControlledAccount) -> None:
    sid = (await account.validate(CallDelay=60))["call_sid"]
    await account.control("PUT", "/clock", {"mode": "frozen"})

    await asyncio.gather(*[account.advance(10) for _ in range(7)])

    assert (await account.control("GET", "/clock")).json()["now"] == "2010-07-27T20:22:21.000000Z"
    assert (await account.call(sid))["verification_status"] == "success"
