"""Incoming phone numbers: add, list and delete the numbers that an account owns at Twilio."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from ringback.config.validators import FriendlyName
from ringback.control_api.dependencies import PathAccount, Services, account_not_found, parse_phone_number
from ringback.control_api.errors import CONFLICT_RESPONSE, conflict, not_found
from ringback.control_api.large_responses import list_response
from ringback.control_api.schemas import DateTimeIn, DateTimeOut, RequestModel, ResponseModel, to_timestamp
from ringback.domain.incoming_phone_numbers import IncomingPhoneNumber
from ringback.domain.paging import MAX_PAGE_SIZE, PageRequest
from ringback.domain.timestamps import rfc_3339
from ringback.operations import incoming_phone_numbers as operations

DEFAULT_LIMIT = 100

router = APIRouter(tags=["Incoming phone numbers"])


class CreateIncomingPhoneNumberRequest(RequestModel):
    """A phone number that the account owns at Twilio."""

    phone_number: str = Field(max_length=64, examples=["+15105555555"])
    friendly_name: FriendlyName | None = Field(None, description="Default: the number as Twilio formats it.")
    date_created: DateTimeIn | None = Field(None, description="Default: now, by the account's clock.")


class IncomingPhoneNumberResponse(ResponseModel):
    """An incoming phone number: one that the account owns at Twilio."""

    sid: str
    account_sid: str
    phone_number: str
    friendly_name: str
    date_created: DateTimeOut
    date_updated: DateTimeOut


class IncomingPhoneNumberListResponse(ResponseModel):
    """Incoming phone numbers, newest first."""

    incoming_phone_numbers: list[IncomingPhoneNumberResponse]


def number_response(number: IncomingPhoneNumber) -> IncomingPhoneNumberResponse:
    """Convert an incoming phone number to a response."""
    return IncomingPhoneNumberResponse(
        sid=number.sid,
        account_sid=number.account_sid,
        phone_number=number.phone_number,
        friendly_name=number.friendly_name,
        date_created=rfc_3339(number.date_created),
        date_updated=rfc_3339(number.date_updated),
    )


@router.get(
    "/accounts/{account_sid}/incoming-phone-numbers",
    response_model=IncomingPhoneNumberListResponse,
    summary="List the incoming phone numbers",
)
async def list_incoming_phone_numbers(
    services: Services,
    account: PathAccount,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = DEFAULT_LIMIT,
) -> Response:
    """Return the account's newest numbers. Faults do not affect this request, and it is not journaled."""
    page = await services.database.run(
        operations.list_incoming_phone_numbers, account.sid, PageRequest(page_size=limit)
    )
    return await list_response("incoming_phone_numbers", page.rows, number_response)


@router.post(
    "/accounts/{account_sid}/incoming-phone-numbers",
    status_code=HTTPStatus.CREATED,
    responses=CONFLICT_RESPONSE,
    summary="Add an incoming phone number",
)
async def create_incoming_phone_number(
    services: Services, account: PathAccount, body: CreateIncomingPhoneNumberRequest
) -> IncomingPhoneNumberResponse:
    """Add a number to the account, as if the account had bought it.

    Validation requests for the number get error 21449.
    """
    phone_number = parse_phone_number(services, body.phone_number, "phone_number")
    try:
        number = await services.database.run(
            operations.create_incoming_phone_number,
            account.sid,
            phone_number,
            body.friendly_name,
            created=to_timestamp(body.date_created),
            system_now=services.system_now(),
            id_generator=services.id_generator,
        )
    except operations.AlreadyOwned as error:
        hint = f"delete the number {error.number.sid} first, or use another number"
        raise conflict(f"{phone_number} already belongs to this account", hint) from error
    if number is None:
        raise account_not_found(account.sid)
    return number_response(number)


@router.delete(
    "/accounts/{account_sid}/incoming-phone-numbers/{sid}",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Delete an incoming phone number",
)
async def delete_incoming_phone_number(
    services: Services, account: PathAccount, sid: Annotated[str, Path(description="SID of the number, `PN…`.")]
) -> Response:
    """Delete a number from the account."""
    if not await services.database.run(operations.delete_incoming_phone_number, account.sid, sid):
        hint = f"GET /_ringback/accounts/{account.sid}/incoming-phone-numbers lists the numbers of the account"
        raise not_found(f"incoming phone number {sid[:40]} in this account", hint)
    return Response(status_code=HTTPStatus.NO_CONTENT)
