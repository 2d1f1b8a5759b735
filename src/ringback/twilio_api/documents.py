"""What an answer says, in order and without a form: one field list, which each serializer writes its own way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ringback.domain.caller_ids import OutgoingCallerId, ValidationAnswer, ValidationCodeFormat
from ringback.domain.errors import TwilioError
from ringback.domain.paging import Page, PageLinks
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import rfc_2822

Value = str | int | None
Fields = Mapping[str, Value | Mapping[str, Value]]
"""A field may hold fields of its own, such as the URIs of subresources."""

ACCOUNTS_PATH = "/2010-04-01/Accounts"


@dataclass(frozen=True, slots=True)
class Record:
    """One resource: its XML element's name, and its fields in order, by their JSON names."""

    element: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class RecordPage:
    """One page of resources: the names of the list in XML and JSON, and of one resource in XML."""

    element: str
    key: str
    item_element: str
    page: Page[object]
    links: PageLinks
    items: Sequence[Fields]
    columns: Sequence[str]


Document = Record | RecordPage

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


def account_path(account_sid: AccountSid) -> str:
    """Return the path of an account, without a suffix."""
    return f"{ACCOUNTS_PATH}/{account_sid}"


def outgoing_caller_ids_path(account_sid: AccountSid) -> str:
    """Return the path of an account's list, without a suffix."""
    return f"{account_path(account_sid)}/OutgoingCallerIds"


def outgoing_caller_id(caller_id: OutgoingCallerId, uri_suffix: str) -> Record:
    """Return the seven fields of a caller ID."""
    path = outgoing_caller_ids_path(caller_id.account_sid)
    return Record("OutgoingCallerId", _caller_id_fields(caller_id, path, uri_suffix))


def outgoing_caller_id_page(page: Page[OutgoingCallerId], links: PageLinks, path: str, uri_suffix: str) -> RecordPage:
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


def validation_request(answer: ValidationAnswer, code_format: ValidationCodeFormat) -> Record:
    """Return the five fields of a validation request; there is no SID among them, for there is no resource yet."""
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


def error(raised: TwilioError) -> Record:
    """Return the four fields of an error."""
    fields: Fields = {
        "code": raised.code,
        "message": raised.message,
        "more_info": raised.more_info,
        "status": raised.status,
    }
    return Record("RestException", fields)
