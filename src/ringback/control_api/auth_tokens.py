"""Auth tokens: create, delete and promote an account's secondary auth token."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from ringback.control_api.accounts import AccountResponse, account_response
from ringback.control_api.dependencies import PathAccount, Services, account_not_found
from ringback.control_api.errors import CONFLICT_RESPONSE, ControlError, conflict
from ringback.operations import auth_tokens as operations

router = APIRouter(tags=["Accounts"])


@router.post(
    "/accounts/{account_sid}/auth-tokens/secondary",
    status_code=HTTPStatus.CREATED,
    summary="Create a secondary auth token",
)
async def create_secondary_token(services: Services, account: PathAccount) -> AccountResponse:
    """Create a token that authenticates like the primary one. It replaces an existing secondary token."""
    updated_account = await services.database.run(
        operations.create_secondary_token,
        account.sid,
        system_now=services.system_now(),
        id_generator=services.id_generator,
    )
    if updated_account is None:
        raise account_not_found(account.sid)
    return account_response(updated_account)


@router.delete(
    "/accounts/{account_sid}/auth-tokens/secondary",
    status_code=HTTPStatus.NO_CONTENT,
    responses=CONFLICT_RESPONSE,
    summary="Delete the secondary auth token",
)
async def delete_secondary_token(services: Services, account: PathAccount) -> Response:
    """Delete the secondary token, which is then no longer valid."""
    try:
        await services.database.run(operations.delete_secondary_token, account.sid, system_now=services.system_now())
    except operations.NoSecondaryToken as error:
        raise _no_secondary_token(account.sid) from error
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post(
    "/accounts/{account_sid}/auth-tokens/promote",
    responses=CONFLICT_RESPONSE,
    summary="Promote the secondary auth token",
)
async def promote_secondary_token(services: Services, account: PathAccount) -> AccountResponse:
    """Make the secondary token the primary one, which signs StatusCallbacks. The old primary token is deleted."""
    try:
        updated_account = await services.database.run(
            operations.promote_secondary_token, account.sid, system_now=services.system_now()
        )
    except operations.NoSecondaryToken as error:
        raise _no_secondary_token(account.sid) from error
    if updated_account is None:
        raise account_not_found(account.sid)
    return account_response(updated_account)


def _no_secondary_token(account_sid: str) -> ControlError:
    hint = f"create one with POST /_ringback/accounts/{account_sid}/auth-tokens/secondary"
    return conflict(f"account {account_sid} has no secondary auth token", hint)
