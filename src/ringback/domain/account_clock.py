"""An account's clock: it runs at an offset from the system clock, or is frozen."""

from enum import StrEnum
from typing import NamedTuple

from ringback.domain.timestamps import Timestamp


class ClockMode(StrEnum):
    """The mode of an account's clock: running or frozen."""

    RUNNING = "running"
    FROZEN = "frozen"


class AccountClock(NamedTuple):
    """An account's clock. It runs `offset` microseconds ahead of the system clock, or is frozen at `frozen_at`."""

    offset: int = 0
    frozen_at: Timestamp | None = None

    @property
    def mode(self) -> ClockMode:
        return ClockMode.RUNNING if self.frozen_at is None else ClockMode.FROZEN

    def now(self, system_now: Timestamp) -> Timestamp:
        """Return the account's time at the system time `system_now`."""
        return Timestamp(system_now + self.offset) if self.frozen_at is None else self.frozen_at

    def at(self, system_now: Timestamp) -> "AccountTime":
        """Return the time on both clocks at the system time `system_now`."""
        return AccountTime(self.now(system_now), system_now, self)

    def set_to(self, account_now: Timestamp, *, system_now: Timestamp, mode: ClockMode | None = None) -> "AccountClock":
        """Return a clock that shows `account_now` at the system time `system_now`.

        If `mode` is None, keep the current mode.
        """
        if (mode or self.mode) == ClockMode.FROZEN:
            return AccountClock(frozen_at=account_now)
        return AccountClock(offset=account_now - system_now)


UNSET_CLOCK = AccountClock()
"""The clock of an account before it is set: the system clock."""


class AccountTime(NamedTuple):
    """One moment on both clocks: `account_now` on the account's `clock`, `system_now` on the system clock."""

    account_now: Timestamp
    system_now: Timestamp
    clock: AccountClock

    def later(self, account_now: Timestamp) -> "AccountTime":
        """Return this time with a later account time, for a clock that is being advanced."""
        return self._replace(account_now=account_now)

    def system_due_at(self, due: Timestamp) -> Timestamp | None:
        """Return the system time at which the account's clock shows `due`. Return None if it is frozen before `due`."""
        if self.clock.frozen_at is None:
            return Timestamp(due - self.clock.offset)
        return self.system_now if due <= self.clock.frozen_at else None
