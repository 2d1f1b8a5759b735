"""Incoming phone numbers: their document, and the handlers that list and fetch them."""

from starlette.responses import Response

from ringback.domain.callbacks import API_VERSION
from ringback.domain.incoming_phone_numbers import ORIGIN, IncomingPhoneNumber
from ringback.domain.paging import Page, PageLinks, page_links, parse_page_request
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import rfc_2822
from ringback.operations import incoming_phone_numbers as operations
from ringback.twilio_api.documents import Fields, Record, RecordPage, account_path
from ringback.twilio_api.parameters import read_query
from ringback.twilio_api.request_context import RequestContext

CAPABILITIES = {"voice": True, "sms": True, "mms": True, "fax": False}
"""Source: docs/fidelity.md, IncomingPhoneNumber [assumed]."""

COLUMNS = (
    *("account_sid", "address_sid", "address_requirements", "api_version", "beta", "date_created", "date_updated"),
    *("friendly_name", "identity_sid", "phone_number", "origin", "sid", "sms_application_sid", "sms_fallback_method"),
    *("sms_fallback_url", "sms_method", "sms_url", "status_callback", "status_callback_method", "trunk_sid", "uri"),
    *("voice_receive_mode", "voice_application_sid", "voice_caller_id_lookup", "voice_fallback_method"),
    *("voice_fallback_url", "voice_method", "voice_url", "emergency_status", "emergency_address_sid"),
    *("emergency_address_status", "bundle_sid", "status", "type"),
)
"""All fields except `capabilities`, which does not fit into a cell."""

NULLABLE_COLUMNS = frozenset(
    {
        *("address_sid", "identity_sid", "sms_application_sid", "trunk_sid", "voice_application_sid"),
        *("voice_fallback_url", "voice_url", "emergency_address_sid", "bundle_sid"),
    }
)
"""The fields that are null, because the numbers are not connected to anything."""

FILTERS = {
    "FriendlyName": "Only numbers with exactly this name.",
    "Beta": "Has no effect, because no number is new to the Twilio platform.",
    "PhoneNumber": "Only numbers that contain these digits; * matches any digit.",
    "Origin": "twilio or hosted: no number is hosted.",
}
"""The filters, in the order in which the URIs of a page contain them."""


async def list_incoming_phone_numbers(context: RequestContext) -> Response:
    """Respond with one page of the numbers that the account owns at Twilio, newest first."""
    query = read_query(context)
    account_sid, request = context.account.sid, parse_page_request(query)
    if query.get("Origin") in {None, "", ORIGIN}:
        page = await context.services.database.run(
            operations.list_incoming_phone_numbers,
            account_sid,
            request,
            phone_number=query.get("PhoneNumber"),
            friendly_name=query.get("FriendlyName"),
        )
    else:
        page = Page(request, [], None, None)
    path, suffix = incoming_phone_numbers_path(account_sid), context.representation.uri_suffix
    filters = {name: query[name] for name in FILTERS if name in query}
    links = page_links(path + suffix, filters, page, query)
    return await context.make_page_response(page, lambda page: _page_document(page, links, path, suffix))


async def fetch_incoming_phone_number(context: RequestContext) -> Response:
    """Respond with one of the numbers that the account owns at Twilio."""
    account_sid, sid = context.account.sid, context.path_parameters["Sid"]
    number = await context.services.database.run(operations.fetch_incoming_phone_number, account_sid, sid)
    if number is None:
        raise context.not_found()
    path, suffix = incoming_phone_numbers_path(account_sid), context.representation.uri_suffix
    return context.make_response(Record("IncomingPhoneNumber", incoming_phone_number_fields(number, path, suffix)))


def incoming_phone_numbers_path(account_sid: AccountSid) -> str:
    """Return the path of an account's incoming phone numbers, without a suffix."""
    return f"{account_path(account_sid)}/IncomingPhoneNumbers"


def _page_document(page: Page[IncomingPhoneNumber], links: PageLinks, path: str, uri_suffix: str) -> RecordPage:
    items = [incoming_phone_number_fields(number, path, uri_suffix) for number in page.rows]
    return RecordPage(
        "IncomingPhoneNumbers", "incoming_phone_numbers", "IncomingPhoneNumber", page, links, items, COLUMNS
    )


def incoming_phone_number_fields(number: IncomingPhoneNumber, path: str, uri_suffix: str) -> Fields:
    """Return the 35 fields in the order of Twilio's description.

    `path` is the list's path, without a suffix. The values are from Twilio's example. Numbers are not connected to
    addresses, applications, bundles or trunks. Source: docs/fidelity.md, IncomingPhoneNumber [oai, assumed].
    """
    # fmt: off
    return {
        "account_sid": number.account_sid,
        "address_sid": None, "address_requirements": "none", "api_version": API_VERSION, "beta": False,
        "capabilities": CAPABILITIES,
        "date_created": rfc_2822(number.date_created),
        "date_updated": rfc_2822(number.date_updated),
        "friendly_name": number.friendly_name,
        "identity_sid": None,
        "phone_number": number.phone_number,
        "origin": ORIGIN,
        "sid": number.sid,
        "sms_application_sid": None, "sms_fallback_method": "POST", "sms_fallback_url": "",
        "sms_method": "POST", "sms_url": "", "status_callback": "", "status_callback_method": "POST",
        "trunk_sid": None,
        "uri": f"{path}/{number.sid}{uri_suffix}",
        "voice_receive_mode": "voice", "voice_application_sid": None, "voice_caller_id_lookup": False,
        "voice_fallback_method": "POST", "voice_fallback_url": None, "voice_method": "POST", "voice_url": None,
        "emergency_status": "Active", "emergency_address_sid": None, "emergency_address_status": "unregistered",
        "bundle_sid": None, "status": "in-use", "type": "local",
    }
    # fmt: on
