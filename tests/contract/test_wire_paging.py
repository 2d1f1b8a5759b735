"""Pages of a list and the links between them. Rules: docs/fidelity.md, list paging."""

import re
from typing import Any

import pytest
from lxml import etree

from support.wire.api import Api, draw_name, draw_number, error_of, records
from support.wire.rows import LISTED_NUMBERS, CallerIdPool, ListedCallerIds, SeededAccounts

NEXT_QUERY = r"FriendlyName=contract%20[0-9a-f]{24}&PageSize=50&Page=1&PageToken=PAPN[0-9a-f]{32}[A-Za-z0-9]*"


def test_next_page_uris_lead_to_every_row_exactly_once(api: Api, listed: ListedCallerIds) -> None:
    pages = [page.json() for page in api.pages(api.list(FriendlyName=listed.friendly_name))]

    sids = [row["sid"] for page in pages for row in page["outgoing_caller_ids"]]
    assert [(page["page"], page["page_size"]) for page in pages] == [(0, 50), (1, 50), (2, 50)]
    assert [(page["start"], page["end"]) for page in pages] == [(0, 49), (50, 99), (100, 119)]
    assert [page["next_page_uri"] is None for page in pages] == [False, False, True]
    assert len(sids) == LISTED_NUMBERS
    assert set(sids) == listed.sids


def test_next_page_uri_has_filters_size_number_and_token_in_order(api: Api, listed: ListedCallerIds) -> None:
    page = api.list(FriendlyName=listed.friendly_name).json()

    path, _, query = page["next_page_uri"].partition("?")
    assert path == f"{api.path}.json"
    assert re.fullmatch(NEXT_QUERY, query)
    assert page["outgoing_caller_ids"][-1]["sid"] in query


@pytest.mark.parametrize("suffix", ["", ".xml"])
def test_page_links_in_xml_have_no_suffix(api: Api, listed: ListedCallerIds, suffix: str) -> None:
    sids: list[str | None] = []
    target: str | None = f"{api.path}{suffix}?FriendlyName={listed.friendly_name}"
    while target:
        [page] = etree.fromstring(api.request("GET", target).content)
        sids += [row.findtext("Sid") for row in page]
        target = page.get("nextpageuri")
        assert not target or target.partition("?")[0] == api.path

    assert len(sids) == LISTED_NUMBERS
    assert set(sids) == listed.sids


def test_previous_page_uri_leads_to_the_same_pages(api: Api, listed: ListedCallerIds) -> None:
    forth = [page.json() for page in api.pages(api.list(FriendlyName=listed.friendly_name, PageSize=25))]

    page, back = forth[-1], [forth[-1]]
    while page["previous_page_uri"]:
        page = api.request("GET", page["previous_page_uri"]).json()
        back.append(page)

    shown = [
        [(page["page"], page["start"], page["end"], page["outgoing_caller_ids"]) for page in way]
        for way in (forth, back[::-1])
    ]
    assert shown[0] == shown[1]
    assert len(back) == 5


def test_previous_pages_link_to_the_same_next_pages(api: Api, listed: ListedCallerIds) -> None:
    first = api.list(FriendlyName=listed.friendly_name, PageSize=50)
    second = api.request("GET", first.json()["next_page_uri"])

    back = api.request("GET", second.json()["previous_page_uri"])
    again = api.request("GET", back.json()["next_page_uri"])

    assert records(back) == records(first)
    assert records(again) == records(second)


def test_first_page_uri_leads_to_the_first_page(api: Api, listed: ListedCallerIds) -> None:
    first = api.list(FriendlyName=listed.friendly_name, PageSize=30)
    *_, last = api.pages(first)

    again = api.request("GET", last.json()["first_page_uri"])

    assert records(again) == records(first)
    assert again.json()["previous_page_uri"] is None


def test_changes_between_pages_do_not_cause_repeated_or_skipped_rows(api: Api, caller_id_pool: CallerIdPool) -> None:
    name = draw_name()
    for _ in range(12):
        api.update(caller_id_pool.take(), FriendlyName=name)
    everything = [row["sid"] for row in records(api.list(FriendlyName=name))]
    page = api.list(FriendlyName=name, PageSize=4)
    met = [row["sid"] for row in records(page)]

    for sid in (everything[1], everything[3], everything[6]):
        assert api.delete(sid).status_code == 204
    api.verify(draw_number(), FriendlyName=name)

    for later in list(api.pages(page))[1:]:
        met += [row["sid"] for row in records(later)]
    assert met == [sid for sid in everything if sid != everything[6]]


def test_full_last_page_has_no_next_page_uri(api: Api, listed: ListedCallerIds) -> None:
    pages = [page.json() for page in api.pages(api.list(FriendlyName=listed.friendly_name, PageSize=40))]

    assert [len(page["outgoing_caller_ids"]) for page in pages] == [40, 40, 40]
    assert pages[-1]["next_page_uri"] is None


def test_full_single_page_has_no_next_page_uri(seeded: SeededAccounts) -> None:
    page = seeded.parent.list(PageSize=12).json()

    assert len(page["outgoing_caller_ids"]) == 12
    assert (page["end"], page["next_page_uri"]) == (11, None)
    assert seeded.parent.list(PageSize=11).json()["next_page_uri"] is not None


def test_page_number_without_a_token_selects_a_page(api: Api, listed: ListedCallerIds) -> None:
    pages = [page.json() for page in api.pages(api.list(FriendlyName=listed.friendly_name))]

    by_number = [api.list(FriendlyName=listed.friendly_name, Page=number).json() for number in range(3)]

    assert [page["page"] for page in by_number] == [0, 1, 2]
    for name in ("outgoing_caller_ids", "start", "end", "page_size"):
        assert [page[name] for page in by_number] == [page[name] for page in pages]


@pytest.mark.parametrize("number", [3, 4, 99, 10**9, 10**17])
def test_page_past_the_end_is_empty_instead_of_an_error(api: Api, listed: ListedCallerIds, number: int) -> None:
    answer = api.list(FriendlyName=listed.friendly_name, Page=number)

    page = answer.json()
    assert answer.status_code == 200
    assert (page["outgoing_caller_ids"], page["next_page_uri"]) == ([], None)
    assert (page["start"], page["end"]) == (0, 0)


@pytest.mark.parametrize("number", ["-1", "abc", "", "1.5", "0x1", "१"])
def test_invalid_page_number_selects_the_first_page(api: Api, listed: ListedCallerIds, number: str) -> None:
    answer = api.list(FriendlyName=listed.friendly_name, Page=number)

    assert answer.json()["page"] == 0
    assert records(answer) == records(api.list(FriendlyName=listed.friendly_name))


@pytest.mark.parametrize("size", ["0", "-1", "-50", "abc", "", "1.5", "५"])
def test_invalid_page_size_falls_back_to_50(api: Api, listed: ListedCallerIds, size: str) -> None:
    page = api.list(FriendlyName=listed.friendly_name, PageSize=size).json()

    assert (page["page_size"], len(page["outgoing_caller_ids"])) == (50, 50)


@pytest.mark.parametrize("size", [1, 49, 51, 120, 999, 1000])
def test_page_size_up_to_1000_is_used(api: Api, listed: ListedCallerIds, size: int) -> None:
    page = api.list(FriendlyName=listed.friendly_name, PageSize=size).json()

    assert (page["page_size"], len(page["outgoing_caller_ids"])) == (size, min(size, LISTED_NUMBERS))


@pytest.mark.parametrize("size", [1001, 5000, 10**9, 10**17])
def test_page_size_above_1000_is_reduced_to_1000(api: Api, listed: ListedCallerIds, size: int) -> None:
    page = api.list(FriendlyName=listed.friendly_name, PageSize=size).json()

    assert (page["page_size"], len(page["outgoing_caller_ids"])) == (1000, LISTED_NUMBERS)


def test_last_value_of_a_repeated_page_size_is_used(api: Api, listed: ListedCallerIds) -> None:
    answer = api.request("GET", f"{api.path}.json?PageSize=50&FriendlyName={listed.friendly_name}&PageSize=3")

    assert answer.json()["page_size"] == 3
    assert len(records(answer)) == 3


@pytest.mark.parametrize("name", ["pagesize", "Pagesize", "page_size", "pageSize"])
def test_paging_parameter_names_are_case_sensitive(api: Api, listed: ListedCallerIds, name: str) -> None:
    query: dict[str, Any] = {"FriendlyName": listed.friendly_name, name: 3}

    page = api.list(**query).json()

    assert page["page_size"] == 50


@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
@pytest.mark.parametrize(
    "token", ["x", "PA", "PAPN123", "PA" + "0" * 34, "PAPN" + "z" * 32, "PTPN" + "0" * 32, "\u00e9"]
)
def test_malformed_page_token_is_refused(api: Api, suffix: str, token: str) -> None:
    answer = api.list(suffix, PageSize=50, Page=1, PageToken=token)

    assert (answer.status_code, error_of(answer).code) == (400, 21481)


def test_page_token_of_a_deleted_row_remains_valid(api: Api, caller_id_pool: CallerIdPool) -> None:
    name = draw_name()
    for _ in range(3):
        api.update(caller_id_pool.take(), FriendlyName=name)
    first, second, third = records(api.list(FriendlyName=name))
    page = api.list(FriendlyName=name, PageSize=1).json()

    api.delete(first)

    later = [records(answer) for answer in list(api.pages(api.request("GET", page["next_page_uri"])))]
    assert later == [[second], [third]]
