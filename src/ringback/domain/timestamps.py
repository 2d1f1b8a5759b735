"""Timestamps: whole microseconds since 1970-01-01T00:00:00Z, in the domain, the database and the clock.

SQLite and PostgreSQL compare, sort, index and add integers exactly and without conversion. Only the APIs and the log
format timestamps as text.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import NewType

Timestamp = NewType("Timestamp", int)

MICROSECONDS = 1_000_000
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def after(timestamp: Timestamp, seconds: float) -> Timestamp:
    """Return the timestamp `seconds` later, or earlier if negative."""
    return Timestamp(timestamp + round(seconds * MICROSECONDS))


def seconds_between(start: Timestamp, end: Timestamp) -> float:
    """Return the seconds from `start` to `end`, negative if `end` is earlier."""
    return (end - start) / MICROSECONDS


def from_datetime(value: datetime) -> Timestamp:
    """Return the timestamp of a datetime. A naive datetime is read as UTC."""
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    delta = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return Timestamp((delta.days * 86_400 + delta.seconds) * MICROSECONDS + delta.microseconds)


def to_datetime(timestamp: Timestamp) -> datetime:
    """Return a timestamp as a datetime in UTC, without its fraction of a second."""
    return datetime.fromtimestamp(timestamp // MICROSECONDS, UTC)


EARLIEST, LATEST = from_datetime(datetime(1, 1, 1, tzinfo=UTC)), from_datetime(datetime(9999, 12, 31, tzinfo=UTC))
"""The first timestamp that can be written as a date, and the last timestamp that is accepted."""


def rfc_2822(timestamp: Timestamp) -> str:
    """Format a timestamp as Twilio does: ``Tue, 27 Jul 2010 20:21:11 +0000``.

    The names are English in every locale, the day has two digits, and ``+0000`` is literal: the Java library cannot
    parse any other form. Source: docs/fidelity.md, dates [page, observed].
    """
    return _rfc_2822_of_second(timestamp // MICROSECONDS)


def rfc_3339(timestamp: Timestamp) -> str:
    """Format a timestamp as the control API does: ``2010-07-27T20:21:11.000000Z``."""
    at = to_datetime(timestamp)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{timestamp % MICROSECONDS:06d}Z"


def iso_8601(timestamp: Timestamp) -> str:
    """Format a timestamp as Twilio's newer APIs do: ``2015-07-31T04:00:00Z``. Source: docs/fidelity.md, dates [oai]."""
    return f"{datetime.fromtimestamp(timestamp // MICROSECONDS, UTC):%Y-%m-%dT%H:%M:%S}Z"


@lru_cache(maxsize=4096)
def _rfc_2822_of_second(epoch_seconds: int) -> str:
    at = datetime.fromtimestamp(epoch_seconds, UTC)
    day, month = _WEEKDAYS[at.weekday()], _MONTHS[at.month - 1]
    clock = f"{at.hour:02d}:{at.minute:02d}:{at.second:02d}"
    return f"{day}, {at.day:02d} {month} {at.year:04d} {clock} +0000"
