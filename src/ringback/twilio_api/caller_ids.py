"""Handlers of caller IDs: list, fetch, update and delete."""

from starlette.responses import Response

from ringback.domain.paging import page_links, parse_page_request
from ringback.operations.caller_ids import (
    delete_outgoing_caller_id,
    fetch_outgoing_caller_id,
    list_outgoing_caller_ids,
    update_outgoing_caller_id,
)
from ringback.twilio_api.documents import caller_id_document, caller_id_page_document, caller_ids_path
from ringback.twilio_api.parameters import parse_caller_id_update, read_form, read_query
from ringback.twilio_api.request_context import RequestContext, no_content

FILTERS = {
    "PhoneNumber": "Only the caller ID of exactly this number.",
    "FriendlyName": "Only caller IDs of exactly this name.",
}
"""In the order in which a page's URIs have them."""


async def list_caller_ids(context: RequestContext) -> Response:
    """Answer one page of the account's verified numbers, newest first."""
    query = read_query(context)
    account_sid = context.account.sid
    page = await context.services.database.run(
        list_outgoing_caller_ids,
        account_sid,
        parse_page_request(query),
        phone_number=query.get("PhoneNumber"),
        friendly_name=query.get("FriendlyName"),
    )
    path, suffix = caller_ids_path(account_sid), context.representation.uri_suffix
    filters = {name: query[name] for name in FILTERS if name in query}
    links = page_links(path + suffix, filters, page, query)
    return await context.make_page_response(page, lambda page: caller_id_page_document(page, links, path, suffix))


async def fetch_caller_id(context: RequestContext) -> Response:
    """Answer one caller ID."""
    sid = context.path_parameters["Sid"]
    caller_id = await context.services.database.run(fetch_outgoing_caller_id, context.account.sid, sid)
    if caller_id is None:
        raise context.not_found()
    return context.make_response(caller_id_document(caller_id, context.representation.uri_suffix))


async def update_caller_id(context: RequestContext) -> Response:
    """Answer the caller ID as it is after the update."""
    friendly_name = parse_caller_id_update(await read_form(context))
    caller_id = await context.services.database.run(
        update_outgoing_caller_id,
        context.account.sid,
        context.path_parameters["Sid"],
        friendly_name,
        system_now=context.services.system_now(),
    )
    if caller_id is None:
        raise context.not_found()
    return context.make_response(caller_id_document(caller_id, context.representation.uri_suffix))


async def delete_caller_id(context: RequestContext) -> Response:
    """Answer 204 after deleting the caller ID."""
    sid = context.path_parameters["Sid"]
    if not await context.services.database.run(
        delete_outgoing_caller_id, context.account.sid, sid, system_now=context.services.system_now()
    ):
        raise context.not_found()
    return no_content()
