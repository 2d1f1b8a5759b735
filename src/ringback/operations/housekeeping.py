"""What keeps an account from growing without end."""

from ringback.domain.sids import AccountSid
from ringback.storage.unit_of_work import UnitOfWork

KEPT_CALLS = 1_000
"""How many ended calls an account keeps, each with its callback and the journal of that."""
KEPT_EVENTS = 10_000
"""How many events an account keeps: those of all the calls it keeps."""
EVENTS_FORGOTTEN_AT_ONCE = 120
FORGOTTEN_AT_ONCE = 20
"""How many events and calls are forgotten in one transaction, so that no request waits for long."""


def forget_oldest(unit_of_work: UnitOfWork, account_sid: AccountSid) -> bool:
    """Forget some of what an account has kept too long; True when there is likely to be more."""
    with unit_of_work:
        unit_of_work.locks.housework(account_sid)
        unit_of_work.accounts.hold(account_sid)
        events = unit_of_work.events.forget_oldest(account_sid, kept=KEPT_EVENTS, limit=EVENTS_FORGOTTEN_AT_ONCE)
        calls = unit_of_work.calls.forget_oldest(account_sid, kept=KEPT_CALLS, limit=FORGOTTEN_AT_ONCE)
        return events == EVENTS_FORGOTTEN_AT_ONCE or calls == FORGOTTEN_AT_ONCE
