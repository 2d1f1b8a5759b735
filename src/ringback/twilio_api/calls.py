"""The validation calls: ``/2010-04-01/Accounts/{AccountSid}/Calls`` and ``…/Calls/{Sid}``, to be read only."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ringback.domain.paging import page_links, page_request
from ringback.operations.call_lists import list_calls
from ringback.operations.calls import find_call
from ringback.twilio_api import call_documents
from ringback.twilio_api import parameters as forms
from ringback.twilio_api.openapi import answers, fields, page_of, query_parameters
from ringback.twilio_api.responses import exchange_of
from ringback.twilio_api.routes import DirectRoute

LIST_PATH = "/2010-04-01/Accounts/{AccountSid}/Calls"
INSTANCE_PATH = f"{LIST_PATH}/{{Sid}}"
FILTERS = {
    "Status": "Only calls of this status.",
    "To": "Only calls to this number.",
    "From": "Only calls from this number: all come from +14157234000.",
    "StartTime": "Only calls dialled on this day (UTC), such as 2009-07-06.",
    "StartTime<": "Only calls dialled before this day or time.",
    "StartTime>": "Only calls dialled on this day, at this time or later.",
    "ParentCallSid": "Only calls that belong to this one: none does.",
    "EndTime": "Only calls completed on this day (UTC).",
    "EndTime<": "Only calls completed before this day or time.",
    "EndTime>": "Only calls completed on this day, at this time or later.",
}
"""In the order in which a page's URIs have them."""

CALL = fields(call_documents.CALL_COLUMNS, call_documents.NULL_COLUMNS, subresource_uris={"type": "object"})

router = APIRouter(tags=["Calls"], route_class=DirectRoute)


@router.get(
    LIST_PATH,
    name="list-calls",
    summary="List the validation calls",
    openapi_extra=query_parameters(
        **FILTERS,
        PageSize="How many on a page: 50 unless given, 1000 at most.",
        Page="The number of the page, the first being 0.",
        PageToken="Where the page begins, as another page's links give it.",
    ),
    responses=answers(page_of("calls", CALL)),
)
async def list_validation_calls(request: Request) -> Response:
    """Answer one page of the account's calls, newest first."""
    exchange = exchange_of(request)
    asked = forms.read_query(request)
    account_sid = exchange.account.sid
    page = await exchange.services.database.run_in_steps(list_calls.steps, account_sid, page_request(asked), asked)
    path, suffix = call_documents.calls_path(account_sid), exchange.representation.uri_suffix
    filters = {name: asked[name] for name in FILTERS if name in asked}
    links = page_links(path + suffix, filters, page, asked)
    return await exchange.answer_page(page, lambda page: call_documents.call_page(page, links, path, suffix))


@router.get(INSTANCE_PATH, name="fetch-call", summary="Fetch a validation call", responses=answers(CALL))
async def fetch_call(request: Request) -> Response:
    """Answer one call, as far as it has got."""
    exchange = exchange_of(request)
    found = await exchange.services.database.run(find_call, exchange.account.sid, request.path_params["Sid"])
    if found is None:
        raise exchange.not_found()
    return exchange.answer(call_documents.call(found, exchange.representation.uri_suffix))
