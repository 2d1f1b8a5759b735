"""Updates with which a client ends a call, on a frozen clock (docs/calls.md)."""

import pytest

from ringback.domain.calls import CallEvent, CallState, CallStatus, ValidationCall, VerificationStatus
from ringback.domain.errors import TwilioError
from ringback.domain.phones import PhoneBehavior
from ringback.domain.sids import AccountSid
from ringback.operations.accounts import ensure_account
from ringback.operations.calls import end_call
from support.domain_values import ACCOUNT_SID, T0
from support.in_process.control import ControlledAccount
from support.in_process.races import at_the_prompt, ringing
from support.in_process.simulation import Simulation, query

OTHER_ACCOUNT = AccountSid("AC" + "9" * 32)
CANCEL, COMPLETE = CallEvent.CANCEL, CallEvent.COMPLETE


def end(
    simulation: Simulation, sid: str, event: CallEvent, account_sid: AccountSid = ACCOUNT_SID
) -> ValidationCall | None:
    return end_call(
        simulation.unit_of_work,
        account_sid,
        sid,
        event,
        system_now=simulation.clock.now(),
        policy=simulation.policy,
        id_generator=simulation.id_generator,
    )


@pytest.mark.parametrize("event", [CANCEL, COMPLETE])
@pytest.mark.parametrize("is_ringing", [False, True])
def test_unanswered_call_ended_by_a_client_is_canceled(
    simulation: Simulation, event: CallEvent, *, is_ringing: bool
) -> None:
    simulation.set_default_phone(PhoneBehavior.MANUAL)
    sid = simulation.validate(call_delay_seconds=0 if is_ringing else 10, status_callback="http://app.test/").call_sid
    simulation.step()

    call = end(simulation, sid, event)
    simulation.run()

    assert call == simulation.call(sid)
    assert (call.call_status, call.verification_status) == (CallStatus.CANCELED, VerificationStatus.FAILED)
    assert [entry.event for entry in call.timeline[-2:]] == [event, "ended"]
    assert query(simulation.database, "SELECT due_at, real_due_at FROM validation_calls") == [(None, None)]
    assert query(simulation.database, "SELECT status FROM status_callbacks") == [("pending",)]
    assert simulation.caller_ids() == []


@pytest.mark.parametrize("extension", [None, "wwww"])
def test_answered_call_can_be_completed_but_not_canceled(simulation: Simulation, extension: str | None) -> None:
    simulation.set_default_phone(PhoneBehavior.ENTER_NOTHING, ring_seconds=0.0)
    sid = simulation.validate(extension=extension).call_sid
    simulation.step()
    simulation.step()
    before = simulation.call(sid)

    canceled, completed = end(simulation, sid, CANCEL), end(simulation, sid, COMPLETE)

    assert (before.call_status, canceled) == (CallStatus.IN_PROGRESS, before)
    assert completed is not None
    assert (completed.state, completed.verification_status) == (CallState.COMPLETED, VerificationStatus.FAILED)


def test_ended_call_cannot_be_ended_again(simulation: Simulation) -> None:
    sid = simulation.validate().call_sid
    simulation.run()
    before = simulation.call(sid)

    for event in (CANCEL, COMPLETE):
        with pytest.raises(TwilioError) as refusal:
            end(simulation, sid, event)
        assert (refusal.value.status, refusal.value.code) == (400, 21220)
    assert simulation.call(sid) == before


def test_call_of_another_account_is_not_ended(simulation: Simulation) -> None:
    ensure_account(simulation.unit_of_work, OTHER_ACCOUNT, "token", T0)
    sid = simulation.validate().call_sid

    assert end(simulation, sid, CANCEL, OTHER_ACCOUNT) is None
    assert simulation.call(sid).state == CallState.QUEUED


@pytest.mark.anyio
async def test_call_ended_by_a_client_has_an_end_event_and_no_next_event(account: ControlledAccount) -> None:
    await account.control("PUT", "/clock", {"mode": "frozen"})
    sid = (await account.validate(CallDelay=5))["call_sid"]

    await account.twilio("POST", f"/Calls/{sid}.json", {"Status": "canceled"})

    [event] = await account.events(type="call.ended")
    assert (event["data"]["status"], event["data"]["verification_status"]) == ("canceled", "failed")
    assert (await account.control("GET", "/clock")).json()["next_event_at"] is None
    request = (await account.control("GET", "/requests")).json()["requests"][0]
    assert (request["operation"], request["parameters"]) == ("update-call", {"Status": "canceled"})


@pytest.mark.anyio
async def test_callee_cannot_answer_or_enter_digits_after_a_client_ended_the_call(account: ControlledAccount) -> None:
    at_prompt, rings = await at_the_prompt(account), await ringing(account, "+12125551234")
    for answer in (at_prompt, rings):
        await account.twilio("POST", f"/Calls/{answer['call_sid']}.json", {"Status": "completed"})

    digits = {"digits": at_prompt["validation_code"]}
    keyed = await account.control("POST", f"/calls/{at_prompt['call_sid']}/digits", digits)
    answered = await account.control("POST", f"/calls/{rings['call_sid']}/answer")

    assert (keyed.status_code, answered.status_code) == (409, 409)
    listed = (await account.control("GET", "/calls", status="canceled")).json()["calls"]
    assert [call["sid"] for call in listed] == [rings["call_sid"]]
