"""The list of caller IDs: its fields in JSON and XML, its order and its filters.

Rules: docs/fidelity.md, list paging.
"""

import pytest
from lxml import etree

from support.wire.api import ELEMENTS, FIELDS, Api, CallerId, draw_name, draw_number, eventually, records
from support.wire.rows import ListedCallerIds, SeededAccounts

KEYS = [
    "page",
    "page_size",
    "start",
    "end",
    "uri",
    "first_page_uri",
    "previous_page_uri",
    "next_page_uri",
    "outgoing_caller_ids",
]
ATTRIBUTES = ["page", "pagesize", "uri", "firstpageuri", "previouspageuri", "nextpageuri"]


def test_list_in_json_has_exactly_the_documented_keys(api: Api, caller_id: CallerId) -> None:
    page = api.list(PhoneNumber=caller_id["phone_number"]).json()

    assert list(page) == KEYS
    assert [list(row) for row in page["outgoing_caller_ids"]] == [FIELDS]
    assert page["outgoing_caller_ids"] == [caller_id]


def test_uris_of_a_list_without_parameters_select_the_first_page(api: Api) -> None:
    page = api.list().json()

    assert page["uri"] == f"{api.path}.json"
    assert page["first_page_uri"] == f"{api.path}.json?Page=0&PageSize=50"
    assert (page["page"], page["page_size"], page["start"]) == (0, 50, 0)
    assert page["previous_page_uri"] is None


def test_list_in_xml_has_the_links_as_attributes_and_an_element_for_each_row(api: Api, caller_id: CallerId) -> None:
    number = caller_id["phone_number"].replace("+", "%2B")

    root = etree.fromstring(api.list("", PhoneNumber=caller_id["phone_number"]).content)

    [element] = root
    assert (root.tag, element.tag) == ("TwilioResponse", "OutgoingCallerIds")
    assert list(element.keys()) == ATTRIBUTES
    assert element.get("firstpageuri") == f"{api.path}?PhoneNumber={number}&Page=0&PageSize=50"
    shown = [element.get(name) for name in ("page", "pagesize", "previouspageuri", "nextpageuri")]
    assert shown == ["0", "50", "", ""]
    [row] = element
    assert row.tag == "OutgoingCallerId"
    assert [child.tag for child in row] == ELEMENTS
    assert row.findtext("Uri") == api.instance_path(caller_id, "")


def test_uris_of_a_list_in_xml_without_parameters_select_the_first_page(seeded: SeededAccounts) -> None:
    path = seeded.parent.path

    [element] = etree.fromstring(seeded.parent.list("").content)

    assert dict(element.items()) == {
        "page": "0",
        "pagesize": "50",
        "uri": path,
        "firstpageuri": f"{path}?Page=0&PageSize=50",
        "previouspageuri": "",
        "nextpageuri": "",
    }
    assert len(element) == 12


def test_start_and_end_of_an_empty_list_are_zero(api: Api) -> None:
    page = api.list(FriendlyName=draw_name()).json()

    assert page["outgoing_caller_ids"] == []
    assert (page["page"], page["page_size"], page["start"], page["end"]) == (0, 50, 0, 0)
    assert (page["previous_page_uri"], page["next_page_uri"]) == (None, None)


def test_list_of_an_account_without_caller_ids_is_empty(seeded: SeededAccounts) -> None:
    path = seeded.empty.path

    page = seeded.empty.list().json()

    assert page == {
        "page": 0,
        "page_size": 50,
        "start": 0,
        "end": 0,
        "uri": f"{path}.json",
        "first_page_uri": f"{path}.json?Page=0&PageSize=50",
        "previous_page_uri": None,
        "next_page_uri": None,
        "outgoing_caller_ids": [],
    }


def test_empty_list_is_an_empty_element_in_xml(api: Api) -> None:
    answer = api.list("", FriendlyName=draw_name())

    assert answer.status_code == 200
    assert answer.content.endswith(b'previouspageuri="" nextpageuri=""/></TwilioResponse>')


def test_empty_list_in_csv_is_only_a_header(api: Api) -> None:
    answer = api.list(".csv", FriendlyName=draw_name())

    assert answer.text.splitlines() == [",".join(ELEMENTS)]


def test_list_starts_with_the_newest_caller_id(seeded: SeededAccounts) -> None:
    rows = records(seeded.parent.list())

    assert [row["phone_number"][-4:] for row in rows] == [
        *("3131", "3030", "2929", "2828", "2727", "5555", "2525", "2424", "2323", "2222", "2121", "2020")
    ]


def test_caller_ids_are_listed_by_verification_time_newest_first(api: Api) -> None:
    def requested_first_and_verified_last() -> tuple[str, str, str] | None:
        name, later, earlier = draw_name(), draw_number(), draw_number()
        api.validate(later, FriendlyName=name, CallDelay=1)
        api.validate(earlier, FriendlyName=name)
        api.wait_until_verified(earlier)
        return None if api.find(later) else (name, later, earlier)

    name, *numbers = eventually(requested_first_and_verified_last)
    verified = api.wait_until_verified(*numbers)

    rows = records(api.list(FriendlyName=name))

    assert rows == verified


def test_rows_with_equal_dates_are_sorted_by_sid_descending(seeded: SeededAccounts) -> None:
    rows = records(seeded.sub.list(FriendlyName="sub"))

    sids = [row["sid"] for row in rows]
    assert len(sids) == 5
    assert sids == sorted(sids, reverse=True)


def test_rows_have_the_same_order_for_every_page_size(api: Api, listed: ListedCallerIds) -> None:
    at_once = [row["sid"] for row in records(api.list(FriendlyName=listed.friendly_name, PageSize=1000))]

    by_sevens = [
        row["sid"]
        for page in api.pages(api.list(FriendlyName=listed.friendly_name, PageSize=7))
        for row in records(page)
    ]

    assert by_sevens == at_once
    assert set(at_once) == listed.sids


FORMS = {
    "E.164": "+1{0}{1}{2}",
    "parentheses": "({0}) {1}-{2}",
    "dashes": "{0}-{1}-{2}",
    "digits": "{0}{1}{2}",
    "one and spaces": "1 {0} {1} {2}",
    "plus and spaces": "+1 {0} {1} {2}",
    "dots": "{0}.{1}.{2}",
    "one and dashes": "1-{0}-{1}-{2}",
}


@pytest.mark.parametrize("form", FORMS)
def test_phone_number_filter_accepts_any_number_format(api: Api, caller_id: CallerId, form: str) -> None:
    number = caller_id["phone_number"]

    written = FORMS[form].format(number[2:5], number[5:8], number[8:])

    assert records(api.list(PhoneNumber=written)) == [caller_id]


@pytest.mark.parametrize("escaped", ["%2B", "%2b"])
def test_percent_encoded_plus_sign_may_be_in_upper_or_lower_case(api: Api, caller_id: CallerId, escaped: str) -> None:
    number = caller_id["phone_number"].replace("+", escaped)

    answer = api.request("GET", f"{api.path}.json?PhoneNumber={number}")

    assert records(answer) == [caller_id]


@pytest.mark.parametrize("number", ["", "nonsense", "+", "12", "+1415555121299999", "415", "+999123", "+1415*******"])
def test_invalid_number_matches_no_caller_id(api: Api, number: str) -> None:
    page = api.list(PhoneNumber=number)

    assert page.status_code == 200
    assert records(page) == []


def test_phone_number_filter_does_not_match_a_part_of_a_number(api: Api, caller_id: CallerId) -> None:
    assert records(api.list(PhoneNumber=caller_id["phone_number"][:-1])) == []


def test_friendly_name_filter_matches_exactly(api: Api, caller_id: CallerId) -> None:
    name = f"{draw_name()} a&b=c% d/ü"
    api.update(caller_id, FriendlyName=name)

    found = {wanted: records(api.list(FriendlyName=wanted)) for wanted in (name, name.upper(), name[:-1], f"{name} ")}

    assert [[row["sid"] for row in rows] for rows in found.values()] == [[caller_id["sid"]], [], [], []]


@pytest.mark.parametrize("other", ["", "another name"])
def test_filters_by_number_and_name_can_be_combined(api: Api, caller_id: CallerId, other: str) -> None:
    name, number = caller_id["friendly_name"], caller_id["phone_number"]

    both = api.list(PhoneNumber=number, FriendlyName=name)
    wrong_name = api.list(PhoneNumber=number, FriendlyName=other)

    assert records(both) == [caller_id]
    assert records(wrong_name) == []


@pytest.mark.parametrize("name", ["phoneNumber", "phonenumber", "PHONENUMBER", "phone_number", "Unknown"])
def test_query_parameter_names_are_case_sensitive_and_unknown_ones_are_ignored(
    api: Api, caller_id: CallerId, name: str
) -> None:
    query = {"FriendlyName": caller_id["friendly_name"], name: "+14155551212"}

    assert records(api.list(**query)) == [caller_id]


def test_last_value_of_a_repeated_filter_is_used(api: Api, caller_id: CallerId) -> None:
    number = caller_id["phone_number"].replace("+", "%2B")

    last = api.request("GET", f"{api.path}.json?PhoneNumber=nonsense&PhoneNumber={number}")
    first = api.request("GET", f"{api.path}.json?PhoneNumber={number}&PhoneNumber=nonsense")

    assert (records(last), records(first)) == ([caller_id], [])


def test_uris_of_a_filtered_list_have_the_encoded_filters(api: Api) -> None:
    name = "a&b=c% d/ü+"

    page = api.list(PhoneNumber="+14155551212", FriendlyName=name).json()

    filters = "PhoneNumber=%2B14155551212&FriendlyName=a%26b%3Dc%25%20d%2F%C3%BC%2B"
    assert page["first_page_uri"] == f"{api.path}.json?{filters}&Page=0&PageSize=50"
