"""What answers say of calls."""

from ringback.domain.call_filters import date_updated, end_time, start_time
from ringback.domain.callbacks import API_VERSION, VALIDATION_CALLER
from ringback.domain.calls import ValidationCall
from ringback.domain.paging import Page, PageLinks
from ringback.domain.phone_numbers import default_friendly_name
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp, rfc_2822
from ringback.twilio_api.documents import Fields, Record, RecordPage, account_path

PRICE_UNIT = "USD"
QUEUE_TIME_MILLISECONDS = "0"
"""Source: docs/fidelity.md, Call [assumed]."""

CALL_COLUMNS = (
    "sid",
    "date_created",
    "date_updated",
    "parent_call_sid",
    "account_sid",
    "to",
    "to_formatted",
    "from",
    "from_formatted",
    "phone_number_sid",
    "status",
    "start_time",
    "end_time",
    "duration",
    "price",
    "price_unit",
    "direction",
    "answered_by",
    "api_version",
    "forwarded_from",
    "group_sid",
    "caller_name",
    "queue_time",
    "trunk_sid",
    "uri",
)
"""The fields but for `subresource_uris`, which no cell of a table can hold."""

NULL_COLUMNS = frozenset(
    {
        *("parent_call_sid", "phone_number_sid", "start_time", "end_time", "duration", "price", "answered_by"),
        *("forwarded_from", "group_sid", "trunk_sid"),
    }
)
"""What may be null: what validation calls do not have, or not yet."""


def calls_path(account_sid: AccountSid) -> str:
    """Return the path of an account's calls, without a suffix."""
    return f"{account_path(account_sid)}/Calls"


def call(found: ValidationCall, uri_suffix: str) -> Record:
    """Return the 26 fields of a call."""
    return Record("Call", _call_fields(found, calls_path(found.account_sid), uri_suffix))


def call_page(page: Page[ValidationCall], links: PageLinks, path: str, uri_suffix: str) -> RecordPage:
    """Return a page of calls; `path` is the list's, without a suffix."""
    items = [_call_fields(found, path, uri_suffix) for found in page.rows]
    return RecordPage("Calls", "calls", "Call", page, links, items, CALL_COLUMNS)


def _call_fields(call: ValidationCall, path: str, uri_suffix: str) -> Fields:
    """Return the fields in the order of Twilio's description; what cannot be known here is null.

    Source: docs/fidelity.md, Call [oai].
    """
    ended = end_time(call)
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
        "uri": f"{path}/{call.sid}{uri_suffix}",
        "subresource_uris": {},
    }


def _date(instant: Timestamp | None) -> str | None:
    return None if instant is None else rfc_2822(instant)
