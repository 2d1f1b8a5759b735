"""Accounts to throw away, their keys, and forgetting what is in them."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from ringback.config.email_address import EmailAddress
from ringback.config.validators import AccountSidText, FriendlyName
from ringback.control_api.dependencies import AccountOfPath, Services, no_such_account
from ringback.control_api.errors import unprocessable
from ringback.control_api.large_responses import list_answer
from ringback.control_api.schemas import Body, Time, View
from ringback.domain.accounts import Account, AccountStatus
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import rfc_3339
from ringback.operations import accounts as operations

router = APIRouter(tags=["Accounts"])


class NewAccount(Body):
    """What an account can be given; all of it may be left out."""

    friendly_name: FriendlyName | None = None
    owner_email: EmailAddress | None = Field(None, description="Checked by its syntax alone.")
    parent_sid: AccountSidText | None = Field(None, description="The account whose subaccount it is to be.")


class AccountChange(Body):
    """What can be changed of an account."""

    status: AccountStatus = Field(description="Only an active account's requests are served.")


class AccountView(View):
    """An account, with what it takes to authenticate."""

    sid: str
    auth_token: str
    friendly_name: str
    owner_email: str | None
    status: AccountStatus
    parent_sid: str | None
    date_created: Time
    date_updated: Time


class AccountList(View):
    """Accounts, the oldest first."""

    accounts: list[AccountView]


class ApiKeyView(View):
    """An API key: user name and password of requests for its account."""

    sid: str
    secret: str
    account_sid: str
    date_created: Time


def account_view(account: Account) -> AccountView:
    """Show an account."""
    return AccountView(**_shown(account))


def _shown(account: Account) -> dict[str, Any]:
    return {
        "sid": account.sid,
        "auth_token": account.auth_token,
        "friendly_name": account.friendly_name,
        "owner_email": account.owner_email,
        "status": account.status,
        "parent_sid": account.parent_sid,
        "date_created": rfc_3339(account.date_created),
        "date_updated": rfc_3339(account.date_updated),
    }


@router.post("/accounts", status_code=HTTPStatus.CREATED, summary="Make an account")
async def create_account(services: Services, wanted: NewAccount | None = None) -> AccountView:
    """Make an account with a new SID and auth token, for one test or one suite."""
    wanted = wanted or NewAccount()
    try:
        account = await services.database.run(
            operations.create_account,
            friendly_name=wanted.friendly_name,
            owner_email=wanted.owner_email,
            parent_sid=AccountSid(wanted.parent_sid) if wanted.parent_sid else None,
            now=services.now(),
            identifiers=services.identifiers,
        )
    except operations.UnfitParent as error:
        raise unprocessable(
            f"parent_sid: {error} is no account, or is a subaccount itself",
            "leave parent_sid out, or name an account that has no parent",
        ) from error
    return account_view(account)


@router.get("/accounts", response_model=AccountList, summary="List the accounts")
async def list_accounts(services: Services) -> Response:
    """Show all accounts, the oldest first."""
    accounts = await services.database.run_in_steps(operations.list_accounts.steps)
    return await list_answer("accounts", accounts, account_view)


@router.get("/accounts/{account_sid}", summary="Fetch an account")
async def fetch_account(account: AccountOfPath) -> AccountView:
    """Show an account."""
    return account_view(account)


@router.patch("/accounts/{account_sid}", summary="Suspend an account, close it, make it active again")
async def change_account(services: Services, account: AccountOfPath, change: AccountChange) -> AccountView:
    """Change the status of an account."""
    changed = await services.database.run(
        operations.change_account_status, account.sid, change.status, system_now=services.now()
    )
    if changed is None:
        raise no_such_account(account.sid)
    return account_view(changed)


@router.delete("/accounts/{account_sid}", status_code=HTTPStatus.NO_CONTENT, summary="Delete an account")
async def delete_account(services: Services, account: AccountOfPath) -> Response:
    """Delete an account, its subaccounts and all that is theirs, calls under way too."""
    await services.database.run_in_steps(operations.delete_account.steps, account.sid)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/accounts/{account_sid}/keys", status_code=HTTPStatus.CREATED, summary="Make an API key")
async def create_api_key(services: Services, account: AccountOfPath) -> ApiKeyView:
    """Make a key whose SID and secret authenticate for the account."""
    key = await services.database.run(
        operations.create_api_key, account, system_now=services.now(), identifiers=services.identifiers
    )
    if key is None:
        raise no_such_account(account.sid)
    return ApiKeyView(
        sid=key.sid, secret=key.secret, account_sid=key.account_sid, date_created=rfc_3339(key.date_created)
    )


@router.post("/accounts/{account_sid}/reset", status_code=HTTPStatus.NO_CONTENT, summary="Empty an account")
async def reset_account(services: Services, account: AccountOfPath) -> Response:
    """Forget the account's caller IDs, calls, callbacks, phones, faults, policy and journals.

    Its clock shows the real time.

    The account itself stays, with its auth token, keys and subaccounts.
    """
    await services.database.run_in_steps(operations.reset_account.steps, account.sid)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/reset", status_code=HTTPStatus.NO_CONTENT, summary="Forget everything")
async def reset_everything(services: Services) -> Response:
    """Forget all accounts and all that is theirs; settings and seed file make theirs anew."""
    await services.reset_all()
    return Response(status_code=HTTPStatus.NO_CONTENT)
