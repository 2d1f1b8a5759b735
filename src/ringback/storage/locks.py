"""Advisory and table locks that serialize concurrent writers on PostgreSQL.

Statements lock rows with ``FOR UPDATE`` and similar clauses. The locks in this module are not bound to a row. The order
of all locks, which prevents deadlocks, is in docs/decisions/0011-replicas.md.
"""

import hashlib
from collections.abc import Collection

from sqlalchemy import text

from ringback.domain.sids import AccountSid
from ringback.storage.session import Session
from ringback.storage.statements import Statement

KEY_BYTES = 8
LOCK = Statement(text("SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) AS key"))
LOCK_EVERYTHING = Statement(text("LOCK TABLE accounts IN EXCLUSIVE MODE"))
ONE_VIEW = Statement(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


class Locks:
    """Locks that are held until the transaction ends.

    On an embedded database they do nothing, because it has one writer.
    """

    def phone_number(self, account_sid: AccountSid, phone_number: str) -> None:
        """Serialize an account's validation requests for a phone number."""

    def event_order(self, account_sids: Collection[AccountSid]) -> None:
        """Serialize the commits that add events to these accounts, so that event ids are in commit order."""

    def pruning(self, account_sid: AccountSid) -> None:
        """Serialize the pruning of an account."""

    def startup(self) -> None:
        """Serialize the creation of the initial accounts."""

    def everything(self) -> None:
        """Keep other transactions from writing to any account."""

    def repeatable_read(self) -> None:
        """Read from one snapshot throughout this transaction. Call this before its first query."""


class SharedLocks(Locks):
    """Advisory locks on a PostgreSQL database that several processes share, each with several threads.

    The lock names are the same as in ringback 0.1.0, which may share the database during an upgrade.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def phone_number(self, account_sid: AccountSid, phone_number: str) -> None:
        self._lock(f"number {account_sid} {phone_number}")

    def event_order(self, account_sids: Collection[AccountSid]) -> None:
        self._lock(*(f"events {account_sid}" for account_sid in account_sids))

    def pruning(self, account_sid: AccountSid) -> None:
        self._lock(f"housework {account_sid}")

    def startup(self) -> None:
        self._lock("start")

    def everything(self) -> None:
        self._session.change(LOCK_EVERYTHING)

    def repeatable_read(self) -> None:
        self._session.change(ONE_VIEW)

    def _lock(self, *names: str) -> None:
        """Take the locks with these names.

        All transactions take locks in the same order, so that they cannot deadlock.
        """
        self._session.all(LOCK, keys=sorted(map(_key, names)))


def _key(name: str) -> int:
    """Return the key of an advisory lock. A collision only makes transactions wait for each other needlessly."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=KEY_BYTES).digest(), "big", signed=True)
