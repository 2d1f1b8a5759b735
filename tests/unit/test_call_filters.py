"""Filters of a list of calls, and the times that a call shows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.call_filters import (
    CallFilters,
    NothingMatches,
    TimeRange,
    date_updated,
    end_time,
    parse_call_filters,
    start_time,
)
from ringback.domain.calls import CallEvent, CallState, transition
from ringback.domain.phones import PhoneBehavior
from ringback.domain.timestamps import after
from support.domain_values import CODE, T0, WRONG_CODE, a_call, a_phone

MIDNIGHT = after(T0, -(20 * 3600 + 21 * 60 + 11))
NEXT_MIDNIGHT = after(MIDNIGHT, 86_400)


def test_filters_are_empty_without_parameters() -> None:
    assert parse_call_filters({"Page": "1", "to": "+14155551212"}) == CallFilters(None, None, TimeRange(), TimeRange())


@pytest.mark.parametrize(
    ("status", "states"),
    [
        ("queued", (CallState.QUEUED,)),
        ("in-progress", (CallState.DIALING_EXTENSION, CallState.PROMPTING)),
        ("no-answer", (CallState.NO_ANSWER,)),
    ],
)
def test_status_filter_selects_its_states(status: str, states: tuple[CallState, ...]) -> None:
    assert parse_call_filters({"Status": status}).states == states


@pytest.mark.parametrize(
    "parameters",
    [
        {"Status": "initiated"},
        {"Status": "prompting"},
        {"Status": ""},
        {"To": "nonsense"},
        {"To": ""},
        {"From": "+14155551212"},
        {"From": ""},
        {"ParentCallSid": "CA" + "0" * 32},
        {"StartTime": ""},
        {"StartTime": "2010-02-30"},
        {"StartTime<": "06/11/2019 22:05:25 MST"},
        {"EndTime>": "0000-01-01"},
        {"EndTime>": "99999-01-01"},
        {"EndTime": "\ud800"},
    ],
)
def test_impossible_filter_values_match_nothing(parameters: dict[str, str]) -> None:
    with pytest.raises(NothingMatches):
        parse_call_filters(parameters)


@pytest.mark.parametrize(
    ("signs", "wanted"),
    [
        ({"": "2010-07-27"}, TimeRange(MIDNIGHT, NEXT_MIDNIGHT)),
        ({"": "2010-07-27T20:21:11Z"}, TimeRange(MIDNIGHT, NEXT_MIDNIGHT)),
        ({">": "2010-07-27"}, TimeRange(MIDNIGHT, None)),
        ({"<": "2010-07-27"}, TimeRange(None, MIDNIGHT)),
        ({">": "2010-07-27T20:21:11"}, TimeRange(T0, None)),
        ({">": "2010-07-27 22:21:11+02:00"}, TimeRange(T0, None)),
        ({"<": "2010-07-27T20:21:11.000Z"}, TimeRange(None, T0)),
        ({">": "2010-07-27", "<": "2010-07-28"}, TimeRange(MIDNIGHT, NEXT_MIDNIGHT)),
        ({"": "2010-07-27", ">": "2010-07-27T20:21:11Z"}, TimeRange(T0, NEXT_MIDNIGHT)),
        ({"": "2010-07-27", "<": "2010-07-27T20:21:11Z"}, TimeRange(MIDNIGHT, T0)),
    ],
)
@pytest.mark.parametrize("name", ["StartTime", "EndTime"])
def test_time_filter_is_a_day_or_a_bound(name: str, signs: dict[str, str], wanted: TimeRange) -> None:
    filters = parse_call_filters({name + sign: text for sign, text in signs.items()})

    found, other = (filters.started, filters.ended) if name == "StartTime" else (filters.ended, filters.started)
    assert found == wanted
    assert other == TimeRange()


@given(st.text(), st.sampled_from(["StartTime", "StartTime<", "EndTime>"]))
def test_time_filter_with_any_text_is_parsed_or_matches_nothing(text: str, name: str) -> None:
    try:
        filters = parse_call_filters({name: text})
    except NothingMatches:
        return
    assert filters != CallFilters()


def test_day_before_1970_is_a_valid_filter() -> None:
    filters = parse_call_filters({"StartTime": "1969-12-31T12:00:00Z"})

    assert filters.started == TimeRange(after(T0, -T0 / 1_000_000 - 86_400), after(T0, -T0 / 1_000_000))


def call_after_events(*events: tuple[CallEvent, str], behavior: PhoneBehavior = PhoneBehavior.ENTER_CODE) -> Any:
    """Return a call after these events, which happen one second apart."""
    call, now = a_call(phone=a_phone(behavior), attempts_allowed=1, attempts_left=1), T0
    for event, digits in events:
        now = after(now, 1)
        call = transition(call, event, account_now=now, digits=digits)
    return call


DIAL, ANSWER = (CallEvent.DIAL, ""), (CallEvent.ANSWER, "")


@pytest.mark.parametrize(
    ("call", "started", "ended", "updated"),
    [
        (a_call(), None, None, 0),
        (call_after_events(DIAL), 1, None, 1),
        (call_after_events(DIAL, ANSWER), 1, None, 2),
        (call_after_events(DIAL, ANSWER, (CallEvent.DIGITS, CODE)), 1, 3, 3),
        (call_after_events(DIAL, ANSWER, (CallEvent.DIGITS, WRONG_CODE)), 1, 3, 3),
        (call_after_events(DIAL, ANSWER, (CallEvent.DIGITS, "0")), 1, None, 3),
        (call_after_events(DIAL, (CallEvent.RING_TIMEOUT, "")), 1, None, 2),
        (call_after_events(DIAL, (CallEvent.REJECT, "")), 1, None, 2),
        (call_after_events(DIAL, ANSWER, (CallEvent.SUPERSEDE, "")), 1, None, 3),
        (call_after_events(DIAL, behavior=PhoneBehavior.BUSY), 1, None, 1),
        (call_after_events(DIAL, behavior=PhoneBehavior.UNREACHABLE), 1, None, 1),
        (transition(a_call(), CallEvent.SUPERSEDE, account_now=after(T0, 1)), None, None, 1),
    ],
)
def test_call_starts_when_dialed_and_ends_when_completed(
    call: Any, started: int | None, ended: int | None, updated: int
) -> None:
    shown = [None if at is None else (at - T0) // 1_000_000 for at in (start_time(call), end_time(call))]

    assert shown == [started, ended]
    assert date_updated(call) == after(T0, updated)
