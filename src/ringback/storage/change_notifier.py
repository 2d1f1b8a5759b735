"""Notification of subscribers in this process when a transaction changed an account."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from ringback.domain.sids import AccountSid


class ChangeNotifier:
    """Wakes the subscribers of changed accounts, who then read the changes, and remembers the changed accounts."""

    def __init__(self) -> None:
        self._subscribers: dict[AccountSid, set[asyncio.Event]] = {}
        self._changed: set[AccountSid] = set()
        self._invalidations: Counter[AccountSid] = Counter()
        self.is_closed = False

    def invalidations(self, account_sid: AccountSid) -> int:
        """Return how often an account's clock was set or its contents were replaced since this process started."""
        return self._invalidations[account_sid]

    def publish(self, account_sids: Collection[AccountSid], invalidated: Collection[AccountSid] = ()) -> None:
        """Wake the subscribers of changed accounts; in some of them the commit `invalidated` what others had read."""
        self._invalidations.update(invalidated)
        self._changed.update(account_sids)
        self._wake(account_sids)

    def _wake(self, account_sids: Collection[AccountSid]) -> None:
        for account_sid in account_sids:
            for event in self._subscribers.get(account_sid, ()):
                event.set()

    @contextmanager
    def subscribe(self, account_sid: AccountSid) -> Iterator[asyncio.Event]:
        """Yield an event that is set after each commit in the account. Subscribe before reading, so as to miss none.

        The event is also set when the server stops; check `is_closed` after it.
        """
        event = asyncio.Event()
        self._subscribers.setdefault(account_sid, set()).add(event)
        if self.is_closed:
            event.set()
        try:
            yield event
        finally:
            subscribers = self._subscribers[account_sid]
            subscribers.discard(event)
            if not subscribers:
                del self._subscribers[account_sid]

    def take_changed(self) -> set[AccountSid]:
        """Return the accounts that changed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def wake_all(self) -> None:
        """Wake all subscribers: a notification of another process may have been lost."""
        self._wake(list(self._subscribers))

    def mark_changed(self, account_sid: AccountSid) -> None:
        """Return an account to the changed ones, because its processing failed."""
        self._changed.add(account_sid)

    def close(self) -> None:
        """Wake all subscribers: the server stops."""
        self.is_closed = True
        self.publish(list(self._subscribers))
