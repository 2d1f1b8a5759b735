"""The injected faults of each account."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, insert, select, update

from ringback.domain.fault_effects import Effect, callback_effect_from_dict, effect_from_dict
from ringback.domain.faults import MOST_TIMES, Fault, FaultTarget, NewFault
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.storage.account_repository import AccountRepository
from ringback.storage.journal_tables import faults as table
from ringback.storage.row_mapper import Field, RowMapper
from ringback.storage.session import Session
from ringback.storage.statements import Statement, parameters
from ringback.storage.unreadable_rows import readable, require


def _effect(text: str, operation: str) -> Effect:
    effect, is_of_callback = orjson.loads(text), operation == FaultTarget.STATUS_CALLBACK.value
    return callback_effect_from_dict(effect) if is_of_callback else effect_from_dict(effect)


def _integer_of(column: str) -> Callable[[Any], Any]:
    def integer(value: Any) -> Any:
        require(isinstance(value, int), column, value)
        return value

    return integer


FAULTS = RowMapper(
    Fault,
    [column for column in table.c if column.name != "account_sid"],
    operation=Field(FaultTarget),
    effect=Field(_effect, ("effect", "operation")),
    trials=Field(_integer_of("chances"), ("chances",)),
    triggered=Field(_integer_of("strikes"), ("strikes",)),
    date_created=Field(_integer_of("date_created")),
)
"""Row mapper for faults. The first column is the id."""


def fault_of(row: tuple[Any, ...]) -> Fault:
    """Return the fault that a row holds. Raises ValueError if the row is unreadable."""
    fault = FAULTS.read(row)
    times_left, probability = fault.times_left, fault.probability
    is_count = times_left is None or (isinstance(times_left, int) and 0 <= times_left <= MOST_TIMES)
    require(is_count, "times_left", times_left)
    require(probability is None or 0 <= probability <= 1, "probability", probability)
    NewFault(fault.operation, fault.effect, fault.times_left, fault.probability)  # validates the values
    return fault


_OF_ACCOUNT = table.c.account_sid == bindparam("account_sid")
_THIS = _OF_ACCOUNT & (table.c.id == bindparam("fault_id"))

ADD = Statement(
    insert(table)
    .values(parameters(table, *(str(column.name) for column in table.c if column.name != "id")))
    .returning(table.c.id)
)
ALL = Statement(select(*FAULTS.columns).where(_OF_ACCOUNT).order_by(table.c.id))
LOCK_ALL = Statement(select(*FAULTS.columns).where(_OF_ACCOUNT).order_by(table.c.id).with_for_update())
SAVE_TRIAL = Statement(
    update(table)
    .where(_THIS)
    .values(times_left=bindparam("left"), chances=bindparam("trials"), strikes=bindparam("triggered"))
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
    """The faults of each account, in the order of their creation.

    The row of an account shows whether the account has faults. Requests to an account without faults skip the query.
    """

    def __init__(self, session: Session, accounts: AccountRepository) -> None:
        self._session = session
        self._accounts = accounts

    def add(self, account_sid: AccountSid, fault: NewFault, date_created: Timestamp) -> Fault:
        """Add a fault, and return it with its id."""
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
        """Return the faults of an account. Unreadable rows are skipped and logged."""
        return list(readable("faults", self._session.all(ALL, account_sid=account_sid), fault_of))

    def lock_all(self, account_sid: AccountSid) -> list[Fault]:
        """Return the faults of an account as `all` does, and lock their rows until the transaction ends."""
        return list(readable("faults", self._session.all(LOCK_ALL, account_sid=account_sid), fault_of))

    def save_trial(self, account_sid: AccountSid, fault: Fault) -> None:
        """Store the counts of a fault after a trial, or delete the fault if it is used up."""
        if fault.is_used_up:
            self.delete(account_sid, fault.id)
            return
        self._session.change(
            SAVE_TRIAL,
            account_sid=account_sid,
            fault_id=fault.id,
            left=fault.times_left,
            trials=fault.trials,
            triggered=fault.triggered,
        )

    def save_misses(self, account_sid: AccountSid, missed: Sequence[Fault]) -> None:
        """Count one more trial for each of these faults, none of which was triggered.

        The faults are for one operation, for `*`, or for both. `missed` must be in the order of ids, and must not skip
        a fault for these operations.
        """
        if not missed:
            return
        operations = sorted({fault.operation.value for fault in missed})
        self._session.change(
            SAVE_MISSES, account_sid=account_sid, last_id=missed[-1].id, one=operations[0], other=operations[-1]
        )

    def delete(self, account_sid: AccountSid, fault_id: int) -> bool:
        """Delete a fault. Return False if it does not exist."""
        if not self._session.change(DELETE, account_sid=account_sid, fault_id=fault_id):
            return False
        self._accounts.set_has_faults(account_sid, has_any=bool(self.all(account_sid)))
        return True

    def delete_all(self, account_sid: AccountSid) -> None:
        """Delete all faults of an account."""
        self._session.change(DELETE_ALL, account_sid=account_sid)
        self._accounts.set_has_faults(account_sid, has_any=False)
