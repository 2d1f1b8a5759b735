"""The accounts whose phones ring: what the phone page tells of accounts that it does not show."""

from fastapi import APIRouter
from pydantic import Field

from ringback.control_api.dependencies import Services
from ringback.control_api.schemas import View
from ringback.operations.ringing_phones import MOST_COUNTED, ringing_accounts

router = APIRouter(tags=["Phones"])


class RingingAccountView(View):
    """An account with ringing phones."""

    account_sid: str
    friendly_name: str
    phones: int = Field(description=f"How many phones ring or are in a call; {MOST_COUNTED} stands for more, too.")


class RingingAccountList(View):
    """The accounts with ringing phones."""

    accounts: list[RingingAccountView]


@router.get("/ringing-phones", summary="Count the ringing phones of all accounts")
async def list_ringing(services: Services) -> RingingAccountList:
    """Show the accounts in which phones ring or are in a call, and how many."""
    found = await services.database.run(ringing_accounts)
    return RingingAccountList(accounts=[RingingAccountView(**account._asdict()) for account in found])
