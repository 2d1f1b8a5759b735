"""The control API: concurrent actions never cause an error, a stuck row or a second caller ID (docs/races.md)."""

import asyncio

import pytest

from support.domain_values import NUMBER
from support.in_process.control import ControlledAccount
from support.in_process.races import at_the_prompt, caller_ids, key
from support.receivers.receiver import CallbackReceiver

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("no_errors")]


async def test_two_requests_for_the_same_number_create_only_one_caller_id(account: ControlledAccount) -> None:
    with CallbackReceiver() as receiver:
        answers = await asyncio.gather(*[account.validate(StatusCallback=receiver.url) for _ in range(10)])
        await account.advance(60)

        outcomes = [received.form["VerificationStatus"] for received in receiver.received]
    calls = [await account.call(answer["call_sid"]) for answer in answers]
    assert sorted(call["status"] for call in calls) == ["completed"] + ["failed"] * 9
    assert sorted(outcomes) == ["failed"] * 9 + ["success"]
    assert len(await caller_ids(account)) == 1


async def test_request_while_the_correct_digits_are_entered_is_rejected_or_supersedes_the_call(
    account: ControlledAccount,
) -> None:
    first = await at_the_prompt(account)

    keyed, asked = await asyncio.gather(
        key(account, first), account.twilio("POST", "/OutgoingCallerIds.json", {"PhoneNumber": NUMBER})
    )

    assert (keyed, asked.status_code, asked.json().get("code")) in [(200, 400, 21450), (409, 200, None)]
    assert len(await caller_ids(account)) == (1 if keyed == 200 else 0)


async def test_number_verified_concurrently_has_only_one_caller_id(account: ControlledAccount) -> None:
    answer = await at_the_prompt(account)
    placed = (await account.control("POST", "/caller-ids", {"phone_number": NUMBER})).json()["sid"]

    keyed = await key(account, answer)

    call = await account.call(answer["call_sid"])
    assert (keyed, call["verification_status"], call["outgoing_caller_id_sid"]) == (200, "success", placed)
    assert await caller_ids(account) == [placed]


async def test_caller_id_deleted_while_the_digits_are_entered_is_created_again(account: ControlledAccount) -> None:
    answer = await at_the_prompt(account)
    placed = (await account.control("POST", "/caller-ids", {"phone_number": NUMBER})).json()["sid"]

    keyed, deleted = await asyncio.gather(
        key(account, answer), account.twilio("DELETE", f"/OutgoingCallerIds/{placed}.json")
    )

    call = await account.call(answer["call_sid"])
    assert (keyed, deleted.status_code) == (200, 204)
    assert await caller_ids(account) in ([], [call["outgoing_caller_id_sid"]])


@pytest.mark.parametrize("end", ["hang-up", "digits"])
async def test_action_after_the_end_of_a_call_is_rejected(account: ControlledAccount, end: str) -> None:
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


async def test_digits_and_a_simultaneous_prompt_timeout_have_one_outcome(account: ControlledAccount) -> None:
    answer = await at_the_prompt(account)

    keyed, _ = await asyncio.gather(key(account, answer), account.advance(60))

    call = await account.call(answer["call_sid"])
    assert (keyed, call["verification_status"]) in [(200, "success"), (409, "failed")]
    assert len(await caller_ids(account)) == (1 if keyed == 200 else 0)


async def test_call_during_which_the_clock_is_set_back_has_a_duration_of_zero(account: ControlledAccount) -> None:
    with CallbackReceiver() as receiver:
        await account.control("PUT", "/clock", {"mode": "frozen", "now": "2030-01-01T00:00:00Z"})
        answer = await at_the_prompt(account, StatusCallback=receiver.url)
        await account.control("PUT", "/clock", {"mode": "frozen", "now": "2020-01-01T00:00:00Z"})
        await key(account, answer)
        await account.advance(0)

        [received] = receiver.received
    assert (received.form["CallDuration"], received.form["Duration"]) == ("0", "0")
    assert (await account.twilio("GET", f"/Calls/{answer['call_sid']}.json")).json()["duration"] == "0"


async def test_concurrent_advances_of_a_clock_add_up(account: ControlledAccount) -> None:
    sid = (await account.validate(CallDelay=60))["call_sid"]
    await account.control("PUT", "/clock", {"mode": "frozen"})

    await asyncio.gather(*[account.advance(10) for _ in range(7)])

    assert (await account.control("GET", "/clock")).json()["now"] == "2010-07-27T20:22:21.000000Z"
    assert (await account.call(sid))["verification_status"] == "success"


async def test_call_ended_by_a_client_while_the_correct_digits_are_entered_ends_once(
    account: ControlledAccount,
) -> None:
    answer = await at_the_prompt(account)

    keyed, completed = await asyncio.gather(
        key(account, answer), account.twilio("POST", f"/Calls/{answer['call_sid']}.json", {"Status": "completed"})
    )

    call = await account.call(answer["call_sid"])
    assert (keyed, completed.status_code, call["verification_status"]) in [(200, 400, "success"), (409, 200, "failed")]
    assert [entry["event"] for entry in call["timeline"]].count("ended") == 1
    assert len(await caller_ids(account)) == (1 if keyed == 200 else 0)


async def test_call_canceled_by_a_client_during_an_advance_ends_once(account: ControlledAccount) -> None:
    sid = (await account.validate(CallDelay=30))["call_sid"]
    await account.control("PUT", "/clock", {"mode": "frozen"})

    canceled, _ = await asyncio.gather(
        account.twilio("POST", f"/Calls/{sid}.json", {"Status": "canceled"}), account.advance(60)
    )

    call = await account.call(sid)
    assert (canceled.status_code, call["status"]) in [(200, "canceled"), (400, "completed"), (200, "completed")]
    assert [entry["event"] for entry in call["timeline"]].count("ended") == 1
    assert len(await caller_ids(account)) == (1 if call["verification_status"] == "success" else 0)
