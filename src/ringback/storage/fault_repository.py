"""The faults that may strike in each account."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, insert, select, update

from ringback.domain.faults import Fault, FaultTarget, NewFault, callback_effect_from_dict, effect_from_dict
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.storage.account_repository import AccountRepository
from ringback.storage.journal_tables import faults as table
from ringback.storage.session import Session
from ringback.storage.statements import Statement, columns
from ringback.storage.unreadable_rows import readable, require

_GIVEN = (
    "account_sid",
    "operation",
    "effect",
    "times_left",
    "probability",
    "chances",
    "strikes",
    "date_created",
)
_OF_ACCOUNT = table.c.account_sid == bindparam("account_sid")
_THIS = _OF_ACCOUNT & (table.c.id == bindparam("fault_id"))

ADD = Statement(
    insert(table).values({name: bindparam(name, type_=table.c[name].type) for name in _GIVEN}).returning(table.c.id)
)
ALL = Statement(select(*columns(table, "id", *_GIVEN[1:])).where(_OF_ACCOUNT).order_by(table.c.id))
LOCK_ALL = Statement(
    select(*columns(table, "id", *_GIVEN[1:])).where(_OF_ACCOUNT).order_by(table.c.id).with_for_update()
)
SAVE_TRIAL = Statement(
    update(table)
    .where(_THIS)
    .values(times_left=bindparam("left"), chances=bindparam("had"), strikes=bindparam("struck"))
)
SAVE_MISSES = Statement(
    update(table)
    .where(
        _OF_ACCOUNT, table.c.id <= bindparam("last_id"), table.c.operation.in_([bindparam("one"), bindparam("other")])
    )
    .values(chances=table.c.chances + 1)
)
DELETE = Statement(delete(table).where(_THIS))
DELETE_ALL = Statement(delete(table).where(_OF_ACCOUNT))


class FaultRepository:
    """The faults of each account, in the order in which they were asked for.

    Whether an account has any stands with the account too, so that who has none pays nothing.
    """

    def __init__(self, session: Session, accounts: AccountRepository) -> None:
        self._session = session
        self._accounts = accounts

    def add(self, account_sid: AccountSid, fault: NewFault, date_created: Timestamp) -> Fault:
        [(fault_id,)] = self._session.all(
            ADD,
            account_sid=account_sid,
            operation=fault.operation.value,
            effect=orjson.dumps(fault.effect.to_dict()).decode(),
            times_left=fault.times,
            probability=fault.probability,
            chances=0,
            strikes=0,
            date_created=date_created,
        )
        self._accounts.set_has_faults(account_sid, has_any=True)
        return Fault(fault_id, fault.operation, fault.effect, fault.times, fault.probability, 0, 0, date_created)

    def all(self, account_sid: AccountSid) -> list[Fault]:
        """Return the faults of an account; one that cannot be read never strikes: it is left out, and logged."""
        return list(readable("faults", self._session.all(ALL, account_sid=account_sid), fault_of))

    def lock_all(self, account_sid: AccountSid) -> list[Fault]:
        """Return the faults of an account, and let nobody else give them their chance till the unit of work ends."""
        return list(readable("faults", self._session.all(LOCK_ALL, account_sid=account_sid), fault_of))

    def save_trial(self, account_sid: AccountSid, fault: Fault) -> None:
        """Store how often a fault had a chance and struck; one that is used up is gone."""
        if fault.is_used_up:
            self.delete(account_sid, fault.id)
            return
        self._session.change(
            SAVE_TRIAL,
            account_sid=account_sid,
            fault_id=fault.id,
            left=fault.times_left,
            had=fault.trials,
            struck=fault.triggered,
        )

    def save_misses(self, account_sid: AccountSid, missed: Sequence[Fault]) -> None:
        """Store that these had one more chance and did not strike: all, up to the last, that are for their operations.

        There are at most two of those, an operation and `*`.
        """
        if not missed:
            return
        operations = sorted({fault.operation.value for fault in missed})
        self._session.change(
            SAVE_MISSES, account_sid=account_sid, last_id=missed[-1].id, one=operations[0], other=operations[-1]
        )

    def delete(self, account_sid: AccountSid, fault_id: int) -> bool:
        """Delete a fault; False where there is none."""
        if not self._session.change(DELETE, account_sid=account_sid, fault_id=fault_id):
            return False
        self._accounts.set_has_faults(account_sid, has_any=bool(self.all(account_sid)))
        return True

    def delete_all(self, account_sid: AccountSid) -> None:
        self._session.change(DELETE_ALL, account_sid=account_sid)
        self._accounts.set_has_faults(account_sid, has_any=False)


def fault_of(row: tuple[Any, ...]) -> Fault:
    """Return the fault of a row. Raises ValueError if it cannot be read."""
    fault_id, operation, effect, times_left, probability, *counts = row
    target, effect = FaultTarget(operation), orjson.loads(effect)
    made = callback_effect_from_dict(effect) if target == FaultTarget.STATUS_CALLBACK else effect_from_dict(effect)
    NewFault(target, made, times_left, probability)
    for name, count in zip(("chances", "strikes", "date_created"), counts, strict=True):
        require(isinstance(count, int), name, count)
    return Fault(fault_id, target, made, times_left, probability, *counts)
