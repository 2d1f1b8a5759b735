"""A second request for a number that is being called, for each `second_request` of the policy: docs/policy.md."""

import asyncio

import pytest

from ringback.domain.calls import CallState, CallStatus, VerificationStatus
from ringback.domain.errors import TwilioError
from ringback.domain.policies import AccountPolicy, SecondRequest
from ringback.operations.accounts import set_policy
from support.domain_values import ACCOUNT_SID
from support.in_process.control import ControlledAccount
from support.in_process.races import at_the_prompt, caller_ids, key
from support.in_process.simulation import Simulation, query

URL = "http://app.test/done"
UNDER_WAY = "SELECT count(*) FROM validation_calls WHERE ended_at IS NULL"


def use(simulation: Simulation, second_request: SecondRequest) -> None:
    assert set_policy(simulation.unit_of_work, ACCOUNT_SID, AccountPolicy(second_request=second_request))


def test_refused_second_request_does_not_change_the_call(simulation: Simulation) -> None:
    use(simulation, SecondRequest.REFUSE)
    first = simulation.validate()
    before = simulation.call(first.call_sid)

    with pytest.raises(TwilioError) as refusal:
        simulation.validate()

    assert (refusal.value.status, refusal.value.code) == (400, 21450)
    assert refusal.value.reason == f"call {first.call_sid} to this number is in progress, and second_request is refuse"
    assert simulation.call(first.call_sid) == before
    assert query(simulation.database, "SELECT count(*) FROM validation_calls") == [(1,)]


def test_request_after_a_failed_call_is_accepted_if_second_requests_are_refused(simulation: Simulation) -> None:
    use(simulation, SecondRequest.REFUSE)
    first = simulation.validate("+15005550014")
    simulation.run()

    second = simulation.validate("+15005550014")

    assert first.call_sid != second.call_sid


def test_both_calls_continue_and_either_code_verifies_the_number(simulation: Simulation) -> None:
    use(simulation, SecondRequest.BOTH)
    first = simulation.validate(status_callback=URL, friendly_name="First")
    second = simulation.validate(status_callback=URL, friendly_name="Second", call_delay_seconds=1)
    under_way = query(simulation.database, UNDER_WAY)

    simulation.run()

    calls = [simulation.call(answer.call_sid) for answer in (first, second)]
    [caller_id] = simulation.caller_ids()
    assert under_way == [(2,)]
    assert first.validation_code != second.validation_code
    assert not second.has_superseded
    assert [call.call_status for call in calls] == [CallStatus.COMPLETED] * 2
    assert [call.outgoing_caller_id_sid for call in calls] == [caller_id.sid] * 2
    assert caller_id.friendly_name == "First"


def test_first_success_verifies_the_number_and_the_other_call_continues(simulation: Simulation) -> None:
    use(simulation, SecondRequest.BOTH)
    first, second = simulation.validate(), simulation.validate("+1 415 867 5309", call_delay_seconds=60)
    for _ in range(3):
        simulation.step()
        simulation.clock.advance(1)

    assert simulation.call(first.call_sid).is_verified
    assert simulation.call(second.call_sid).state == CallState.QUEUED
    with pytest.raises(TwilioError):
        simulation.validate()


def test_superseding_request_ends_every_call_to_the_number(simulation: Simulation) -> None:
    use(simulation, SecondRequest.BOTH)
    older = [simulation.validate() for _ in range(2)]
    use(simulation, SecondRequest.SUPERSEDE)

    newest = simulation.validate()

    ended = [simulation.call(answer.call_sid) for answer in older]
    assert [(call.state, call.verification_status) for call in ended] == [
        (CallState.FAILED, VerificationStatus.FAILED)
    ] * 2
    assert newest.has_superseded


@pytest.mark.anyio
async def test_correct_codes_in_both_calls_create_one_caller_id(account: ControlledAccount) -> None:
    await account.control("PUT", "/policy", {"second_request": "both"})
    answers = [await at_the_prompt(account) for _ in range(2)]

    keyed = await asyncio.gather(*[key(account, answer) for answer in answers])

    calls = [await account.call(answer["call_sid"]) for answer in answers]
    [caller_id] = await caller_ids(account)
    assert keyed == [200, 200]
    assert [call["outgoing_caller_id_sid"] for call in calls] == [caller_id] * 2


@pytest.mark.anyio
async def test_only_one_concurrent_request_succeeds_if_second_requests_are_refused(
    account: ControlledAccount,
) -> None:
    await account.control("PUT", "/phones/default", {"behavior": "manual"})
    await account.control("PUT", "/policy", {"second_request": "refuse"})

    answers = await asyncio.gather(
        *[account.twilio("POST", "/OutgoingCallerIds.json", {"PhoneNumber": "+14158675309"}) for _ in range(6)]
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 5
    assert {answer.json()["code"] for answer in answers if answer.status_code == 400} == {21450}
