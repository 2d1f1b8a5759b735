"""Faults: asked for, listed, forgotten; and whether one strikes."""

from ringback.domain.accounts import Account
from ringback.domain.faults import Effect, Fault, FaultTarget, NewFault, RandomFraction
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.storage.unit_of_work import UnitOfWork

MAX_FAULTS = 100
"""How many faults an account can have at a time: each request looks at all of them."""


class TooManyFaults(Exception):
    """The account has as many faults as it can have."""


def add_fault(unit_of_work: UnitOfWork, account: Account, fault: NewFault, *, system_now: Timestamp) -> Fault | None:
    """Let a fault strike from now on; None where the account is gone. Raises TooManyFaults."""
    with unit_of_work:
        if unit_of_work.accounts.lock_exclusive(account.sid) is None:
            return None
        if len(unit_of_work.faults.all(account.sid)) >= MAX_FAULTS:
            raise TooManyFaults
        return unit_of_work.faults.add(account.sid, fault, account.clock.now(system_now))


def list_faults(unit_of_work: UnitOfWork, account_sid: AccountSid) -> list[Fault]:
    """Return the faults that may still strike, in the order in which they were asked for."""
    return unit_of_work.faults.all(account_sid)


def delete_fault(unit_of_work: UnitOfWork, account_sid: AccountSid, fault_id: int) -> bool:
    """Forget a fault; False where there is none, or none any more."""
    with unit_of_work:
        unit_of_work.accounts.lock_exclusive(account_sid)
        return unit_of_work.faults.delete(account_sid, fault_id)


def delete_faults(unit_of_work: UnitOfWork, account_sid: AccountSid) -> None:
    """Forget all faults of an account."""
    with unit_of_work:
        unit_of_work.accounts.lock_exclusive(account_sid)
        unit_of_work.faults.delete_all(account_sid)


def strike(
    unit_of_work: UnitOfWork, account_sid: AccountSid, operation: FaultTarget, *, draw: RandomFraction
) -> Effect | None:
    """Return what goes wrong this time, if anything does.

    The faults that fit have their chance in the order in which they were asked for, until one strikes.
    """
    with unit_of_work:
        unit_of_work.accounts.lock_shared(account_sid)
        missed: list[Fault] = []
        for place, fault in enumerate(unit_of_work.faults.lock_all(account_sid)):
            if not fault.fits(operation):
                continue
            tried = fault.tried(place, draw)
            if tried.strikes == fault.strikes:
                missed.append(tried)
            else:
                unit_of_work.faults.save_misses(account_sid, missed)
                unit_of_work.faults.save_trial(account_sid, tried)
                unit_of_work.when_committed(unit_of_work.metrics.count_fault, operation, fault.effect)
                return fault.effect
        unit_of_work.faults.save_misses(account_sid, missed)
    return None
