"""The list of an account's calls: its fields and its pages. Rules: docs/fidelity.md, list of calls."""

import pytest
from lxml import etree

from support.wire.api import SILENT_NUMBER, Api, draw_number, error_of
from support.wire.calls import (
    CALL_ELEMENTS,
    LONGEST_DELAY,
    SUPERSEDED,
    Called,
    call_path,
    call_records,
    call_sids,
    calls_path,
    fetch_call,
    list_calls,
    request_call,
)
from support.wire.rows import SeededAccounts
from support.wire.sockets import RawConnection

KEYS = ["page", "page_size", "start", "end", "uri", "first_page_uri", "previous_page_uri", "next_page_uri", "calls"]
SUFFIXES = {"": "application/xml", ".xml": "application/xml", ".json": "application/json", ".csv": "text/csv"}


def test_list_of_calls_in_json_has_the_paging_keys_and_calls(api: Api, called: Called) -> None:
    page = list_calls(api, To=called.number).json()

    uri = f"{calls_path(api)}.json?To={called.escaped}"
    assert list(page) == KEYS
    assert {name: page[name] for name in KEYS[:-1]} == {
        "page": 0,
        "page_size": 50,
        "start": 0,
        "end": SUPERSEDED,
        "uri": uri,
        "first_page_uri": f"{uri}&Page=0&PageSize=50",
        "previous_page_uri": None,
        "next_page_uri": None,
    }
    assert page["calls"] == [fetch_call(api, sid) for sid in called.newest_first]


def test_list_of_calls_in_xml_has_the_links_as_attributes_and_an_element_for_each_call(
    api: Api, called: Called
) -> None:
    root = etree.fromstring(list_calls(api, "", To=called.number, PageSize=3).content)

    [page] = root
    assert (root.tag, page.tag, [row.tag for row in page]) == ("TwilioResponse", "Calls", ["Call"] * 3)
    assert [child.tag for child in page[0]] == CALL_ELEMENTS
    assert [row.findtext("Uri") for row in page] == [call_path(api, sid, "") for sid in called.newest_first[:3]]
    assert page.get("firstpageuri") == f"{calls_path(api)}?To={called.escaped}&Page=0&PageSize=3"
    assert page.get("previouspageuri") == ""
    assert str(page.get("nextpageuri")).startswith(
        f"{calls_path(api)}?To={called.escaped}&PageSize=3&Page=1&PageToken=PACA"
    )


def test_list_of_calls_in_csv_has_a_row_for_each_call(api: Api, called: Called) -> None:
    lines = list_calls(api, ".csv", To=called.number).text.splitlines()

    assert lines[0] == ",".join(CALL_ELEMENTS[:-1])
    assert [line.partition(",")[0] for line in lines[1:]] == called.newest_first


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_suffix_selects_the_representation_of_the_list_of_calls(api: Api, suffix: str) -> None:
    answer = list_calls(api, suffix, PageSize=1)

    assert (answer.status_code, answer.headers["content-type"]) == (200, SUFFIXES[suffix])


def test_list_of_calls_of_a_new_account_is_empty(seeded: SeededAccounts) -> None:
    page = list_calls(seeded.empty).json()

    assert (page["calls"], page["start"], page["end"]) == ([], 0, 0)
    assert (page["previous_page_uri"], page["next_page_uri"]) == (None, None)


def test_list_of_calls_contains_only_calls_of_its_account(api: Api, seeded: SeededAccounts) -> None:
    number = draw_number()
    theirs = request_call(seeded.stranger, number, CallDelay=LONGEST_DELAY)

    assert call_records(list_calls(api, To=number)) == []
    assert call_sids(list_calls(seeded.stranger, To=number)) == [theirs]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_next_page_uris_lead_to_every_call_exactly_once(api: Api, called: Called, size: int) -> None:
    pages = [page.json() for page in api.pages(list_calls(api, To=called.number, PageSize=size))]

    met = [row["sid"] for page in pages for row in page["calls"]]
    assert met == called.newest_first
    assert [page["page"] for page in pages] == list(range(len(pages)))
    assert pages[-1]["next_page_uri"] is None


def test_previous_page_uri_leads_to_the_same_calls(api: Api, called: Called) -> None:
    first = list_calls(api, To=called.number, PageSize=2)
    second = api.request("GET", first.json()["next_page_uri"])

    back = api.request("GET", second.json()["previous_page_uri"])

    assert call_sids(back) == call_sids(first) == called.newest_first[:2]


def test_page_number_without_a_token_selects_a_page_of_calls(api: Api, called: Called) -> None:
    pages = [call_sids(list_calls(api, To=called.number, PageSize=3, Page=number)) for number in range(3)]

    assert pages == [called.newest_first[:3], called.newest_first[3:], []]


def test_new_call_does_not_cause_repeated_or_skipped_calls_on_later_pages(api: Api) -> None:
    sids = [request_call(api, SILENT_NUMBER) for _ in range(3)]
    page = list_calls(api, PageSize=1, To=SILENT_NUMBER).json()
    newer_than = [row["sid"] for row in page["calls"]]

    request_call(api, SILENT_NUMBER)
    following = list_calls(api, To=SILENT_NUMBER, PageSize=1000)
    met = newer_than + call_sids(api.request("GET", page["next_page_uri"].replace("PageSize=1&", "PageSize=1000&")))

    everything = call_sids(following)
    assert met == everything[everything.index(newer_than[0]) :]
    assert set(sids) <= set(everything)


@pytest.mark.parametrize("token", ["x", "PA", "PACA123", "PA" + "0" * 34])
@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
def test_malformed_page_token_of_calls_is_refused(api: Api, suffix: str, token: str) -> None:
    answer = list_calls(api, suffix, PageToken=token)

    assert (answer.status_code, error_of(answer).code) == (400, 21481)


def test_parent_can_list_the_calls_of_its_subaccount(seeded: SeededAccounts) -> None:
    form = {"PhoneNumber": SILENT_NUMBER}
    sid = seeded.parent.request("POST", f"{seeded.sub.path}.json", data=form).json()["call_sid"]

    assert sid in call_sids(seeded.parent.request("GET", f"{calls_path(seeded.sub)}.json"))


@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_list_of_calls_is_read_only(api: Api, method: str, suffix: str) -> None:
    answer = api.request(method, calls_path(api) + suffix, data={"To": "+14155551212", "From": "+14157234000"})

    error = error_of(answer)
    assert (error.status, error.code, error.message) == (405, 20004, "Method not allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
@pytest.mark.parametrize("query", ["To=nobody", "PageToken=nonsense"])
def test_head_request_for_the_list_of_calls_gets_the_headers_of_get_without_a_body(
    api: Api, suffix: str, query: str
) -> None:
    with RawConnection(api) as connection:
        head, get = (connection.ask(method, f"{calls_path(api)}{suffix}?{query}") for method in ("HEAD", "GET"))

    shown = [(answer.status, answer.header("content-type"), answer.header("content-length")) for answer in (head, get)]
    assert shown[0] == shown[1]
    assert head.body == b""
    assert get.body != b""


@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
def test_list_of_calls_requires_credentials(anonymous_api: Api, suffix: str) -> None:
    answer = list_calls(anonymous_api, suffix)

    assert (answer.status_code, error_of(answer).code) == (401, 20003)
