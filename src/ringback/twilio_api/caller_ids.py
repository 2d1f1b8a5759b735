"""Caller IDs: their document, and the handlers that list, fetch, update and delete them."""

from starlette.responses import Response

from ringback.domain.caller_ids import OutgoingCallerId
from ringback.domain.paging import Page, PageLinks, page_links, parse_page_request
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import rfc_2822
from ringback.operations.caller_ids import (
    delete_outgoing_caller_id,
    fetch_outgoing_caller_id,
    list_outgoing_caller_ids,
    update_outgoing_caller_id,
)
from ringback.twilio_api.documents import Fields, Record, RecordPage, account_path
from ringback.twilio_api.parameters import parse_caller_id_update, read_form, read_query
from ringback.twilio_api.request_context import RequestContext, no_content

COLUMNS = (
    "sid",
    "account_sid",
    "friendly_name",
    "phone_number",
    "date_created",
    "date_updated",
    "uri",
)
"""Source: docs/fidelity.md, OutgoingCallerId [page]."""

FILTERS = {
    "PhoneNumber": "Only the caller ID with exactly this number.",
    "FriendlyName": "Only caller IDs with exactly this name.",
}
"""The filters, in the order in which the URIs of a page contain them."""


async def list_caller_ids(context: RequestContext) -> Response:
    """Respond with one page of the account's caller IDs, newest first."""
    query = read_query(context)
    account_sid = context.account.sid
    page = await context.services.database.run(
        list_outgoing_caller_ids,
        account_sid,
        parse_page_request(query),
        phone_number=query.get("PhoneNumber"),
        friendly_name=query.get("FriendlyName"),
    )
    return await _answer_page(context, page)


async def list_no_caller_ids(context: RequestContext) -> Response:
    """Respond with an empty page, regardless of the account's caller IDs."""
    return await _answer_page(context, Page(parse_page_request(read_query(context)), [], None, None))


async def _answer_page(context: RequestContext, page: Page[OutgoingCallerId]) -> Response:
    query = context.query
    path, suffix = caller_ids_path(context.account.sid), context.representation.uri_suffix
    filters = {name: query[name] for name in FILTERS if name in query}
    links = page_links(path + suffix, filters, page, query)
    return await context.make_page_response(page, lambda page: caller_id_page_document(page, links, path, suffix))


async def fetch_caller_id(context: RequestContext) -> Response:
    """Respond with one caller ID."""
    sid = context.path_parameters["Sid"]
    caller_id = await context.services.database.run(fetch_outgoing_caller_id, context.account.sid, sid)
    if caller_id is None:
        raise context.not_found()
    return context.make_response(caller_id_document(caller_id, context.representation.uri_suffix))


async def update_caller_id(context: RequestContext) -> Response:
    """Update a caller ID and respond with it."""
    friendly_name = parse_caller_id_update(await read_form(context), context.policy.long_friendly_name)
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
    """Delete a caller ID and respond with 204."""
    sid = context.path_parameters["Sid"]
    if not await context.services.database.run(
        delete_outgoing_caller_id, context.account.sid, sid, system_now=context.services.system_now()
    ):
        raise context.not_found()
    return no_content()


def caller_ids_path(account_sid: AccountSid) -> str:
    """Return the path of an account's caller IDs, without a suffix."""
    return f"{account_path(account_sid)}/OutgoingCallerIds"


def caller_id_document(caller_id: OutgoingCallerId, uri_suffix: str) -> Record:
    """Return the document of a caller ID, which has seven fields."""
    path = caller_ids_path(caller_id.account_sid)
    return Record("OutgoingCallerId", _caller_id_fields(caller_id, path, uri_suffix))


def caller_id_page_document(page: Page[OutgoingCallerId], links: PageLinks, path: str, uri_suffix: str) -> RecordPage:
    """Return the document of a page of caller IDs. `path` is the list's path, without a suffix."""
    items = [_caller_id_fields(caller_id, path, uri_suffix) for caller_id in page.rows]
    return RecordPage(
        "OutgoingCallerIds",
        "outgoing_caller_ids",
        "OutgoingCallerId",
        page,
        links,
        items,
        COLUMNS,
    )


def _caller_id_fields(caller_id: OutgoingCallerId, path: str, uri_suffix: str) -> Fields:
    return {
        "sid": caller_id.sid,
        "account_sid": caller_id.account_sid,
        "friendly_name": caller_id.friendly_name,
        "phone_number": caller_id.phone_number,
        "date_created": rfc_2822(caller_id.date_created),
        "date_updated": rfc_2822(caller_id.date_updated),
        "uri": f"{path}/{caller_id.sid}{uri_suffix}",
    }
