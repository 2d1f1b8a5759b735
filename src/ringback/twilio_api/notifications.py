"""Notifications of a call: their documents, and the handlers that list and fetch them."""

from starlette.responses import Response

from ringback.domain.calls import ValidationCall
from ringback.domain.notifications import Notification, filter_notifications, notifications_of
from ringback.domain.paging import Page, PageLinks, page_links, page_of, parse_page_request
from ringback.domain.timestamps import rfc_2822
from ringback.operations.calls import find_call
from ringback.twilio_api.calls import calls_path
from ringback.twilio_api.documents import Fields, Record, RecordPage
from ringback.twilio_api.parameters import read_query
from ringback.twilio_api.request_context import RequestContext

API_VERSION = "2008-08-01"
"""Source: docs/fidelity.md, Notification [oai, observed]."""

COLUMNS = (
    *("account_sid", "api_version", "call_sid", "date_created", "date_updated", "error_code", "log", "message_date"),
    *("message_text", "more_info", "request_method", "request_url", "sid", "uri"),
)
"""The fields of a notification in a list. Source: docs/fidelity.md, Notification [oai]."""
DETAILS = ("request_variables", "response_body", "response_headers")
"""Additional fields of a fetched notification, before its SID. They are empty, because no URL was requested."""
INSTANCE_COLUMNS = (*COLUMNS[:-2], *DETAILS, *COLUMNS[-2:])
NULLABLE_COLUMNS = frozenset({"request_method"})

FILTERS = {
    "Log": "Only notifications of this level: 0 for errors, 1 for warnings.",
    "MessageDate": "Only notifications logged on this day (UTC), such as 2009-07-06.",
    "MessageDate<": "Only notifications logged before this day or time.",
    "MessageDate>": "Only notifications logged on or after this day or time.",
}
"""The filters, in the order in which the URIs of a page contain them."""


async def list_call_notifications(context: RequestContext) -> Response:
    """Respond with one page of a call's notifications. Only calls that geo permissions blocked have a notification."""
    query = read_query(context)
    request = parse_page_request(query)
    call = await _find_call(context)
    page = page_of(filter_notifications(call, query), request)
    path, suffix = notifications_path(call), context.representation.uri_suffix
    filters = {name: query[name] for name in FILTERS if name in query}
    links = page_links(path + suffix, filters, page, query)
    return context.make_response(notification_page_document(page, links, path, suffix))


async def fetch_call_notification(context: RequestContext) -> Response:
    """Respond with one notification of a call."""
    call = await _find_call(context)
    for notification in notifications_of(call):
        if notification.sid == context.path_parameters["Sid"]:
            suffix = context.representation.uri_suffix
            return context.make_response(notification_document(notification, notifications_path(call), suffix))
    raise context.not_found()


async def _find_call(context: RequestContext) -> ValidationCall:
    """Return the call in the path. Raises TwilioError 20404 if the account has no such call."""
    sid = context.path_parameters["CallSid"]
    call = await context.services.database.run(find_call, context.account.sid, sid)
    if call is None:
        raise context.not_found()
    context.call_sid = call.sid
    return call


def notifications_path(call: ValidationCall) -> str:
    """Return the path of a call's notifications, without a suffix."""
    return f"{calls_path(call.account_sid)}/{call.sid}/Notifications"


def notification_page_document(page: Page[Notification], links: PageLinks, path: str, uri_suffix: str) -> RecordPage:
    """Return the document of a page of notifications. `path` is the list's path, without a suffix."""
    items = [_notification_fields(notification, path, uri_suffix) for notification in page.rows]
    return RecordPage("Notifications", "notifications", "Notification", page, links, items, COLUMNS)


def notification_document(notification: Notification, path: str, uri_suffix: str) -> Record:
    """Return the document of a notification, which has 17 fields. `path` is the list's path, without a suffix."""
    listed = _notification_fields(notification, path, uri_suffix)
    return Record("Notification", {name: listed.get(name, "") for name in INSTANCE_COLUMNS})


def _notification_fields(notification: Notification, path: str, uri_suffix: str) -> Fields:
    date = rfc_2822(notification.date_created)
    return {
        "account_sid": notification.account_sid,
        "api_version": API_VERSION,
        "call_sid": notification.call_sid,
        "date_created": date,
        "date_updated": date,
        "error_code": notification.error_code,
        "log": notification.log,
        "message_date": date,
        "message_text": notification.message_text,
        "more_info": notification.more_info,
        "request_method": None,
        "request_url": "",
        "sid": notification.sid,
        "uri": f"{path}/{notification.sid}{uri_suffix}",
    }
