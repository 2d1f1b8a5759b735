"""Caller IDs: create them without a call, list and delete them."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from ringback.config.validators import FriendlyName
from ringback.control_api.dependencies import PathAccount, Services, account_not_found, parse_phone_number
from ringback.control_api.errors import CONFLICT_RESPONSE, conflict, not_found
from ringback.control_api.large_responses import list_response
from ringback.control_api.schemas import DateTimeIn, DateTimeOut, RequestModel, ResponseModel, to_timestamp
from ringback.domain.caller_ids import OutgoingCallerId
from ringback.domain.errors import TwilioError
from ringback.domain.paging import MAX_PAGE_SIZE, PageRequest
from ringback.domain.timestamps import rfc_3339
from ringback.operations.caller_ids import (
    AlreadyVerified,
    create_caller_id_without_call,
    delete_outgoing_caller_id,
    list_outgoing_caller_ids,
)

DEFAULT_LIMIT = 100

router = APIRouter(tags=["Caller IDs"])


class CreateCallerIdRequest(RequestModel):
    """A phone number to verify without a call."""

    phone_number: str = Field(max_length=64, examples=["+14158675309"])
    friendly_name: FriendlyName | None = Field(None, description="Default: the number as Twilio formats it.")
    date_created: DateTimeIn | None = Field(None, description="Default: now, by the account's clock.")


class CallerIdResponse(ResponseModel):
    """A caller ID (verified number)."""

    sid: str
    account_sid: str
    phone_number: str
    friendly_name: str
    date_created: DateTimeOut
    date_updated: DateTimeOut


class CallerIdListResponse(ResponseModel):
    """Caller IDs, newest first."""

    caller_ids: list[CallerIdResponse]


def caller_id_response(caller_id: OutgoingCallerId) -> CallerIdResponse:
    """Convert a caller ID to a response."""
    return CallerIdResponse(
        sid=caller_id.sid,
        account_sid=caller_id.account_sid,
        phone_number=caller_id.phone_number,
        friendly_name=caller_id.friendly_name,
        date_created=rfc_3339(caller_id.date_created),
        date_updated=rfc_3339(caller_id.date_updated),
    )


@router.get("/accounts/{account_sid}/caller-ids", response_model=CallerIdListResponse, summary="List the caller IDs")
async def list_caller_ids(
    services: Services,
    account: PathAccount,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = DEFAULT_LIMIT,
) -> Response:
    """Return the account's newest caller IDs. Faults do not affect this request, and it is not journaled."""
    page = await services.database.run(list_outgoing_caller_ids, account.sid, PageRequest(page_size=limit))
    return await list_response("caller_ids", page.rows, caller_id_response)


@router.post(
    "/accounts/{account_sid}/caller-ids",
    status_code=HTTPStatus.CREATED,
    responses=CONFLICT_RESPONSE,
    summary="Create a caller ID without a call",
)
async def create_caller_id(services: Services, account: PathAccount, body: CreateCallerIdRequest) -> CallerIdResponse:
    """Add a verified number to the account immediately, without a call or a code."""
    number = parse_phone_number(services, body.phone_number, "phone_number")
    try:
        caller_id = await services.database.run(
            create_caller_id_without_call,
            account.sid,
            number,
            body.friendly_name,
            created=to_timestamp(body.date_created),
            system_now=services.system_now(),
            id_generator=services.id_generator,
        )
    except AlreadyVerified as error:
        hint = f"delete the caller ID {error.caller_id.sid} first, or use another number"
        raise conflict(f"{number} is already verified in this account", hint) from error
    if caller_id is None:
        raise account_not_found(account.sid)
    return caller_id_response(caller_id)


@router.delete(
    "/accounts/{account_sid}/caller-ids/{sid}", status_code=HTTPStatus.NO_CONTENT, summary="Delete a caller ID"
)
async def delete_caller_id(
    services: Services, account: PathAccount, sid: Annotated[str, Path(description="SID of the caller ID, `PN…`.")]
) -> Response:
    """Delete a caller ID, as the Twilio API does."""
    try:
        is_deleted = await services.database.run(
            delete_outgoing_caller_id, account.sid, sid, system_now=services.system_now()
        )
    except TwilioError as error:
        raise account_not_found(account.sid) from error
    if not is_deleted:
        hint = f"GET /_ringback/accounts/{account.sid}/caller-ids lists the caller IDs of the account"
        raise not_found(f"caller ID {sid[:40]} in this account", hint)
    return Response(status_code=HTTPStatus.NO_CONTENT)
