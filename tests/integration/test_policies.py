"""The limits of an account, from the settings or from its policy: docs/policy.md."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ringback.domain.calls import CallStatus, ValidationRequest, VerificationStatus
from ringback.domain.errors import TwilioError
from ringback.domain.phones import PhoneBehavior
from ringback.domain.policies import WEEK_SECONDS, AccountPolicy
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import after
from ringback.operations.accounts import ensure_account, reset_account, set_policy
from ringback.operations.validation_requests import create_validation_request
from ringback.storage.unit_of_work import UnitOfWork
from support.domain_values import ACCOUNT_SID, NUMBER, T0
from support.in_process.simulation import Simulation

OTHER_ACCOUNT = AccountSid("AC" + "9" * 32)
TOO_OFTEN, VERIFIED = (429, 22100), (400, 21450)


def number(place: int) -> str:
    return f"+1415867530{place}"


def set_account_policy(simulation: Simulation, **policy: Any) -> None:
    assert set_policy(simulation.unit_of_work, ACCOUNT_SID, AccountPolicy(**policy))


def refusal(simulation: Simulation, called: str = NUMBER) -> tuple[int, int]:
    """Return the status and code of a refused validation request, and check that it changes nothing."""
    before = list(simulation.unit_of_work.calls.newest(ACCOUNT_SID, limit=100))
    with pytest.raises(TwilioError) as refused:
        simulation.validate(called)
    assert list(simulation.unit_of_work.calls.newest(ACCOUNT_SID, limit=100)) == before
    return refused.value.status, refused.value.code


def test_calls_to_each_number_within_seven_days_are_limited(simulation: Simulation) -> None:
    set_account_policy(simulation, calls_per_number_and_week=2)
    simulation.set_default_phone(PhoneBehavior.BUSY)
    simulation.validate()
    simulation.clock.advance(60)
    simulation.validate()

    assert refusal(simulation) == TOO_OFTEN
    simulation.validate(number(1))
    simulation.clock.advance(WEEK_SECONDS - 60 - 0.000_001)
    assert refusal(simulation) == TOO_OFTEN
    simulation.clock.advance(0.000_001)
    simulation.validate()
    assert refusal(simulation) == TOO_OFTEN


def test_calls_are_still_counted_after_the_clock_is_set_back_by_less_than_a_week(simulation: Simulation) -> None:
    set_account_policy(simulation, calls_per_number_and_week=1)
    simulation.validate()

    simulation.clock.advance(0.000_001 - WEEK_SECONDS)
    assert refusal(simulation) == TOO_OFTEN
    simulation.clock.advance(-0.000_001)
    simulation.validate()


def test_rejected_request_does_not_count_and_does_not_end_a_call(simulation: Simulation) -> None:
    set_account_policy(simulation, calls_per_number_and_week=1)
    sid = simulation.validate().call_sid

    refusals = [refusal(simulation) for _ in range(3)]
    simulation.run()

    assert refusals == [TOO_OFTEN] * 3
    assert simulation.call(sid).is_verified
    assert refusal(simulation) == VERIFIED


def test_calls_are_limited_per_account(simulation: Simulation) -> None:
    simulation.policy = replace(simulation.policy, calls_per_number_and_week=1)
    ensure_account(simulation.unit_of_work, OTHER_ACCOUNT, "token", T0)

    simulation.validate()
    simulation.validate(account_sid=OTHER_ACCOUNT)

    assert refusal(simulation) == TOO_OFTEN


def test_reset_deletes_the_policy(simulation: Simulation) -> None:
    set_account_policy(simulation, calls_per_number_and_week=1, code_attempts=1)

    reset_account(simulation.unit_of_work, ACCOUNT_SID)

    account = simulation.unit_of_work.accounts.find(ACCOUNT_SID)
    assert account is not None
    assert account.policy == AccountPolicy()


def test_policy_of_an_unknown_account_cannot_be_set(simulation: Simulation) -> None:
    assert not set_policy(simulation.unit_of_work, OTHER_ACCOUNT, AccountPolicy(code_attempts=1))


@pytest.mark.parametrize(("lifetime_seconds", "status"), [(2.0, "success"), (1.999, "failed")])
def test_expired_code_counts_as_wrong(simulation: Simulation, lifetime_seconds: float, status: str) -> None:
    set_account_policy(simulation, code_lifetime_seconds=lifetime_seconds, code_attempts=2)

    sid = simulation.validate().call_sid
    set_account_policy(simulation)
    simulation.run()

    call = simulation.call(sid)
    assert (call.call_status, call.verification_status) == (CallStatus.COMPLETED, VerificationStatus(status))
    assert call.attempts_allowed == 2
    assert len(simulation.caller_ids()) == (1 if status == "success" else 0)


@pytest.mark.parametrize(
    ("policy", "more"),
    [
        ({}, 0),
        ({"code_lifetime_seconds": 60.0, "code_attempts": 1}, 0),
        ({"calls_per_number_and_week": 2}, 1),
    ],
)
def test_call_limit_adds_one_statement_to_a_validation_request(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch, policy: dict[str, Any], more: int
) -> None:
    run: list[object] = []
    original = UnitOfWork._run  # noqa: SLF001

    def counted(self: UnitOfWork, *arguments: Any) -> Any:
        run.append(arguments[0])
        return original(self, *arguments)

    monkeypatch.setattr(UnitOfWork, "_run", counted)
    simulation.validate(number(1))
    without = len(run)
    set_account_policy(simulation, **policy)
    run.clear()
    simulation.validate(number(2))

    assert len(run) == without + more


@pytest.mark.anyio
async def test_concurrent_requests_do_not_exceed_the_call_limit(simulation: Simulation) -> None:
    """Requests read the clock before they wait for the lock, so a later request may have an earlier time."""
    simulation.policy = replace(simulation.policy, calls_per_number_and_week=3)

    answers = await asyncio.gather(
        *[
            simulation.database.run(
                create_validation_request,
                ACCOUNT_SID,
                lambda _: ValidationRequest(NUMBER),
                system_now=after(simulation.clock.now(), -order),
                policy=simulation.policy,
                id_generator=simulation.id_generator,
            )
            for order in range(8)
        ],
        return_exceptions=True,
    )

    refused = [answer for answer in answers if isinstance(answer, TwilioError)]
    assert len(answers) - len(refused) == 3
    assert len({answer.code for answer in refused}) == 1
