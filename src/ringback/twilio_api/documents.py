"""Documents: the content of responses, independent of the representation. Each resource's module creates its own."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ringback.domain.errors import TwilioError
from ringback.domain.paging import Page, PageLinks
from ringback.domain.sids import AccountSid

Value = str | int | bool | None
Fields = Mapping[str, Value | Mapping[str, Value]]
"""A field may contain fields, such as the URIs of subresources."""

ACCOUNTS_PATH = "/2010-04-01/Accounts"


class Record(NamedTuple):
    """One resource: the name of its XML element, and its fields in order, by their JSON names."""

    element: str
    fields: Fields


class RecordPage(NamedTuple):
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


def error_document(error: TwilioError) -> Record:
    """Return the four fields of an error."""
    fields: Fields = {
        "code": error.code,
        "message": error.message,
        "more_info": error.more_info,
        "status": error.status,
    }
    return Record("RestException", fields)
