"""What keeps those apart who write at the same time, where others do: on PostgreSQL.

Rows are locked by the statements that read them (``FOR UPDATE`` and its like); here is what no row stands for. The rule
they all follow, and why nobody waits for ever, is in docs/decisions/0011-replicas.md.
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
    """All are held until the unit of work ends. These do nothing: nobody else is at work with an embedded database."""

    def phone_number(self, account_sid: AccountSid, phone_number: str) -> None:
        """Keep others from calling a number of this account."""

    def verified_numbers(self, account_sid: AccountSid) -> None:
        """Keep others from counting how many numbers this account has verified, or is calling."""

    def event_order(self, account_sids: Collection[AccountSid]) -> None:
        """Keep others from writing events of these accounts: the ids of events are in the order of their commits."""

    def pruning(self, account_sid: AccountSid) -> None:
        """Keep others from forgetting what is old in an account."""

    def startup(self) -> None:
        """Keep others from making what a server begins with."""

    def everything(self) -> None:
        """Keep others from working in any account."""

    def repeatable_read(self) -> None:
        """Let all that this unit of work reads be as it was at one moment; nothing was read in it before."""


class SharedLocks(Locks):
    """Those of a PostgreSQL that several processes, and several threads of each, are at work with."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def phone_number(self, account_sid: AccountSid, phone_number: str) -> None:
        self._lock(f"number {account_sid} {phone_number}")

    def verified_numbers(self, account_sid: AccountSid) -> None:
        self._lock(f"verified numbers {account_sid}")

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
        """Lock some names, in one order for all who do: two who want the same two never wait for each other."""
        self._session.all(LOCK, keys=sorted(map(_key, names)))


def _key(name: str) -> int:
    """Return the number that PostgreSQL knows a lock by; two names may have the same, and then wait needlessly."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=KEY_BYTES).digest(), "big", signed=True)
