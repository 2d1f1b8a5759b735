"""A fake clock for tests."""

from datetime import UTC, datetime

from ringback.domain.timestamps import Timestamp, after, from_datetime

START = from_datetime(datetime(2010, 7, 27, 20, 21, 11, tzinfo=UTC))
"""Tue, 27 Jul 2010 20:21:11 +0000"""


class FakeClock:
    """A clock that stands still until it is advanced."""

    def __init__(self, start: Timestamp = START) -> None:
        self._now = start

    def now(self) -> Timestamp:
        return self._now

    def latest(self) -> Timestamp:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now = after(self._now, seconds)
