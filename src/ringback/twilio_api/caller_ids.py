"""The list resource: ``/2010-04-01/Accounts/{AccountSid}/OutgoingCallerIds``."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ringback.domain.paging import page_links, page_request
from ringback.operations.caller_ids import list_outgoing_caller_ids
from ringback.operations.validation_requests import create_validation_request
from ringback.twilio_api import documents
from ringback.twilio_api import parameters as forms
from ringback.twilio_api.openapi import answers, fields, form_body, page_of, query_parameters
from ringback.twilio_api.responses import CALL_KEY, exchange_of
from ringback.twilio_api.routes import DirectRoute

PATH = "/2010-04-01/Accounts/{AccountSid}/OutgoingCallerIds"
FILTERS = ("PhoneNumber", "FriendlyName")

router = APIRouter(tags=["OutgoingCallerIds"], route_class=DirectRoute)


@router.get(
    PATH,
    name="list-outgoing-caller-ids",
    summary="List the verified numbers",
    openapi_extra=query_parameters(
        PhoneNumber="Only the caller ID of exactly this number.",
        FriendlyName="Only caller IDs of exactly this name.",
        PageSize="How many on a page: 50 unless given, 1000 at most.",
        Page="The number of the page, the first being 0.",
        PageToken="Where the page begins, as another page's links give it.",
    ),
    responses=answers(page_of("outgoing_caller_ids", fields(documents.OUTGOING_CALLER_ID_COLUMNS))),
)
async def list_caller_ids(request: Request) -> Response:
    """Answer one page of the account's verified numbers, newest first."""
    exchange = exchange_of(request)
    asked = forms.read_query(request)
    account_sid = exchange.account.sid
    page = await exchange.services.database.run(
        list_outgoing_caller_ids,
        account_sid,
        page_request(asked),
        phone_number=asked.get("PhoneNumber"),
        friendly_name=asked.get("FriendlyName"),
    )
    path, suffix = documents.outgoing_caller_ids_path(account_sid), exchange.representation.uri_suffix
    filters = {name: asked[name] for name in FILTERS if name in asked}
    links = page_links(path + suffix, filters, page, asked)
    return await exchange.answer_page(page, lambda page: documents.outgoing_caller_id_page(page, links, path, suffix))


@router.post(
    PATH,
    name="create-validation-request",
    summary="Verify a number: call it and ask for a code",
    openapi_extra=form_body(forms.ValidationRequestForm),
    responses=answers(
        fields(
            ("account_sid", "phone_number", "friendly_name", "call_sid"),
            nullable={"friendly_name"},
            validation_code={"type": ["string", "integer"]},
        ),
        has_form=True,
        has_limit=True,
    ),
)
async def validate_number(request: Request) -> Response:
    """Answer the code that the callee must key in, and the call that will ask for it; nothing is verified yet."""
    exchange = exchange_of(request)
    services = exchange.services
    wanted = forms.validation_request(await forms.read_form(request), services.number_validation)
    answer = await services.database.run(
        create_validation_request,
        exchange.account.sid,
        wanted,
        system_now=services.now(),
        policy=services.call_policy,
        identifiers=services.identifiers,
    )
    request.scope[CALL_KEY] = answer.call_sid
    services.wake_runner()
    if answer.has_superseded:
        services.wake_sender()
    return exchange.answer(documents.validation_request(answer, services.validation_code_format))
