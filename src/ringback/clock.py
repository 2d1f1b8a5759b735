"""The system clock. No other module reads the machine's time."""

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

import structlog

from ringback.domain.timestamps import MICROSECONDS, Timestamp

NANOSECONDS = 1_000_000_000
NANOSECONDS_IN_MICROSECOND = NANOSECONDS // MICROSECONDS
SMALL_STEP_SECONDS = 2.0
"""Longest forward step that is followed immediately. It is shorter than a lease."""
SMALL_STEP_NANOSECONDS = round(SMALL_STEP_SECONDS * NANOSECONDS)
FOLLOW_AFTER_SECONDS = 10.0
"""Delay before a longer forward step is followed. During the delay each process renews its leases with the new time, so
that no other process takes over its callbacks."""
SLOWDOWN = 10
"""While the machine's clock is behind, this clock runs one tenth slower, which does not affect calls noticeably."""

log = structlog.get_logger()


class Clock(Protocol):
    """A source of the current time."""

    def now(self) -> Timestamp:
        """Return the current time."""
        ...

    def latest(self) -> Timestamp:
        """Return the latest time that any process may read. Renewed leases start at this time."""
        ...


wall_ns = time.time_ns
"""Return the machine's time in nanoseconds since 1970."""
monotonic_ns: Callable[[], int] = (
    partial(time.clock_gettime_ns, time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic_ns
)
"""Return nanoseconds since an arbitrary time. On Linux they include the time during which the machine was suspended."""


class SystemClock:
    """The machine's time without backward steps, which would delay pending work.

    When the machine's clock is set back, this clock continues, a tenth slower, until both agree. A forward step is
    followed, immediately if it is at most SMALL_STEP_SECONDS, otherwise after FOLLOW_AFTER_SECONDS.
    """

    def __init__(self) -> None:
        self._shown = wall_ns()
        self._monotonic = monotonic_ns()
        self._ahead_since: int | None = None
        self._is_behind = False

    def now(self) -> Timestamp:
        return Timestamp(self._read(wall_ns()) // NANOSECONDS_IN_MICROSECOND)

    def latest(self) -> Timestamp:
        wall = wall_ns()
        return Timestamp(max(self._read(wall), wall) // NANOSECONDS_IN_MICROSECOND)

    def _read(self, wall: int) -> int:
        """Return the time that this clock shows, in nanoseconds."""
        monotonic = monotonic_ns()
        elapsed = max(0, monotonic - self._monotonic)
        shown = self._shown + elapsed
        self._monotonic = monotonic
        if 0 <= wall - shown <= SMALL_STEP_NANOSECONDS:
            self._ahead_since, self._is_behind = None, False
            shown = wall
        elif wall < shown:
            shown = self._slow_down(shown, elapsed, wall)
        else:
            shown = self._hold(shown, wall)
        self._shown = shown
        return shown

    def _slow_down(self, shown: int, elapsed: int, wall: int) -> int:
        """Return the time to show while the machine's clock is behind."""
        behind = shown - wall
        is_far = behind > SMALL_STEP_NANOSECONDS
        if is_far and not self._is_behind:
            log.warning("system clock set back", seconds=round(behind / NANOSECONDS, 1))
        self._ahead_since, self._is_behind = None, is_far
        return shown - min(behind, elapsed // SLOWDOWN)

    def _hold(self, shown: int, wall: int) -> int:
        """Return the time to show while the machine's clock is far ahead: the old time, until the step is followed."""
        self._is_behind = False
        if self._ahead_since is None:
            self._ahead_since = self._monotonic
            seconds = round((wall - shown) / NANOSECONDS, 1)
            log.warning("system clock set forward", seconds=seconds)
        elif self._monotonic - self._ahead_since >= FOLLOW_AFTER_SECONDS * NANOSECONDS:
            self._ahead_since = None
            return wall
        return shown
