"""Verified numbers: placed directly, without a call, listed and deleted."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from ringback.config.validators import FriendlyName
from ringback.control_api.dependencies import AccountOfPath, Services, no_such_account
from ringback.control_api.errors import CONFLICTS, conflict, not_found
from ringback.control_api.large_responses import list_answer
from ringback.control_api.phone_numbers import e164_of
from ringback.control_api.schemas import Body, Moment, Time, View, instant_of
from ringback.domain.caller_ids import OutgoingCallerId
from ringback.domain.errors import TwilioError
from ringback.domain.paging import MAX_PAGE_SIZE, PageRequest
from ringback.domain.timestamps import rfc_3339
from ringback.operations.caller_ids import (
    AlreadyVerified,
    delete_outgoing_caller_id,
    list_outgoing_caller_ids,
    place_caller_id,
)

DEFAULT_LIMIT = 100

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


class CallerIdList(View):
    """Verified numbers, newest first."""

    caller_ids: list[CallerIdView]


def caller_id_view(caller_id: OutgoingCallerId) -> CallerIdView:
    """Show a verified number."""
    return CallerIdView(
        sid=caller_id.sid,
        account_sid=caller_id.account_sid,
        phone_number=caller_id.phone_number,
        friendly_name=caller_id.friendly_name,
        date_created=rfc_3339(caller_id.date_created),
        date_updated=rfc_3339(caller_id.date_updated),
    )


@router.get("/accounts/{account_sid}/caller-ids", response_model=CallerIdList, summary="List the caller IDs")
async def list_caller_ids(
    services: Services,
    account: AccountOfPath,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = DEFAULT_LIMIT,
) -> Response:
    """Show the account's newest verified numbers; no fault strikes here, and no journal tells of it."""
    page = await services.database.run(list_outgoing_caller_ids, account.sid, PageRequest(page_size=limit))
    return await list_answer("caller_ids", page.rows, caller_id_view)


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
            system_now=services.now(),
            identifiers=services.identifiers,
        )
    except AlreadyVerified as error:
        hint = f"it is {error.caller_id.sid}: delete that one first, or place another number"
        raise conflict(f"{number} is verified already in this account", hint) from error
    if placed is None:
        raise no_such_account(account.sid)
    return caller_id_view(placed)


@router.delete(
    "/accounts/{account_sid}/caller-ids/{sid}", status_code=HTTPStatus.NO_CONTENT, summary="Delete a caller ID"
)
async def delete_caller_id(
    services: Services, account: AccountOfPath, sid: Annotated[str, Path(description="`PN…`")]
) -> Response:
    """Let a number be verified no longer, as the Twilio surface would."""
    try:
        is_deleted = await services.database.run(delete_outgoing_caller_id, account.sid, sid, system_now=services.now())
    except TwilioError as error:
        raise no_such_account(account.sid) from error
    if not is_deleted:
        hint = f"GET /_ringback/accounts/{account.sid}/caller-ids lists those there are"
        raise not_found(f"caller ID {sid[:40]} in this account", hint)
    return Response(status_code=HTTPStatus.NO_CONTENT)
