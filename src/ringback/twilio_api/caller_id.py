"""The instance resource: ``/2010-04-01/Accounts/{AccountSid}/OutgoingCallerIds/{Sid}``."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ringback.operations.caller_ids import (
    delete_outgoing_caller_id,
    fetch_outgoing_caller_id,
    update_outgoing_caller_id,
)
from ringback.twilio_api import documents
from ringback.twilio_api import parameters as forms
from ringback.twilio_api.openapi import answers, fields, form_body
from ringback.twilio_api.responses import NO_CONTENT, exchange_of, no_content
from ringback.twilio_api.routes import DirectRoute

PATH = "/2010-04-01/Accounts/{AccountSid}/OutgoingCallerIds/{Sid}"

router = APIRouter(tags=["OutgoingCallerIds"], route_class=DirectRoute)


@router.get(
    PATH,
    name="fetch-outgoing-caller-id",
    summary="Fetch a verified number",
    responses=answers(fields(documents.OUTGOING_CALLER_ID_COLUMNS)),
)
async def fetch_caller_id(request: Request) -> Response:
    """Answer one caller ID."""
    exchange = exchange_of(request)
    sid = request.path_params["Sid"]
    found = await exchange.services.database.run(fetch_outgoing_caller_id, exchange.account.sid, sid)
    if found is None:
        raise exchange.not_found()
    return exchange.answer(documents.outgoing_caller_id(found, exchange.representation.uri_suffix))


@router.put(
    PATH,
    name="update-outgoing-caller-id",
    summary="Rename a verified number",
    openapi_extra=form_body(forms.CallerIdForm),
    responses=answers(fields(documents.OUTGOING_CALLER_ID_COLUMNS), has_form=True),
)
@router.post(
    PATH,
    name="update-outgoing-caller-id",
    summary="Rename a verified number",
    openapi_extra=form_body(forms.CallerIdForm),
    responses=answers(fields(documents.OUTGOING_CALLER_ID_COLUMNS), has_form=True),
)
async def update_caller_id(request: Request) -> Response:
    """Answer the caller ID as it is after the update."""
    exchange = exchange_of(request)
    services = exchange.services
    friendly_name = forms.new_friendly_name(await forms.read_form(request))
    updated = await services.database.run(
        update_outgoing_caller_id,
        exchange.account.sid,
        request.path_params["Sid"],
        friendly_name,
        system_now=services.now(),
    )
    if updated is None:
        raise exchange.not_found()
    return exchange.answer(documents.outgoing_caller_id(updated, exchange.representation.uri_suffix))


@router.delete(
    PATH,
    name="delete-outgoing-caller-id",
    summary="Forget a verified number",
    status_code=NO_CONTENT,
    responses=answers(None),
)
async def delete_caller_id(request: Request) -> Response:
    """Answer 204 once the caller ID is gone."""
    exchange = exchange_of(request)
    sid = request.path_params["Sid"]
    if not await exchange.services.database.run(
        delete_outgoing_caller_id, exchange.account.sid, sid, system_now=exchange.services.now()
    ):
        raise exchange.not_found()
    return no_content()
