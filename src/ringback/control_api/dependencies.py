"""What the paths of the control API name: an account, a call."""

from typing import Annotated

from fastapi import Depends, Path, Request

from ringback.control_api.errors import ControlError, not_found
from ringback.domain.accounts import Account
from ringback.domain.calls import ValidationCall
from ringback.domain.sids import AccountSid
from ringback.operations.accounts import find_account
from ringback.operations.calls import find_call
from ringback.operations.services import Services as _Services


def services_of(request: Request) -> _Services:
    """Return the services of the application that received a request."""
    services: _Services = request.app.state.services
    return services


Services = Annotated[_Services, Depends(services_of)]
AccountSidOfPath = Annotated[str, Path(alias="account_sid", description="`AC…`")]


async def _account(services: Services, account_sid: AccountSidOfPath) -> Account:
    account = await services.database.run(find_account, AccountSid(account_sid))
    if account is None:
        raise no_such_account(account_sid)
    return account


def no_such_account(account_sid: str) -> ControlError:
    """Say that an account is not there, or not any more."""
    return not_found(f"account {account_sid[:40]}", "GET /_ringback/accounts lists those there are")


AccountOfPath = Annotated[Account, Depends(_account)]


async def _call(
    services: Services, account: AccountOfPath, call_sid: Annotated[str, Path(description="`CA…`")]
) -> ValidationCall:
    call = await services.database.run(find_call, account.sid, call_sid)
    if call is None:
        raise no_such_call(account.sid, call_sid)
    return call


def no_such_call(account_sid: str, call_sid: str) -> ControlError:
    """Say that a call is not there, or not any more."""
    hint = f"GET /_ringback/accounts/{account_sid}/calls lists those there are"
    return not_found(f"call {call_sid[:40]} in this account", hint)


CallOfPath = Annotated[ValidationCall, Depends(_call)]
