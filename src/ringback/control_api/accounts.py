"""Accounts: create, list, suspend, reset and delete them."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from pydantic import Field

from ringback.config.email_address import EmailAddress
from ringback.config.validators import AccountSidText, FriendlyName
from ringback.control_api.dependencies import PathAccount, Services, account_not_found
from ringback.control_api.errors import unprocessable
from ringback.control_api.large_responses import list_response
from ringback.control_api.schemas import DateTimeOut, RequestModel, ResponseModel
from ringback.domain.accounts import Account, AccountStatus
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import rfc_3339
from ringback.operations import accounts as operations

router = APIRouter(tags=["Accounts"])


class CreateAccountRequest(RequestModel):
    """Properties of a new account. All are optional."""

    friendly_name: FriendlyName | None = None
    owner_email: EmailAddress | None = Field(None, description="Only the syntax is checked.")
    parent_sid: AccountSidText | None = Field(
        None, description="Parent account: the new account becomes its subaccount."
    )


class UpdateAccountRequest(RequestModel):
    """Properties of an account that can be changed."""

    status: AccountStatus = Field(description="The Twilio API serves only active accounts.")


class AccountResponse(ResponseModel):
    """An account with its auth tokens."""

    sid: str
    auth_token: str
    secondary_auth_token: str | None = Field(
        description="Also valid for authentication, but not used for signatures. Null if the account does not have one."
    )
    friendly_name: str
    owner_email: str | None
    status: AccountStatus
    parent_sid: str | None
    date_created: DateTimeOut
    date_updated: DateTimeOut


class AccountListResponse(ResponseModel):
    """All accounts, oldest first."""

    accounts: list[AccountResponse]


def account_response(account: Account) -> AccountResponse:
    """Convert an account to a response."""
    return AccountResponse(
        sid=account.sid,
        auth_token=account.auth_token,
        secondary_auth_token=account.secondary_auth_token,
        friendly_name=account.friendly_name,
        owner_email=account.owner_email,
        status=account.status,
        parent_sid=account.parent_sid,
        date_created=rfc_3339(account.date_created),
        date_updated=rfc_3339(account.date_updated),
    )


@router.post("/accounts", status_code=HTTPStatus.CREATED, summary="Create an account")
async def create_account(services: Services, body: CreateAccountRequest | None = None) -> AccountResponse:
    """Create an account with a new SID and auth token, for one test or one test suite."""
    body = body or CreateAccountRequest()
    try:
        account = await services.database.run(
            operations.create_account,
            friendly_name=body.friendly_name,
            owner_email=body.owner_email,
            parent_sid=AccountSid(body.parent_sid) if body.parent_sid else None,
            system_now=services.system_now(),
            id_generator=services.id_generator,
        )
    except operations.InvalidParent as error:
        raise unprocessable(
            f"parent_sid: {error} is not an account, or is a subaccount itself",
            "omit parent_sid, or use the SID of an account that has no parent",
        ) from error
    return account_response(account)


@router.get("/accounts", response_model=AccountListResponse, summary="List the accounts")
async def list_accounts(services: Services) -> Response:
    """Return all accounts, oldest first."""
    accounts = await services.database.run_in_steps(operations.list_accounts.steps)
    return await list_response("accounts", accounts, account_response)


@router.get("/accounts/{account_sid}", summary="Fetch an account")
async def fetch_account(account: PathAccount) -> AccountResponse:
    """Return an account."""
    return account_response(account)


@router.patch("/accounts/{account_sid}", summary="Suspend, close or reactivate an account")
async def update_account(services: Services, account: PathAccount, body: UpdateAccountRequest) -> AccountResponse:
    """Change the status of an account."""
    updated_account = await services.database.run(
        operations.change_account_status, account.sid, body.status, system_now=services.system_now()
    )
    if updated_account is None:
        raise account_not_found(account.sid)
    return account_response(updated_account)


@router.delete("/accounts/{account_sid}", status_code=HTTPStatus.NO_CONTENT, summary="Delete an account")
async def delete_account(services: Services, account: PathAccount) -> Response:
    """Delete an account, its subaccounts and all their data, including calls in progress."""
    await services.database.run_in_steps(operations.delete_account.steps, account.sid)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/accounts/{account_sid}/reset", status_code=HTTPStatus.NO_CONTENT, summary="Reset an account")
async def reset_account(services: Services, account: PathAccount) -> Response:
    """Delete the account's caller IDs, calls, callbacks, phones, faults, policy and journals.

    Its clock returns to real time. The account itself remains, with its auth token, keys and subaccounts.
    """
    await services.database.run_in_steps(operations.reset_account.steps, account.sid)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/reset", status_code=HTTPStatus.NO_CONTENT, summary="Reset the server")
async def reset_everything(services: Services) -> Response:
    """Delete all accounts and their data, then recreate the accounts in the settings and the seed file."""
    await services.reset_all()
    return Response(status_code=HTTPStatus.NO_CONTENT)
