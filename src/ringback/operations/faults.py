"""Inject, list and delete faults, and apply them to a request or a StatusCallback."""

from ringback.domain.accounts import Account
from ringback.domain.fault_effects import Effect
from ringback.domain.faults import Fault, FaultTarget, NewFault, RandomFraction
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.storage.unit_of_work import UnitOfWork

MAX_FAULTS = 100
"""Maximum number of faults of an account, because each request reads all of them."""


class TooManyFaults(Exception):
    """The account has the maximum number of faults."""


def add_fault(unit_of_work: UnitOfWork, account: Account, fault: NewFault, *, system_now: Timestamp) -> Fault | None:
    """Inject a fault; return None if the account was deleted. Raises TooManyFaults."""
    with unit_of_work:
        if unit_of_work.accounts.lock_exclusive(account.sid) is None:
            return None
        if len(unit_of_work.faults.all(account.sid)) >= MAX_FAULTS:
            raise TooManyFaults
        return unit_of_work.faults.add(account.sid, fault, account.clock.now(system_now))


def list_faults(unit_of_work: UnitOfWork, account_sid: AccountSid) -> list[Fault]:
    """Return the faults that may still be triggered, oldest first."""
    return unit_of_work.faults.all(account_sid)


def delete_fault(unit_of_work: UnitOfWork, account_sid: AccountSid, fault_id: int) -> bool:
    """Delete a fault. Return False if the account does not have a fault with this id."""
    with unit_of_work:
        unit_of_work.accounts.lock_exclusive(account_sid)
        return unit_of_work.faults.delete(account_sid, fault_id)


def delete_faults(unit_of_work: UnitOfWork, account_sid: AccountSid) -> None:
    """Delete all faults of an account."""
    with unit_of_work:
        unit_of_work.accounts.lock_exclusive(account_sid)
        unit_of_work.faults.delete_all(account_sid)


def apply_faults(
    unit_of_work: UnitOfWork, account_sid: AccountSid, target: FaultTarget, *, random_fraction: RandomFraction
) -> Effect | None:
    """Run a trial of each fault for `target`, oldest first, until one is triggered. Return the effect of this fault."""
    with unit_of_work:
        unit_of_work.accounts.lock_shared(account_sid)
        untriggered: list[Fault] = []
        for index, fault in enumerate(unit_of_work.faults.lock_all(account_sid)):
            if not fault.applies_to(target):
                continue
            after_trial = fault.after_trial(index, random_fraction)
            if after_trial.triggered == fault.triggered:
                untriggered.append(after_trial)
            else:
                unit_of_work.faults.save_misses(account_sid, untriggered)
                unit_of_work.faults.save_trial(account_sid, after_trial)
                unit_of_work.when_committed(unit_of_work.metrics.count_fault, target, fault.effect)
                return fault.effect
        unit_of_work.faults.save_misses(account_sid, untriggered)
    return None
