"""Documents: the fields of each resource in Twilio's order. The representations serialize them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ringback.domain.accounts import Account
from ringback.domain.call_filters import date_updated, end_time, start_time
from ringback.domain.callbacks import API_VERSION, VALIDATION_CALLER
from ringback.domain.caller_ids import OutgoingCallerId, ValidationAnswer, ValidationCodeFormat
from ringback.domain.calls import ValidationCall
from ringback.domain.errors import TwilioError
from ringback.domain.paging import Page, PageLinks
from ringback.domain.phone_numbers import default_friendly_name
from ringback.domain.policies import AccountType
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp, rfc_2822

Value = str | int | None
Fields = Mapping[str, Value | Mapping[str, Value]]
"""A field may contain fields, such as the URIs of subresources."""

ACCOUNTS_PATH = "/2010-04-01/Accounts"
PRICE_UNIT = "USD"
QUEUE_TIME_MILLISECONDS = "0"
"""Source: docs/fidelity.md, Call [assumed]."""

OUTGOING_CALLER_ID_COLUMNS = (
    "sid",
    "account_sid",
    "friendly_name",
    "phone_number",
    "date_created",
    "date_updated",
    "uri",
)
"""Source: docs/fidelity.md, OutgoingCallerId [page]."""

ACCOUNT_COLUMNS = (
    *("auth_token", "date_created", "date_updated", "friendly_name", "owner_account_sid", "sid", "status", "type"),
    "uri",
)
"""All fields except `subresource_uris`, which does not fit into a cell."""

CALL_COLUMNS = (
    *("sid", "date_created", "date_updated", "parent_call_sid", "account_sid", "to", "to_formatted", "from"),
    *("from_formatted", "phone_number_sid", "status", "start_time", "end_time", "duration", "price", "price_unit"),
    *("direction", "answered_by", "api_version", "forwarded_from", "group_sid", "caller_name", "queue_time"),
    *("trunk_sid", "uri"),
)
"""All fields except `subresource_uris`, which does not fit into a cell."""

NULLABLE_CALL_COLUMNS = frozenset(
    {
        *("parent_call_sid", "phone_number_sid", "start_time", "end_time", "duration", "price", "answered_by"),
        *("forwarded_from", "group_sid", "trunk_sid"),
    }
)
"""The fields that validation calls do not have, or do not have yet."""


@dataclass(frozen=True, slots=True)
class Record:
    """One resource: the name of its XML element, and its fields in order, by their JSON names."""

    element: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class RecordPage:
    """One page of resources: the list's name in XML and in JSON, and the name of one resource in XML."""

    element: str
    key: str
    item_element: str
    page: Page[object]
    links: PageLinks
    items: Sequence[Fields]
    columns: Sequence[str]


Document = Record | RecordPage


def account_path(account_sid: AccountSid) -> str:
    """Return the path of an account, without a suffix."""
    return f"{ACCOUNTS_PATH}/{account_sid}"


def caller_ids_path(account_sid: AccountSid) -> str:
    """Return the path of an account's caller IDs, without a suffix."""
    return f"{account_path(account_sid)}/OutgoingCallerIds"


def calls_path(account_sid: AccountSid) -> str:
    """Return the path of an account's calls, without a suffix."""
    return f"{account_path(account_sid)}/Calls"


def caller_id_document(caller_id: OutgoingCallerId, uri_suffix: str) -> Record:
    """Return the seven fields of a caller ID."""
    path = caller_ids_path(caller_id.account_sid)
    return Record("OutgoingCallerId", _caller_id_fields(caller_id, path, uri_suffix))


def caller_id_page_document(page: Page[OutgoingCallerId], links: PageLinks, path: str, uri_suffix: str) -> RecordPage:
    """Return a page of caller IDs; `path` is the list's, without a suffix."""
    items = [_caller_id_fields(caller_id, path, uri_suffix) for caller_id in page.rows]
    return RecordPage(
        "OutgoingCallerIds",
        "outgoing_caller_ids",
        "OutgoingCallerId",
        page,
        links,
        items,
        OUTGOING_CALLER_ID_COLUMNS,
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


def validation_request_document(answer: ValidationAnswer, code_format: ValidationCodeFormat) -> Record:
    """Return the five fields of a validation request; it has no SID, since no resource exists yet."""
    code = answer.validation_code
    return Record(
        "ValidationRequest",
        {
            "account_sid": answer.account_sid,
            "phone_number": answer.phone_number,
            "friendly_name": answer.friendly_name,
            "validation_code": int(code) if code_format == "integer" else code,
            "call_sid": answer.call_sid,
        },
    )


def account_document(account: Account, account_type: AccountType, uri_suffix: str) -> Record:
    """Return the ten fields of an account, with the URIs of the subresources that ringback serves.

    Source: docs/fidelity.md, Account [oai].
    """
    return Record(
        "Account",
        {
            "auth_token": account.auth_token,
            "date_created": rfc_2822(account.date_created),
            "date_updated": rfc_2822(account.date_updated),
            "friendly_name": account.friendly_name,
            "owner_account_sid": account.parent_sid or account.sid,
            "sid": account.sid,
            "status": account.status.value,
            "subresource_uris": {
                "calls": calls_path(account.sid) + uri_suffix,
                "outgoing_caller_ids": caller_ids_path(account.sid) + uri_suffix,
            },
            "type": account_type.capitalize(),
            "uri": account_path(account.sid) + uri_suffix,
        },
    )


def call_document(call: ValidationCall, uri_suffix: str) -> Record:
    """Return the 26 fields of a call."""
    return Record("Call", _call_fields(call, calls_path(call.account_sid), uri_suffix))


def call_page_document(page: Page[ValidationCall], links: PageLinks, path: str, uri_suffix: str) -> RecordPage:
    """Return a page of calls; `path` is the list's, without a suffix."""
    items = [_call_fields(call, path, uri_suffix) for call in page.rows]
    return RecordPage("Calls", "calls", "Call", page, links, items, CALL_COLUMNS)


def _call_fields(call: ValidationCall, path: str, uri_suffix: str) -> Fields:
    """Return the fields in the order of Twilio's description; unknown ones are null.

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


def _date(timestamp: Timestamp | None) -> str | None:
    return None if timestamp is None else rfc_2822(timestamp)


def error_document(error: TwilioError) -> Record:
    """Return the four fields of an error."""
    fields: Fields = {
        "code": error.code,
        "message": error.message,
        "more_info": error.more_info,
        "status": error.status,
    }
    return Record("RestException", fields)
