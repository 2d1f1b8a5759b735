"""The time: the only place that asks the machine for it."""

import time
from typing import NamedTuple, Protocol

import structlog

from ringback.domain.timestamps import MICROSECONDS, Timestamp

NANOSECONDS = 1_000_000_000
NANOSECONDS_IN_MICROSECOND = NANOSECONDS // MICROSECONDS
SMALL_STEP_SECONDS = 2.0
"""A step forward that is followed at once: leases last longer than that."""
FOLLOW_AFTER_SECONDS = 10.0
"""How long a greater step forward is left out: each process renews its leases by the stepped clock at least once
before, so that no other process takes its callbacks for those of a dead one."""
SLOWER_BY = 10
"""While the machine's clock is behind, this one loses a tenth of the time: calls notice nothing of it."""

log = structlog.get_logger()


class Clock(Protocol):
    """Whatever tells the time."""

    def now(self) -> Timestamp:
        """Return the present instant."""
        ...

    def latest(self) -> Timestamp:
        """Return the latest present that any process may see, of which leases are counted."""
        ...


class _Reading(NamedTuple):
    """The clocks at one moment, in nanoseconds; and since when the machine's is far ahead, if it is."""

    shown: int
    monotonic: int
    ahead_since: int | None = None
    is_behind: bool = False


def wall_ns() -> int:
    """Return what the machine's clock shows, in nanoseconds since 1970."""
    return time.time_ns()


def monotonic_ns() -> int:
    """Return the nanoseconds since some moment; on Linux those count during which the machine was suspended."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return time.monotonic_ns()


class SystemClock:
    """The machine's clock without its steps: it never goes back, and no pending work waits because somebody set it.

    Set back, the machine's clock is waited for: this one goes on from where it was, a tenth slower, until both agree. A
    step forward is followed, a great one after FOLLOW_AFTER_SECONDS.
    """

    def __init__(self) -> None:
        self._last = _Reading(wall_ns(), monotonic_ns())

    def now(self) -> Timestamp:
        return Timestamp(self._read(wall_ns()).shown // NANOSECONDS_IN_MICROSECOND)

    def latest(self) -> Timestamp:
        wall = wall_ns()
        return Timestamp(max(self._read(wall).shown, wall) // NANOSECONDS_IN_MICROSECOND)

    def _read(self, wall: int) -> _Reading:
        last, monotonic = self._last, monotonic_ns()
        passed = max(0, monotonic - last.monotonic)
        shown = last.shown + passed
        ahead = wall - shown
        if ahead < 0:
            reading = self._slowed(last, shown - min(-ahead, passed // SLOWER_BY), monotonic, ahead)
        elif ahead <= SMALL_STEP_SECONDS * NANOSECONDS:
            reading = _Reading(wall, monotonic)
        else:
            reading = self._held(last, shown, monotonic, wall)
        self._last = reading
        return reading

    @staticmethod
    def _slowed(last: _Reading, shown: int, monotonic: int, ahead: int) -> _Reading:
        is_far = -ahead > SMALL_STEP_SECONDS * NANOSECONDS
        if is_far and not last.is_behind:
            log.warning("machine's clock set back, following it slowly", seconds=round(-ahead / NANOSECONDS, 1))
        return _Reading(shown, monotonic, is_behind=is_far)

    @staticmethod
    def _held(last: _Reading, shown: int, monotonic: int, wall: int) -> _Reading:
        since = monotonic if last.ahead_since is None else last.ahead_since
        if monotonic - since >= FOLLOW_AFTER_SECONDS * NANOSECONDS:
            return _Reading(wall, monotonic)
        if last.ahead_since is None:
            seconds = round((wall - shown) / NANOSECONDS, 1)
            log.warning("machine's clock set forward, following it soon", seconds=seconds)
        return _Reading(shown, monotonic, since)
