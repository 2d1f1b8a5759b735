"""The time: the only place that asks the machine for it."""

import time
from typing import Protocol

from ringback.domain.instants import MICROSECONDS, Instant

NANOSECONDS_IN_MICROSECOND = 1_000_000_000 // MICROSECONDS


class Clock(Protocol):
    """Whatever tells the time."""

    def now(self) -> Instant:
        """Return the present instant."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> Instant:
        return Instant(time.time_ns() // NANOSECONDS_IN_MICROSECOND)
