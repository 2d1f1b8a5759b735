"""Timestamps: exact arithmetic, and dates as Twilio formats them."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.timestamps import MICROSECONDS, Timestamp, after, from_datetime, rfc_2822, seconds_between

MOMENTS = st.datetimes(timezones=st.just(UTC))
ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(MOMENTS)
def test_date_is_formatted_as_by_the_standard_library(moment: datetime) -> None:
    assert rfc_2822(from_datetime(moment)) == format_datetime(moment)


@given(st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - a bound for all time zones
def test_date_is_unchanged_to_the_second_by_formatting_and_parsing(moment: datetime) -> None:
    assert parsedate_to_datetime(rfc_2822(from_datetime(moment))) == moment.replace(microsecond=0)


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2010, 7, 27, 20, 21, 11, tzinfo=UTC), "Tue, 27 Jul 2010 20:21:11 +0000"),
        (datetime(2009, 2, 3, 4, 5, 6, 999_999, tzinfo=UTC), "Tue, 03 Feb 2009 04:05:06 +0000"),
        (datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC), "Wed, 31 Dec 1969 23:59:59 +0000"),
        (datetime(2000, 2, 29, tzinfo=UTC), "Tue, 29 Feb 2000 00:00:00 +0000"),
    ],
)
def test_dates_are_formatted_as_twilio_does(moment: datetime, written: str) -> None:
    assert rfc_2822(from_datetime(moment)) == written


@given(MOMENTS)
def test_timestamp_is_exact_to_the_microsecond(moment: datetime) -> None:
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=from_datetime(moment)) == moment


@given(st.datetimes(datetime(1902, 1, 1), datetime(2099, 1, 1), timezones=ZONES))  # noqa: DTZ001 - bounds for all time zones
def test_time_zone_of_a_datetime_is_respected(moment: datetime) -> None:
    assert from_datetime(moment) == from_datetime(moment.astimezone(UTC))


def test_datetime_without_a_time_zone_is_utc() -> None:
    naive = datetime(2010, 7, 27, 20, 21, 11)  # noqa: DTZ001 - tests a naive datetime

    assert from_datetime(naive) == from_datetime(naive.replace(tzinfo=UTC))


@given(st.integers(-(10**15), 10**15).map(Timestamp), st.integers(-(10**12), 10**12))
def test_difference_of_two_timestamps_equals_the_added_seconds(start: Timestamp, microseconds: int) -> None:
    end = after(start, microseconds / MICROSECONDS)

    assert end - start == microseconds
    assert seconds_between(start, end) == microseconds / MICROSECONDS
