"""Pages of a list: the requested rows, the token that continues after a row, and the links between pages.

A token contains the complete key of a row (its creation time and SID). The next page therefore continues after that
row, regardless of rows that were added or deleted in between, and even if that row itself was deleted.
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Generic, NamedTuple, Protocol, TypeVar
from urllib.parse import quote

from ringback.domain.errors import invalid_page_token
from ringback.domain.timestamps import Timestamp

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000
AFTER_ALL_IDS = 2**53
"""An id that is greater than all ids in a journal."""
MAX_PAGE = 2**31 - 1
"""A page number beyond the end of every list. Larger page numbers are treated as this number."""

Row_co = TypeVar("Row_co", covariant=True)

_WHOLE_NUMBER = re.compile(r"[0-9]{1,18}")
_TOKEN = re.compile(r"(PA|PB)([A-Z]{2}[0-9a-f]{32})(-?[0-9a-f]{1,15})")


class Keyed(Protocol):
    """An item of a list that is sorted by `date_created` and `sid`."""

    @property
    def sid(self) -> str: ...

    @property
    def date_created(self) -> Timestamp: ...


class RowKey(NamedTuple):
    """The key by which a list is sorted, newest first."""

    created: Timestamp
    sid: str


class Direction(StrEnum):
    """The direction of a page token. The value is the first two letters of the token."""

    AFTER = "PA"
    BEFORE = "PB"


class PageToken(NamedTuple):
    """A page token: the key of the row after which, or before which, the page continues."""

    direction: Direction
    key: RowKey

    def __str__(self) -> str:
        return f"{self.direction}{self.key.sid}{self.key.created:x}"


class PageRequest(NamedTuple):
    """The requested rows.

    If there is a token, these are the rows after or before the token's row. Otherwise, they are the rows from ``page *
    page_size`` on.
    """

    page: int = 0
    page_size: int = DEFAULT_PAGE_SIZE
    token: PageToken | None = None

    @property
    def offset(self) -> int:
        return 0 if self.token else self.page * self.page_size


class Page(NamedTuple, Generic[Row_co]):
    """The rows of a page in list order, and the tokens of the neighboring pages.

    The token of a page that does not exist is None.
    """

    request: PageRequest
    rows: Sequence[Row_co]
    next_token: PageToken | None
    previous_token: PageToken | None

    @property
    def start(self) -> int:
        """The zero-based index of the first row, or 0 on an empty page."""
        return self.request.page * self.request.page_size if self.rows else 0

    @property
    def end(self) -> int:
        """The zero-based index of the last row, or 0 on an empty page."""
        return self.start + len(self.rows) - 1 if self.rows else 0


def parse_page_request(parameters: Mapping[str, str]) -> PageRequest:
    """Parse ``Page``, ``PageSize`` and ``PageToken``. Invalid numbers are ignored; the maximum size is 1000.

    Raises TwilioError 21481 for an invalid token.
    """
    size = _whole_number(parameters.get("PageSize", "")) or DEFAULT_PAGE_SIZE
    page = _whole_number(parameters.get("Page", "")) or 0
    token = parameters.get("PageToken")
    return PageRequest(min(page, MAX_PAGE), min(size, MAX_PAGE_SIZE), _read_token(token) if token else None)


def _whole_number(text: str) -> int | None:
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else None


def _read_token(text: str) -> PageToken:
    match = _TOKEN.fullmatch(text)
    if match is None:
        raise invalid_page_token(text)
    direction, sid, created = match.groups()
    return PageToken(Direction(direction), RowKey(Timestamp(int(created, 16)), sid))


def key_of(row: Keyed) -> RowKey:
    """Return the sort key of an item."""
    return RowKey(row.date_created, row.sid)


KeyedRow = TypeVar("KeyedRow", bound=Keyed)


def page_of(rows: Sequence[KeyedRow], request: PageRequest) -> Page[KeyedRow]:
    """Return one page of a list that is not stored. `rows` is the whole list, newest first."""
    token, size = request.token, request.page_size
    if token is None:
        start = request.offset
    elif token.direction == Direction.AFTER:
        start = sum(key_of(row) >= token.key for row in rows)
    else:
        newer = sum(key_of(row) > token.key for row in rows)
        start, size = max(0, newer - size), min(newer, size)
    shown = rows[start : start + size]
    return Page(
        request,
        shown,
        PageToken(Direction.AFTER, key_of(shown[-1])) if shown and start + size < len(rows) else None,
        PageToken(Direction.BEFORE, key_of(shown[0])) if shown else None,
    )


class PageLinks(NamedTuple):
    """The URIs of a page and its neighbors, relative to the host. The URI of a page that does not exist is None."""

    uri: str
    first: str
    previous: str | None
    next: str | None


def page_links(path: str, filters: Mapping[str, str], page: Page[object], asked: Mapping[str, str]) -> PageLinks:
    """Return the links of `page`. Their queries contain the filters, then the page size, page number and page token.

    `path` includes the representation's suffix; `asked` contains the parameters of this request. Source:
    docs/fidelity.md, list paging [page, observed].
    """
    size, number = page.request.page_size, page.request.page
    return PageLinks(
        uri=page_uri(path, {name: asked[name] for name in (*filters, *_PAGING_PARAMETERS) if name in asked}),
        first=page_uri(path, {**filters, "Page": "0", "PageSize": str(size)}),
        previous=_previous_uri(path, filters, page) if number > 0 else None,
        next=_token_uri(path, filters, page, number + 1, page.next_token) if page.next_token else None,
    )


_PAGING_PARAMETERS = ("PageSize", "Page", "PageToken")


def _previous_uri(path: str, filters: Mapping[str, str], page: Page[object]) -> str:
    return _token_uri(path, filters, page, page.request.page - 1, page.previous_token)


def _token_uri(path: str, filters: Mapping[str, str], page: Page[object], number: int, token: PageToken | None) -> str:
    query = {**filters, "PageSize": str(page.request.page_size), "Page": str(number)}
    if token:
        query["PageToken"] = str(token)
    return page_uri(path, query)


def page_uri(path: str, query: Mapping[str, str]) -> str:
    """Return a relative URI with percent-encoded names and values."""
    if not query:
        return path
    return f"{path}?" + "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in query.items())


@lru_cache(maxsize=32)
def _quoted(text: str) -> str:
    """Percent-encode a string. The results are cached, because the links of a page repeat the same strings."""
    return quote(text, safe="")
