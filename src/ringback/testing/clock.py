"""The clock of an account, controlled by a test."""

from datetime import datetime, timedelta

from ringback.testing import event_loop
from ringback.testing.control import Control
from ringback.testing.records import ClockReading
from ringback.testing.resource_requests import ClockRequests


class Clock:
    """The clock of one account; no other account's is touched."""

    def __init__(self, control: Control, account_sid: str) -> None:
        self._control = control
        self._account_sid = account_sid
        self._requests = ClockRequests(account_sid)

    @property
    def now(self) -> datetime:
        """The account's time, in UTC."""
        return self.read().now

    def read(self) -> ClockReading:
        """Return the time that the clock shows, and whether it runs."""
        return self._control.send(self._requests.read())

    def freeze(self, now: datetime | None = None) -> datetime:
        """Stop the clock, at `now` (with its time zone) or at its present time, and return the time that it shows."""
        return self._control.send(self._requests.freeze(now))

    def run(self, now: datetime | None = None) -> datetime:
        """Let time pass by itself, from `now` (with its time zone) or from the present time."""
        return self._control.send(self._requests.run(now))

    def advance(self, seconds: float | timedelta) -> datetime:
        """Let so much time pass, frozen or not, and return the time that the clock then shows.

        All that falls due on the way happens in order, and has happened when this returns: calls are moved, callbacks
        delivered or given up.
        """
        request = self._requests.advance(seconds)
        if event_loop.is_running():
            return event_loop.advance(self._control, self._account_sid, request)
        return self._control.send(request)
