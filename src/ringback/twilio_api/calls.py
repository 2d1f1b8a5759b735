"""Handlers of validation calls, which Twilio's API can list and fetch."""

from starlette.responses import Response

from ringback.domain.paging import page_links, parse_page_request
from ringback.operations import calls as operations
from ringback.twilio_api.documents import call_document, call_page_document, calls_path
from ringback.twilio_api.parameters import read_query
from ringback.twilio_api.request_context import RequestContext

FILTERS = {
    "Status": "Only calls of this status.",
    "To": "Only calls to this number.",
    "From": "Only calls from this number: all come from +14157234000.",
    "StartTime": "Only calls dialed on this day (UTC), such as 2009-07-06.",
    "StartTime<": "Only calls dialed before this day or time.",
    "StartTime>": "Only calls dialed on this day, at this time or later.",
    "ParentCallSid": "Only child calls of this call: validation calls have none.",
    "EndTime": "Only calls completed on this day (UTC).",
    "EndTime<": "Only calls completed before this day or time.",
    "EndTime>": "Only calls completed on this day, at this time or later.",
}
"""In the order in which a page's URIs have them."""


async def list_calls(context: RequestContext) -> Response:
    """Answer one page of the account's calls, newest first."""
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
    """Answer one call in its current state."""
    call = await context.services.database.run(
        operations.find_call, context.account.sid, context.path_parameters["Sid"]
    )
    if call is None:
        raise context.not_found()
    return context.make_response(call_document(call, context.representation.uri_suffix))
