"""An account's own time: it runs ahead of the machine's or behind it, or stands still."""

from enum import StrEnum
from typing import NamedTuple

from ringback.domain.timestamps import Timestamp


class ClockMode(StrEnum):
    """Whether time passes by itself."""

    RUNNING = "running"
    FROZEN = "frozen"


class AccountClock(NamedTuple):
    """A running clock is `offset` microseconds ahead of the machine's; a frozen one stands at `frozen_at`."""

    offset: int = 0
    frozen_at: Timestamp | None = None

    @property
    def mode(self) -> ClockMode:
        return ClockMode.RUNNING if self.frozen_at is None else ClockMode.FROZEN

    def now(self, system_now: Timestamp) -> Timestamp:
        """Return what this clock shows when the machine's shows `system_now`."""
        return Timestamp(system_now + self.offset) if self.frozen_at is None else self.frozen_at

    def at(self, system_now: Timestamp) -> "AccountTime":
        """Return the present by this clock, when the machine's shows `system_now`."""
        return AccountTime(self.now(system_now), system_now, self)

    def set_to(self, now: Timestamp, *, system_now: Timestamp, mode: ClockMode | None = None) -> "AccountClock":
        """Return the clock that shows `now` when the machine's shows `system_now`, in another mode if one is given."""
        if (mode or self.mode) == ClockMode.FROZEN:
            return AccountClock(frozen_at=now)
        return AccountClock(offset=now - system_now)


REAL_TIME = AccountClock()
"""The clock of an account that nobody has set."""


class AccountTime(NamedTuple):
    """One moment: `now` as the account's `clock` has it, `system_now` as the machine's."""

    now: Timestamp
    system_now: Timestamp
    clock: AccountClock

    def later(self, now: Timestamp) -> "AccountTime":
        """Return the moment at which the account's clock shows `now`, which real time has not come to."""
        return self._replace(now=now)

    def system_due_at(self, due: Timestamp) -> Timestamp | None:
        """Return when, by the machine's clock, something falls due; None while the account's stands still before it."""
        if self.clock.frozen_at is None:
            return Timestamp(due - self.clock.offset)
        return self.system_now if due <= self.clock.frozen_at else None
