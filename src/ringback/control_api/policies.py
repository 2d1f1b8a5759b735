"""Policies: the type of an account, its limits on calls and codes, and its rule for long names."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field, JsonValue

from ringback.config import validators
from ringback.control_api.dependencies import PathAccount, Services, account_not_found
from ringback.control_api.schemas import RequestModel, ResponseModel, StrictNumber
from ringback.domain.policies import AccountPolicy, AccountType, CallPolicy, LongFriendlyName, SecondRequest, SignedPort
from ringback.operations.accounts import set_policy

EXAMPLES: list[JsonValue] = [{"account_type": "trial"}, {"calls_per_number_and_week": 3, "code_lifetime_seconds": 600}]

router = APIRouter(tags=["Policy"])


class SetPolicyRequest(RequestModel):
    """Limits of an account. Limits that are null or omitted default to the settings."""

    model_config = ConfigDict(json_schema_extra={"examples": EXAMPLES})

    account_type: AccountType | None = Field(
        None, description="The validation requests of a `trial` account are rejected (400, code 10002)."
    )
    calls_per_number_and_week: Annotated[validators.CallsAWeek, StrictNumber] | None = Field(
        None,
        description="Maximum calls to one number within seven days. Further requests are rejected (429, code 22100).",
    )
    code_lifetime_seconds: Annotated[validators.CodeLifetime, StrictNumber] | None = Field(
        None, description="How long a code is valid after its request. An expired code counts as a wrong code."
    )
    code_attempts: Annotated[validators.CodeAttempts, StrictNumber] | None = Field(
        None, description="How many times a call prompts for the code."
    )
    long_friendly_name: LongFriendlyName | None = Field(
        None, description="Reject a FriendlyName of more than 64 characters (400, code 20002), or truncate it to 64."
    )
    second_request: SecondRequest | None = Field(
        None,
        description="Effect of a request for a number that is being called: `supersede` ends that call, `refuse` "
        "rejects the request (400, code 21450), `both` calls a second time.",
    )
    callback_signed_port: SignedPort | None = Field(
        None, description="`dropped`: the port of an https callback URL is omitted from the signed URL."
    )


class PolicyResponse(ResponseModel):
    """The limits that apply to the account."""

    account_type: AccountType
    calls_per_number_and_week: int | None = Field(description="Null: no limit.")
    code_lifetime_seconds: float | None = Field(description="Null: until the call ends.")
    code_attempts: int
    long_friendly_name: LongFriendlyName
    second_request: SecondRequest
    callback_signed_port: SignedPort
    overrides: list[str] = Field(description="Limits set for this account. All other limits come from the settings.")


def _policy_response(own: AccountPolicy, settings: CallPolicy) -> PolicyResponse:
    policy = own.merged_with(settings)
    return PolicyResponse(
        account_type=policy.account_type,
        calls_per_number_and_week=policy.calls_per_number_and_week,
        code_lifetime_seconds=policy.code_lifetime_seconds,
        code_attempts=policy.code_attempts,
        long_friendly_name=policy.long_friendly_name,
        second_request=policy.second_request,
        callback_signed_port=policy.callback_signed_port,
        overrides=list(own.overrides),
    )


@router.get("/accounts/{account_sid}/policy", summary="Read the account's policy")
async def fetch_policy(services: Services, account: PathAccount) -> PolicyResponse:
    """Return the limits that apply to the account."""
    return _policy_response(account.policy, services.call_policy)


@router.put("/accounts/{account_sid}/policy", summary="Set the account's policy")
async def replace_policy(services: Services, account: PathAccount, body: SetPolicyRequest) -> PolicyResponse:
    """Replace the limits of the account. The new limits apply from the next request on.

    Calls in progress keep their limits. Subaccounts have their own policies.
    """
    own = AccountPolicy(**dict(body))
    if not await services.database.run(set_policy, account.sid, own):
        raise account_not_found(account.sid)
    return _policy_response(own, services.call_policy)


@router.delete(
    "/accounts/{account_sid}/policy", status_code=HTTPStatus.NO_CONTENT, summary="Delete the account's policy"
)
async def delete_policy(services: Services, account: PathAccount) -> Response:
    """Delete the policy, so that the settings apply again. Also succeeds if the account has no policy."""
    await services.database.run(set_policy, account.sid, AccountPolicy())
    return Response(status_code=HTTPStatus.NO_CONTENT)
