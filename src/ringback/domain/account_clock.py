"""An account's own time: it runs ahead of the machine's or behind it, or stands still."""

from enum import StrEnum
from typing import NamedTuple

from ringback.domain.timestamps import Instant


class ClockMode(StrEnum):
    """Whether time passes by itself."""

    RUNNING = "running"
    FROZEN = "frozen"


class AccountClock(NamedTuple):
    """A running clock is `offset` microseconds ahead of the machine's; a frozen one stands at `frozen_at`."""

    offset: int = 0
    frozen_at: Instant | None = None

    @property
    def mode(self) -> ClockMode:
        return ClockMode.RUNNING if self.frozen_at is None else ClockMode.FROZEN

    def now(self, real: Instant) -> Instant:
        """Return what this clock shows when the machine's shows `real`."""
        return Instant(real + self.offset) if self.frozen_at is None else self.frozen_at

    def at(self, real: Instant) -> "AccountTime":
        """Return the present by this clock, when the machine's shows `real`."""
        return AccountTime(self.now(real), real, self)

    def set_to(self, now: Instant, *, real: Instant, mode: ClockMode | None = None) -> "AccountClock":
        """Return the clock that shows `now` when the machine's shows `real`, in another mode if one is given."""
        if (mode or self.mode) == ClockMode.FROZEN:
            return AccountClock(frozen_at=now)
        return AccountClock(offset=now - real)


REAL_TIME = AccountClock()
"""The clock of an account that nobody has set."""


class AccountTime(NamedTuple):
    """One moment: `now` as the account's `clock` has it, `real` as the machine's."""

    now: Instant
    real: Instant
    clock: AccountClock

    def later(self, now: Instant) -> "AccountTime":
        """Return the moment at which the account's clock shows `now`, which real time has not come to."""
        return self._replace(now=now)

    def real_due(self, due: Instant) -> Instant | None:
        """Return when, by the machine's clock, something falls due; None while the account's stands still before it."""
        if self.clock.frozen_at is None:
            return Instant(due - self.clock.offset)
        return self.real if due <= self.clock.frozen_at else None
