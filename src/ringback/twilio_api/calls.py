"""Validation calls: their document, and the handlers that list, fetch and end them."""

from starlette.responses import Response

from ringback.domain.call_filters import date_updated, end_time, start_time
from ringback.domain.callbacks import API_VERSION, VALIDATION_CALLER
from ringback.domain.calls import ValidationCall
from ringback.domain.operations import CALL_LIST_PREFIX, Operation
from ringback.domain.paging import Page, PageLinks, page_links, parse_page_request
from ringback.domain.phone_numbers import default_friendly_name
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp, rfc_2822
from ringback.operations import calls as operations
from ringback.twilio_api.documents import Fields, Record, RecordPage, account_path
from ringback.twilio_api.parameters import parse_call_update, read_form, read_query
from ringback.twilio_api.request_context import RequestContext
from ringback.twilio_api.xml import element_name

PRICE_UNIT = "USD"
QUEUE_TIME_MILLISECONDS = "0"
"""Source: docs/fidelity.md, Call [assumed]."""

COLUMNS = (
    *("sid", "date_created", "date_updated", "parent_call_sid", "account_sid", "to", "to_formatted", "from"),
    *("from_formatted", "phone_number_sid", "status", "start_time", "end_time", "duration", "price", "price_unit"),
    *("direction", "answered_by", "api_version", "forwarded_from", "group_sid", "caller_name", "queue_time"),
    *("trunk_sid", "uri"),
)
"""All fields except `subresource_uris`, which does not fit into a cell."""

SUBRESOURCES = {
    key: element_name(key)
    for key in (
        operation.removeprefix(CALL_LIST_PREFIX).replace("-", "_")
        for operation in Operation
        if operation.startswith(CALL_LIST_PREFIX)
    )
}
"""The lists of a call: their JSON keys, and the last segments of their paths."""

NULLABLE_COLUMNS = frozenset(
    {
        *("parent_call_sid", "phone_number_sid", "start_time", "end_time", "duration", "price", "answered_by"),
        *("forwarded_from", "group_sid", "trunk_sid"),
    }
)
"""The fields that validation calls do not have, or have only later."""

FILTERS = {
    "Status": "Only calls with this status.",
    "To": "Only calls to this number.",
    "From": "Only calls from this number. All calls come from +14157234000.",
    "StartTime": "Only calls dialed on this day (UTC), such as 2009-07-06.",
    "StartTime<": "Only calls dialed before this day or time.",
    "StartTime>": "Only calls dialed on or after this day or time.",
    "ParentCallSid": "Only child calls of this call. Validation calls have none.",
    "EndTime": "Only calls completed on this day (UTC).",
    "EndTime<": "Only calls completed before this day or time.",
    "EndTime>": "Only calls completed on or after this day or time.",
}
"""The filters, in the order in which the URIs of a page contain them."""


async def list_calls(context: RequestContext) -> Response:
    """Respond with one page of the account's calls, newest first."""
    query = read_query(context)
    account_sid = context.account.sid
    page = await context.services.database.run_in_steps(
        operations.list_calls.steps, account_sid, parse_page_request(query), query
    )
    path, suffix = calls_path(account_sid), context.representation.uri_suffix
    filters = {name: query[name] for name in FILTERS if name in query}
    links = page_links(path + suffix, filters, page, query)
    return await context.make_page_response(page, lambda page: call_page_document(page, links, path, suffix))


async def fetch_call(context: RequestContext) -> Response:
    """Respond with one call in its current state."""
    call = await context.services.database.run(
        operations.find_call, context.account.sid, context.path_parameters["Sid"]
    )
    if call is None:
        raise context.not_found()
    return context.make_response(call_document(call, context.representation.uri_suffix))


async def update_call(context: RequestContext) -> Response:
    """End a call that has not ended yet, so that the verification fails. `canceled` does not end a call in progress."""
    services = context.services
    call = await services.database.run(
        operations.end_call,
        context.account.sid,
        context.path_parameters["Sid"],
        parse_call_update(await read_form(context)),
        system_now=services.system_now(),
        policy=services.call_policy,
        id_generator=services.id_generator,
    )
    if call is None:
        raise context.not_found()
    context.call_sid = call.sid
    services.wake_sender()
    return context.make_response(call_document(call, context.representation.uri_suffix))


def calls_path(account_sid: AccountSid) -> str:
    """Return the path of an account's calls, without a suffix."""
    return f"{account_path(account_sid)}/Calls"


def call_document(call: ValidationCall, uri_suffix: str) -> Record:
    """Return the document of a call, which has 26 fields."""
    return Record("Call", _call_fields(call, calls_path(call.account_sid), uri_suffix))


def call_page_document(page: Page[ValidationCall], links: PageLinks, path: str, uri_suffix: str) -> RecordPage:
    """Return the document of a page of calls. `path` is the list's path, without a suffix."""
    items = [_call_fields(call, path, uri_suffix) for call in page.rows]
    return RecordPage("Calls", "calls", "Call", page, links, items, COLUMNS)


def _call_fields(call: ValidationCall, path: str, uri_suffix: str) -> Fields:
    """Return the fields in the order of Twilio's OpenAPI description. Those without a value are null.

    Source: docs/fidelity.md, Call [oai].
    """
    ended, uri = end_time(call), f"{path}/{call.sid}"
    return {
        "sid": call.sid,
        "date_created": rfc_2822(call.date_created),
        "date_updated": rfc_2822(date_updated(call)),
        "parent_call_sid": None,
        "account_sid": call.account_sid,
        "to": call.phone_number,
        "to_formatted": default_friendly_name(call.phone_number),
        "from": VALIDATION_CALLER,
        "from_formatted": default_friendly_name(VALIDATION_CALLER),
        "phone_number_sid": None,
        "status": call.call_status.value,
        "start_time": _date(start_time(call)),
        "end_time": _date(ended),
        "duration": None if ended is None else str(call.answered_seconds),
        "price": None,
        "price_unit": PRICE_UNIT,
        "direction": "outbound-api",
        "answered_by": None,
        "api_version": API_VERSION,
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": "",
        "queue_time": QUEUE_TIME_MILLISECONDS,
        "trunk_sid": None,
        "uri": uri + uri_suffix,
        "subresource_uris": {key: f"{uri}/{name}{uri_suffix}" for key, name in SUBRESOURCES.items()},
    }


def _date(timestamp: Timestamp | None) -> str | None:
    return None if timestamp is None else rfc_2822(timestamp)
