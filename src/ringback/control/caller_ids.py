"""Verified numbers placed directly, without a call."""

from http import HTTPStatus

from fastapi import APIRouter
from pydantic import Field

from ringback.checks import FriendlyName
from ringback.control.errors import CONFLICTS, conflict
from ringback.control.numbers import e164_of
from ringback.control.paths import AccountOfPath, Services, no_such_account
from ringback.control.views import Body, Moment, Time, View, instant_of
from ringback.domain.instants import rfc_3339
from ringback.operations.caller_ids import AlreadyVerified, place_caller_id

router = APIRouter(tags=["Caller IDs"])


class NewCallerId(Body):
    """A number that is to be verified at once."""

    phone_number: str = Field(max_length=64, examples=["+14158675309"])
    friendly_name: FriendlyName | None = Field(None, description="The number as Twilio writes it unless given.")
    date_created: Moment | None = Field(None, description="Now, by the account's clock, unless given.")


class CallerIdView(View):
    """A verified number."""

    sid: str
    account_sid: str
    phone_number: str
    friendly_name: str
    date_created: Time
    date_updated: Time


@router.post(
    "/accounts/{account_sid}/caller-ids",
    status_code=HTTPStatus.CREATED,
    responses=CONFLICTS,
    summary="Place a caller ID",
)
async def place(services: Services, account: AccountOfPath, wanted: NewCallerId) -> CallerIdView:
    """Make a number a verified one of the account at once: nobody is called, no code is asked for."""
    number = e164_of(services, wanted.phone_number, "phone_number")
    try:
        placed = await services.database.run(
            place_caller_id,
            account.sid,
            number,
            wanted.friendly_name,
            created=instant_of(wanted.date_created),
            real=services.now(),
            identifiers=services.identifiers,
        )
    except AlreadyVerified as error:
        hint = f"it is {error.caller_id.sid}: delete that one first, or place another number"
        raise conflict(f"{number} is verified already in this account", hint) from error
    if placed is None:
        raise no_such_account(account.sid)
    return CallerIdView(
        sid=placed.sid,
        account_sid=placed.account_sid,
        phone_number=placed.phone_number,
        friendly_name=placed.friendly_name,
        date_created=rfc_3339(placed.date_created),
        date_updated=rfc_3339(placed.date_updated),
    )
