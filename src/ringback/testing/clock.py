"""An account's time, in a test's hand."""

from datetime import datetime, timedelta
from urllib.parse import quote

from ringback.testing.control import Control
from ringback.testing.records import ClockReading

SETTLING_SECONDS = 600.0
"""How long it may take until all has settled that fell due: receivers of callbacks may be slow."""


class Clock:
    """The clock of one account; no other account's is touched."""

    def __init__(self, control: Control, account_sid: str) -> None:
        self._control = control
        self._path = f"/accounts/{quote(account_sid, safe='')}/clock"

    @property
    def now(self) -> datetime:
        """The account's time, in UTC."""
        return self.read().now

    def read(self) -> ClockReading:
        """Return what the clock shows, and whether it runs."""
        return ClockReading.model_validate(self._control.ask("GET", self._path))

    def freeze(self, now: datetime | None = None) -> datetime:
        """Stop the clock, at `now` (with its time zone) or where it stands, and return what it shows."""
        return self._set("frozen", now)

    def run(self, now: datetime | None = None) -> datetime:
        """Let time pass by itself, from `now` (with its time zone) or from where it stands."""
        return self._set("running", now)

    def advance(self, seconds: float | timedelta) -> datetime:
        """Let so much time pass, frozen or not, and return what the clock then shows.

        All that falls due on the way happens in order, and has happened when this returns: calls are moved, callbacks
        delivered or given up.
        """
        amount = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
        shown = self._control.ask("POST", f"{self._path}/advance", {"seconds": amount}, wait_seconds=SETTLING_SECONDS)
        return ClockReading.model_validate(shown).now

    def _set(self, mode: str, now: datetime | None) -> datetime:
        body = {"mode": mode, "now": None if now is None else now.isoformat()}
        return ClockReading.model_validate(self._control.ask("PUT", self._path, body)).now
