"""FastAPI dependencies: the services, and the account, the call and the phone number in the path of a request."""

from typing import Annotated

from fastapi import Depends, Path, Request

from ringback.control_api.errors import ControlError, not_found, unprocessable
from ringback.domain.accounts import Account
from ringback.domain.calls import ValidationCall
from ringback.domain.phone_numbers import to_e164
from ringback.domain.sids import AccountSid
from ringback.operations.accounts import find_account
from ringback.operations.calls import find_call
from ringback.operations.services import Services as SharedServices

_SHOWN_CHARACTERS = 40


def _get_services(request: Request) -> SharedServices:
    """Return the services of the application that received the request."""
    services: SharedServices = request.app.state.services
    return services


Services = Annotated[SharedServices, Depends(_get_services)]


async def _find_account(
    services: Services, account_sid: Annotated[str, Path(description="SID of the account, `AC…`.")]
) -> Account:
    account = await services.database.run(find_account, AccountSid(account_sid))
    if account is None:
        raise account_not_found(account_sid)
    return account


def account_not_found(account_sid: str) -> ControlError:
    """Return the error for an account that does not exist or was deleted."""
    return not_found(f"account {account_sid[:_SHOWN_CHARACTERS]}", "GET /_ringback/accounts lists all accounts")


PathAccount = Annotated[Account, Depends(_find_account)]
"""The account that the path names."""


async def _find_call(
    services: Services, account: PathAccount, call_sid: Annotated[str, Path(description="SID of the call, `CA…`.")]
) -> ValidationCall:
    call = await services.database.run(find_call, account.sid, call_sid)
    if call is None:
        raise call_not_found(account.sid, call_sid)
    return call


def call_not_found(account_sid: str, call_sid: str) -> ControlError:
    """Return the error for a call that does not exist or was deleted."""
    hint = f"GET /_ringback/accounts/{account_sid}/calls lists the calls of the account"
    return not_found(f"call {call_sid[:_SHOWN_CHARACTERS]} in this account", hint)


PathCall = Annotated[ValidationCall, Depends(_find_call)]
"""The call that the path names, in the account that the path names."""


def parse_phone_number(services: SharedServices, text: str, field: str) -> str:
    """Return the E.164 form of a phone number in a request. Raises ControlError (422), which names the `field`."""
    e164 = to_e164(text, services.number_validation)
    if e164 is None:
        raise unprocessable(
            f"{field}: {text[:_SHOWN_CHARACTERS]!r} is not a valid phone number",
            "use a format such as +14158675309; the setting number_validation=possible checks only the number's length",
        )
    return e164
