"""What keeps an account from growing without end."""

from ringback.domain.sids import AccountSid
from ringback.storage.unit_of_work import UnitOfWork

KEPT_CALLS = 1_000
"""How many ended calls an account keeps, each with its callback and the journal of that."""
KEPT_EVENTS = 10_000
"""How many events an account keeps: those of all the calls it keeps."""
FORGOTTEN_AT_ONCE = 100
"""How many calls are forgotten in one transaction, so that no request waits for long."""


def forget_oldest(unit_of_work: UnitOfWork, account_sid: AccountSid) -> bool:
    """Forget some of what an account has kept too long; True when there is likely to be more."""
    with unit_of_work:
        unit_of_work.events.forget_oldest(account_sid, kept=KEPT_EVENTS)
        forgotten = unit_of_work.calls.forget_oldest(account_sid, kept=KEPT_CALLS, limit=FORGOTTEN_AT_ONCE)
        return forgotten == FORGOTTEN_AT_ONCE
