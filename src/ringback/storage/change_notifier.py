"""Notifies subscribers in this process when a transaction has changed an account."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from ringback.domain.sids import AccountSid


class ChangeNotifier:
    """Wakes subscribers when their account has changed, and keeps the set of changed accounts.

    A subscriber is not told what has changed; it reads the account again.
    """

    def __init__(self) -> None:
        self._subscribers: dict[AccountSid, set[asyncio.Event]] = {}
        self._changed: set[AccountSid] = set()
        self._invalidations: Counter[AccountSid] = Counter()
        self.is_closed = False

    def invalidations(self, account_sid: AccountSid) -> int:
        """Return how often an account's clock was set or its contents were replaced since this process started."""
        return self._invalidations[account_sid]

    def publish(self, account_sids: Collection[AccountSid], invalidated: Collection[AccountSid] = ()) -> None:
        """Wake the subscribers to changed accounts. Data read earlier from the `invalidated` accounts is stale."""
        self._invalidations.update(invalidated)
        self._changed.update(account_sids)
        self._wake(account_sids)

    def _wake(self, account_sids: Collection[AccountSid]) -> None:
        for account_sid in account_sids:
            for event in self._subscribers.get(account_sid, ()):
                event.set()

    @contextmanager
    def subscribe(self, account_sid: AccountSid) -> Iterator[asyncio.Event]:
        """Yield an event that is set after each commit that changes the account.

        To miss no commit, subscribe before reading the account.

        The event is also set when the server stops: check `is_closed` after waiting.
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
        """Return the accounts that have changed since the last call of this method."""
        changed, self._changed = self._changed, set()
        return changed

    def wake_all(self) -> None:
        """Wake all subscribers, because a notification from another process may have been lost."""
        self._wake(list(self._subscribers))

    def mark_changed(self, account_sid: AccountSid) -> None:
        """Put an account back into the set of changed accounts after processing it has failed."""
        self._changed.add(account_sid)

    def close(self) -> None:
        """Wake all subscribers because the server is stopping."""
        self.is_closed = True
        self.publish(list(self._subscribers))
