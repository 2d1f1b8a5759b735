"""Who waits for what happens in an account, and how they learn that something was committed there."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from ringback.domain.sids import AccountSid


class ChangeNotifier:
    """Wakes those who wait for an account's events; what happened they read for themselves."""

    def __init__(self) -> None:
        self._waiting: dict[AccountSid, set[asyncio.Event]] = {}
        self._changed: set[AccountSid] = set()
        self._upheavals: Counter[AccountSid] = Counter()
        self.is_closed = False

    def invalidations(self, account_sid: AccountSid) -> int:
        """Return how often an account's clock was set, or its contents replaced, since this process began."""
        return self._upheavals[account_sid]

    def publish(self, account_sids: Collection[AccountSid], invalidated: Collection[AccountSid] = ()) -> None:
        """Tell that something was committed in these accounts, and which of them were `invalidated` by it."""
        self._upheavals.update(invalidated)
        self._changed.update(account_sids)
        self._wake(account_sids)

    def _wake(self, account_sids: Collection[AccountSid]) -> None:
        for account_sid in account_sids:
            for waiting in self._waiting.get(account_sid, ()):
                waiting.set()

    @contextmanager
    def subscribe(self, account_sid: AccountSid) -> Iterator[asyncio.Event]:
        """Give an event that is set when something is committed there: begin before looking, and lose nothing.

        When the server stops it is set, too, and clearing it is in vain: see `is_closed`.
        """
        told = asyncio.Event()
        self._waiting.setdefault(account_sid, set()).add(told)
        if self.is_closed:
            told.set()
        try:
            yield told
        finally:
            waiting = self._waiting[account_sid]
            waiting.discard(told)
            if not waiting:
                del self._waiting[account_sid]

    def take_changed(self) -> set[AccountSid]:
        """Return the accounts in which something was committed since this was last asked."""
        changed, self._changed = self._changed, set()
        return changed

    def wake_all(self) -> None:
        """Let all who wait look for themselves: something may have been committed of which nobody told."""
        self._wake(list(self._waiting))

    def mark_changed(self, account_sid: AccountSid) -> None:
        """Let an account be among the touched again: what was to be done with it is still to do."""
        self._changed.add(account_sid)

    def close(self) -> None:
        """Wake everybody: the server stops."""
        self.is_closed = True
        self.publish(list(self._waiting))
