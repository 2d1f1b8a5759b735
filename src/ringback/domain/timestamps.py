"""Instants: whole microseconds since 1970-01-01T00:00:00Z, one number in domain, database and clock.

Plain integers compare, sort, index and add exactly, on SQLite and on PostgreSQL, and cost nothing to
convert; only the edges turn them into text.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import NewType

Timestamp = NewType("Timestamp", int)

MICROSECONDS = 1_000_000
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def after(instant: Timestamp, seconds: float) -> Timestamp:
    """Return the instant `seconds` later (earlier when negative)."""
    return Timestamp(instant + round(seconds * MICROSECONDS))


def seconds_between(start: Timestamp, end: Timestamp) -> float:
    """Return the seconds from `start` to `end`, negative when `end` comes first."""
    return (end - start) / MICROSECONDS


def from_datetime(moment: datetime) -> Timestamp:
    """Return the instant of an aware datetime; a naive one counts as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    delta = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return Timestamp((delta.days * 86_400 + delta.seconds) * MICROSECONDS + delta.microseconds)


EARLIEST, LATEST = from_datetime(datetime(1, 1, 1, tzinfo=UTC)), from_datetime(datetime(9999, 12, 31, tzinfo=UTC))
"""The first and the last instant that can be written as a date."""


def rfc_2822(instant: Timestamp) -> str:
    """Write an instant as Twilio does: ``Tue, 27 Jul 2010 20:21:11 +0000``.

    English names whatever the locale, two-digit day, literal ``+0000``: the Java library reads nothing else.
    Source: docs/fidelity.md, dates [page, observed].
    """
    return _rfc_2822_of_second(instant // MICROSECONDS)


def rfc_3339(instant: Timestamp) -> str:
    """Write an instant as the control API does: ``2010-07-27T20:21:11.000000Z``."""
    at = datetime.fromtimestamp(instant // MICROSECONDS, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{instant % MICROSECONDS:06d}Z"


@lru_cache(maxsize=4096)
def _rfc_2822_of_second(epoch_seconds: int) -> str:
    at = datetime.fromtimestamp(epoch_seconds, UTC)
    day, month = _WEEKDAYS[at.weekday()], _MONTHS[at.month - 1]
    clock = f"{at.hour:02d}:{at.minute:02d}:{at.second:02d}"
    return f"{day}, {at.day:02d} {month} {at.year:04d} {clock} +0000"
