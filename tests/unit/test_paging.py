"""Requested pages, page tokens, and the links between pages."""

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.errors import TwilioError
from ringback.domain.paging import (
    Direction,
    Page,
    PageLinks,
    PageRequest,
    PageToken,
    RowKey,
    page_links,
    page_of,
    parse_page_request,
)
from ringback.domain.timestamps import Timestamp, from_datetime
from support.domain_values import T0

SID = "PN" + "0123456789abcdef" * 2
PATH = "/2010-04-01/Accounts/AC1/OutgoingCallerIds.json"
NEXT = PageToken(Direction.AFTER, RowKey(T0, SID))
PREVIOUS = PageToken(Direction.BEFORE, RowKey(T0, SID))


def a_page(rows: int, *, page: int = 0, size: int = 2, **tokens: PageToken | None) -> Page[int]:
    known: dict[str, Any] = {"next_token": None, "previous_token": None} | tokens
    return Page(PageRequest(page, size), list(range(rows)), **known)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (None, 50), ("", 50), ("1", 1), ("50", 50), ("999", 999), ("1000", 1000), ("1001", 1000), ("9" * 18, 1000),
        ("0", 50), ("-1", 50), ("ten", 50), ("1.5", 50), (" 7", 50), ("+7", 50), ("\u0667", 50), ("9" * 19, 50),
    ],
)  # fmt: skip
def test_page_size_is_50_by_default_and_at_most_1000(size: str | None, expected: int) -> None:
    assert parse_page_request({} if size is None else {"PageSize": size}).page_size == expected


@pytest.mark.parametrize(
    ("page", "expected"),
    [(None, 0), ("0", 0), ("7", 7), ("-1", 0), ("one", 0), ("", 0), ("2147483648", 2_147_483_647)],
)
def test_default_page_is_the_first(page: str | None, expected: int) -> None:
    assert parse_page_request({} if page is None else {"Page": page}).page == expected


def test_page_without_a_token_starts_at_number_times_size() -> None:
    assert parse_page_request({"Page": "3", "PageSize": "20"}).offset == 60


def test_page_with_a_token_starts_at_the_token() -> None:
    request = parse_page_request({"Page": "3", "PageSize": "20", "PageToken": str(NEXT)})

    assert (request.offset, request.token) == (0, NEXT)


def test_empty_token_is_ignored() -> None:
    assert parse_page_request({"PageToken": ""}).token is None


def test_token_has_two_letters_and_the_sid_of_its_row() -> None:
    assert str(NEXT).startswith(f"PA{SID}")
    assert str(PREVIOUS).startswith(f"PB{SID}")


@pytest.mark.parametrize(
    "text",
    [
        "PA", "nonsense", f"PA{SID}", f"PC{SID}1", f"PA{SID}xyz", f"PA{SID}1 ", f"PA{SID}1\n", f"PA{SID[:-1]}",
        f"PA{SID.upper()}1", f"PA{SID}--1", f"PA{SID}{'f' * 16}", f"pa{SID}1", "\u00e9",
    ],
)  # fmt: skip
def test_invalid_token_is_rejected(text: str) -> None:
    with pytest.raises(TwilioError) as refusal:
        parse_page_request({"PageToken": text})

    assert (refusal.value.status, refusal.value.code) == (400, 21481)


@given(st.sampled_from(Direction), st.datetimes().map(from_datetime), st.integers(0, 2**128 - 1))
def test_token_is_unchanged_by_formatting_and_parsing(direction: Direction, created: Timestamp, number: int) -> None:
    token = PageToken(direction, RowKey(created, f"PN{number:032x}"))

    assert parse_page_request({"PageToken": str(token)}).token == token


@pytest.mark.parametrize(
    ("page", "start", "end"),
    [(a_page(2), 0, 1), (a_page(1), 0, 0), (a_page(0), 0, 0), (a_page(2, page=3), 6, 7), (a_page(0, page=3), 0, 0)],
)
def test_start_and_end_are_the_indexes_of_the_first_and_last_row(page: Page[int], start: int, end: int) -> None:
    assert (page.start, page.end) == (start, end)


def test_single_page_has_no_previous_or_next_page() -> None:
    assert page_links(PATH, {}, a_page(1), {}) == PageLinks(PATH, f"{PATH}?Page=0&PageSize=2", None, None)


def test_page_links_start_with_the_filters() -> None:
    filters = {"PhoneNumber": "+14158675309", "FriendlyName": "a b&c/\u00e9"}
    asked = {
        "Page": "1",
        "Unknown": "x",
        "FriendlyName": "a b&c/\u00e9",
        "PageSize": "2",
        "PhoneNumber": "+14158675309",
    }
    encoded = "PhoneNumber=%2B14158675309&FriendlyName=a%20b%26c%2F%C3%A9"

    links = page_links(PATH, filters, a_page(2, page=1, next_token=NEXT, previous_token=PREVIOUS), asked)

    assert links == PageLinks(
        uri=f"{PATH}?{encoded}&PageSize=2&Page=1",
        first=f"{PATH}?{encoded}&Page=0&PageSize=2",
        previous=f"{PATH}?{encoded}&PageSize=2&Page=0&PageToken={PREVIOUS}",
        next=f"{PATH}?{encoded}&PageSize=2&Page=2&PageToken={NEXT}",
    )


def test_page_beyond_the_end_links_back_by_number() -> None:
    links = page_links(PATH, {}, a_page(0, page=7), {"Page": "7"})

    assert links.previous == f"{PATH}?PageSize=2&Page=6"
    assert links.next is None


def test_uri_of_a_page_repeats_the_request() -> None:
    links = page_links(PATH, {}, a_page(1), {"PageToken": str(NEXT), "Page": "x", "PageSize": "5000"})

    assert links.uri == f"{PATH}?PageSize=5000&Page=x&PageToken={NEXT}"


class Listed(NamedTuple):
    """An item of a list in memory."""

    sid: str
    date_created: Timestamp


LISTED = [Listed(f"PN{place:032x}", Timestamp(T0 + place // 2)) for place in range(9, -1, -1)]


@pytest.mark.parametrize("size", [1, 3, 4, 10, 11])
def test_pages_of_a_list_in_memory_are_followed_to_the_end_and_back(size: int) -> None:
    pages = [page_of(LISTED, PageRequest(0, size))]
    while token := pages[-1].next_token:
        pages.append(page_of(LISTED, PageRequest(len(pages), size, token)))

    back = page_of(LISTED, PageRequest(0, size, pages[-1].previous_token))

    assert [row for page in pages for row in page.rows] == LISTED
    assert list(back.rows) == (LISTED[-len(pages[-1].rows) - size :][:size] if len(pages) > 1 else [])


def test_page_of_a_list_in_memory_is_selected_by_its_number() -> None:
    assert [page_of(LISTED, PageRequest(page, 4)).rows for page in range(4)] == [
        LISTED[:4],
        LISTED[4:8],
        LISTED[8:],
        [],
    ]


def test_page_of_an_empty_list_has_no_previous_or_next_page() -> None:
    page = page_of(LISTED[:0], PageRequest(0, 50, NEXT))

    assert (page.rows, page.next_token, page.previous_token) == ([], None, None)
