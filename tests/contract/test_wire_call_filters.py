"""Filters for the list of calls: number, status and time. Rules: docs/fidelity.md, list of calls."""

from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from support.wire.api import Api
from support.wire.calls import Called, call_records, call_sids, calls_path, list_calls
from support.wire.sockets import RawConnection


@pytest.mark.parametrize("form", ["+1{0}{1}{2}", "({0}) {1}-{2}", "1 {0} {1} {2}"])
def test_calls_to_a_number_are_found_in_any_number_format(api: Api, called: Called, form: str) -> None:
    number = called.number

    written = form.format(number[2:5], number[5:8], number[8:])

    assert call_sids(list_calls(api, To=written)) == called.newest_first


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ({"Status": "completed"}, [0]),
        ({"Status": "failed"}, [1, 2, 3, 4]),
        ({"Status": "in-progress"}, []),
        ({"Status": "canceled"}, []),
        ({"Status": "COMPLETED"}, []),
        ({"Status": "prompting"}, []),
        ({"Status": ""}, []),
        ({"From": "+14157234000"}, [0, 1, 2, 3, 4]),
        ({"From": "(415) 723-4000"}, [0, 1, 2, 3, 4]),
        ({"From": "+14155551212"}, []),
        ({"From": ""}, []),
        ({"ParentCallSid": "CA" + "0" * 32}, []),
        ({"ParentCallSid": ""}, [0, 1, 2, 3, 4]),
        ({"Status": "failed", "From": "+14157234000", "PageSize": 2}, [1, 2]),
        ({"StartTime": "yesterday"}, []),
        ({"EndTime_from": ""}, []),
        ({"StartTime_before": "06/11/2019 22:05:25 MST"}, []),
        ({"status": "failed"}, [0, 1, 2, 3, 4]),
        ({"Unknown": "x"}, [0, 1, 2, 3, 4]),
    ],
)
def test_call_filters_select_the_matching_calls(
    api: Api, called: Called, query: dict[str, Any], places: list[int]
) -> None:
    found = call_sids(list_calls(api, To=called.number, **query))

    assert found == [called.newest_first[place] for place in places]


@pytest.mark.parametrize("number", ["", "nonsense", "+", "415"])
def test_invalid_number_matches_no_call(api: Api, number: str) -> None:
    assert call_records(list_calls(api, To=number)) == []


@pytest.mark.parametrize("name", ["StartTime", "EndTime"])
@pytest.mark.parametrize(
    ("sign", "days", "found"),
    [
        *[("", -1, False), ("", 0, True), ("", 1, False)],
        *[("_from", -1, True), ("_from", 0, True), ("_from", 1, False)],
        *[("_before", -1, False), ("_before", 0, False), ("_before", 1, True)],
    ],
)
def test_time_filters_select_calls_by_day(
    api: Api, called: Called, name: str, sign: str, days: int, *, found: bool
) -> None:
    shown = {"StartTime": "start_time", "EndTime": "end_time"}[name]
    day = parsedate_to_datetime(called.completed[shown]).date() + timedelta(days=days)

    sids = call_sids(list_calls(api, **{"To": called.number, name + sign: day.isoformat()}))

    assert sids == ([called.completed["sid"]] if found else [])


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.000+00:00"])
def test_time_filters_have_a_precision_of_one_second(api: Api, called: Called, form: str) -> None:
    started = parsedate_to_datetime(called.completed["start_time"])
    later = (started + timedelta(seconds=1)).strftime(form)

    since = call_sids(list_calls(api, To=called.number, StartTime_from=started.strftime(form)))
    since_later = call_sids(list_calls(api, To=called.number, StartTime_from=later))
    before_later = call_sids(list_calls(api, To=called.number, StartTime_before=later))

    assert (since, since_later, before_later) == ([called.completed["sid"]], [], [called.completed["sid"]])


def test_start_time_range_selects_the_calls_in_it(api: Api, called: Called) -> None:
    day = parsedate_to_datetime(called.completed["start_time"]).date()
    later = (day + timedelta(days=1)).isoformat()

    between = list_calls(api, To=called.number, StartTime_from=day.isoformat(), StartTime_before=later)

    assert call_sids(between) == [called.completed["sid"]]


def test_comparison_operators_in_a_query_need_no_escaping(api: Api, called: Called) -> None:
    target = f"{calls_path(api)}.json?To={called.escaped}&StartTime>=2009-07-06"

    with RawConnection(api) as connection:
        answer = connection.ask("GET", target)

    assert answer.status == 200
    assert called.completed["sid"].encode() in answer.body


def test_page_uris_of_filtered_calls_contain_the_encoded_filters_in_order(api: Api) -> None:
    query = {"EndTime_from": "2009-07-06", "StartTime_before": "2009-07-07", "To": "+14155551212", "Status": "busy"}

    page = list_calls(api, **query).json()

    filters = "Status=busy&To=%2B14155551212&StartTime%3C=2009-07-07&EndTime%3E=2009-07-06"
    assert page["first_page_uri"] == f"{calls_path(api)}.json?{filters}&Page=0&PageSize=50"
    assert page["uri"] == f"{calls_path(api)}.json?{filters}"
