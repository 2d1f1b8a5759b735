"""What an account allows: how often a number may be called, how long a code is right, how many numbers are verified."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field, JsonValue

from ringback.config import validators
from ringback.control_api.dependencies import AccountOfPath, Services, no_such_account
from ringback.control_api.schemas import Body, StrictNumber, View
from ringback.domain.policies import TRIAL_VERIFIED_NUMBERS, AccountPolicy, AccountType, CallPolicy
from ringback.operations.accounts import set_policy

EXAMPLES: list[JsonValue] = [{"account_type": "trial"}, {"calls_per_number_and_week": 3, "code_lifetime_seconds": 600}]

router = APIRouter(tags=["Policy"])


class PolicySetting(Body):
    """What the account is to have of its own; what is null or left out is as the settings have it."""

    model_config = ConfigDict(json_schema_extra={"examples": EXAMPLES})

    account_type: AccountType | None = Field(
        None, description=f"A `trial` verifies up to {TRIAL_VERIFIED_NUMBERS} numbers; the next one meets 400/10002."
    )
    calls_per_number_and_week: Annotated[validators.CallsAWeek, StrictNumber] | None = Field(
        None, description="How often a number may be called within seven days; the next request meets 429/22100."
    )
    code_lifetime_seconds: Annotated[validators.CodeLifetime, StrictNumber] | None = Field(
        None, description="How long after its request a code is right; later it counts as a wrong one."
    )
    code_attempts: Annotated[validators.CodeAttempts, StrictNumber] | None = Field(
        None, description="How many prompts for the code a call has."
    )


class PolicyView(View):
    """What holds for the account."""

    account_type: AccountType
    calls_per_number_and_week: int | None = Field(description="Null is without limit.")
    code_lifetime_seconds: float | None = Field(description="Null is as long as the call lasts.")
    code_attempts: int
    own: list[str] = Field(description="Which of these are the account's own; the others are those of the settings.")


def _policy(own: AccountPolicy, settings: CallPolicy) -> PolicyView:
    policy = own.over(settings)
    return PolicyView(
        account_type=policy.account_type,
        calls_per_number_and_week=policy.calls_per_number_and_week,
        code_lifetime_seconds=policy.code_lifetime_seconds,
        code_attempts=policy.code_attempts,
        own=list(own.given),
    )


@router.get("/accounts/{account_sid}/policy", summary="Read the account's policy")
async def fetch_policy(services: Services, account: AccountOfPath) -> PolicyView:
    """Show what holds for the account."""
    return _policy(account.policy, services.call_policy)


@router.put("/accounts/{account_sid}/policy", summary="Set the account's policy")
async def change_policy(services: Services, account: AccountOfPath, setting: PolicySetting) -> PolicyView:
    """Say what holds for the account from its next request on; the policy it had is forgotten.

    Calls under way keep the attempts and the lifetime of their code. Subaccounts have policies of their own.
    """
    own = AccountPolicy(**dict(setting))
    if not await services.database.run(set_policy, account.sid, own):
        raise no_such_account(account.sid)
    return _policy(own, services.call_policy)


@router.delete(
    "/accounts/{account_sid}/policy", status_code=HTTPStatus.NO_CONTENT, summary="Forget the account's policy"
)
async def forget_policy(services: Services, account: AccountOfPath) -> Response:
    """Let all be as the settings have it, whether or not the account had a policy."""
    await services.database.run(set_policy, account.sid, AccountPolicy())
    return Response(status_code=HTTPStatus.NO_CONTENT)
