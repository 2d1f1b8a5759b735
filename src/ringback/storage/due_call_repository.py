"""Pending events of validation calls, queried by the system clock or by the account's clock."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select, update

from ringback.domain.account_clock import AccountClock, AccountTime
from ringback.domain.call_schedule import PendingEvent
from ringback.domain.calls import ValidationCall
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.storage.account_repository import CLOCKS, LOCK_ACCOUNTS
from ringback.storage.call_repository import CALLS, PENDING_EVENTS
from ringback.storage.session import Row, Session
from ringback.storage.statements import Statement
from ringback.storage.stepwise import Steps
from ringback.storage.tables import accounts
from ringback.storage.tables import validation_calls as table
from ringback.storage.unreadable_rows import UnreadableRow, readable, report

_DUE = table.c.real_due_at <= bindparam("now")
_COLUMNS = (*CALLS.columns, *PENDING_EVENTS.columns, *CLOCKS.columns)
_WITH_CLOCK = select(*_COLUMNS).join_from(table, accounts, table.c.account_sid == accounts.c.sid)
_read_pending_event, _read_clock = PENDING_EVENTS.reader(_COLUMNS), CLOCKS.reader(_COLUMNS)
CLAIM_DUE = Statement(
    _WITH_CLOCK.where(_DUE)
    .order_by(table.c.real_due_at)
    .limit(bindparam("row_limit"))
    .with_for_update(skip_locked=True, of=table)
    .suffix_with(LOCK_ACCOUNTS, dialect="postgresql")
)
CLAIM_ONE_DUE = Statement(
    _WITH_CLOCK.where(_DUE, table.c.sid == bindparam("sid"))
    .with_for_update(skip_locked=True, of=table)
    .suffix_with(LOCK_ACCOUNTS, dialect="postgresql")
)
CLAIM_DUE_OF_ACCOUNT = Statement(
    _WITH_CLOCK.where(table.c.account_sid == bindparam("account_sid"), table.c.due_at <= bindparam("now"))
    .order_by(table.c.due_at)  # no tiebreaker: it would re-sort thousands of rows with equal due times
    .limit(bindparam("row_limit"))
    .with_for_update(of=table)
)
DUE_SIDS = Statement(select(table.c.sid).where(_DUE).order_by(table.c.real_due_at).limit(bindparam("row_limit")))
NEXT_DUE = Statement(
    select(table.c.real_due_at, table.c.sid)
    .where(table.c.real_due_at.is_not(None))
    .order_by(table.c.real_due_at)
    .limit(1)
)
NEXT_DUE_OF_ACCOUNT = Statement(
    select(table.c.due_at, table.c.sid)
    .where(table.c.account_sid == bindparam("account_sid"), table.c.due_at.is_not(None))
    .order_by(table.c.due_at)
    .limit(1)
)
POSTPONE = Statement(update(table).where(table.c.sid == bindparam("call_sid")).values(real_due_at=bindparam("until")))
PENDING_OF_ACCOUNT = Statement(
    select(table.c.sid, table.c.due_at, table.c.real_due_at).where(
        table.c.account_sid == bindparam("account_sid"), table.c.due_at.is_not(None)
    )
)
SET_REAL_DUE = Statement(
    update(table)
    .where(table.c.sid == bindparam("call_sid"))
    .values(real_due_at=bindparam("due", type_=table.c.real_due_at.type))
)
ROWS_AT_ONCE = 50
"""Number of rows read or changed per step."""


class DueCall(NamedTuple):
    """A call, its next event, and the clock of its account."""

    call: ValidationCall
    pending: PendingEvent
    clock: AccountClock


class DueCallRepository:
    """Calls that are waiting for their next event."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def claim_due(self, system_now: Timestamp, limit: int, only: str | None = None) -> Iterator[DueCall]:
        """Lock and return calls whose next event is due, the longest overdue first.

        `only` restricts the claim to the call with this SID. The locks are held until the unit of work ends. Rows are
        converted lazily, which saves half the work if a batch ends early.
        """
        if only is None:
            rows = self._session.all(CLAIM_DUE, now=system_now, row_limit=limit)
        else:
            rows = self._session.all(CLAIM_ONE_DUE, now=system_now, sid=only)
        return map(_due_call, rows)

    def claim_due_of_account(self, account_sid: AccountSid, until: Timestamp, limit: int) -> Iterator[DueCall]:
        """Lock and return an account's calls whose next event is due by `until`, in the order of the due times.

        `until` is a time of the account's clock. The account must be locked exclusively. Rows are converted lazily. An
        unreadable row is logged and skipped; the call runner handles it.
        """
        rows = self._session.all(CLAIM_DUE_OF_ACCOUNT, account_sid=account_sid, now=until, row_limit=limit)
        return readable("validation_calls", rows, _due_call)

    def due_sids(self, system_now: Timestamp, limit: int) -> list[str]:
        """Return the SIDs of calls whose event is due, including unreadable rows."""
        return [row[0] for row in self._session.all(DUE_SIDS, now=system_now, row_limit=limit)]

    def next_due(self) -> Timestamp | None:
        """Return the earliest due time by the system clock, or None if no event is pending."""
        return _next_due(self._session.first(NEXT_DUE))

    def next_due_of_account(self, account_sid: AccountSid) -> Timestamp | None:
        """Return the earliest due time by the account's clock, or None if no event is pending."""
        return _next_due(self._session.first(NEXT_DUE_OF_ACCOUNT, account_sid=account_sid))

    def postpone(self, sid: str, until: Timestamp) -> None:
        """Postpone a call's next event until this time of the system clock."""
        self._session.change(POSTPONE, call_sid=sid, until=until)

    def recompute_due_times(self, account_sid: AccountSid, time: AccountTime) -> Steps[None]:
        """Recompute the system times at which an account's pending events are due.

        A call with an unreadable due time is skipped and logged.
        """
        changes: list[dict[str, Any]] = []

        def recomputed(row: Row) -> Timestamp | None:
            return _recomputed(row[2], time.system_due_at(row[1]), time)

        for rows in self._session.batches(PENDING_OF_ACCOUNT, ROWS_AT_ONCE, account_sid=account_sid):
            for (sid, _, real_due_at), system_due_at in readable(
                "validation_calls", rows, lambda row: (row, recomputed(row))
            ):
                if system_due_at != real_due_at:
                    changes.append({"call_sid": sid, "due": system_due_at})
            yield
        for start in range(0, len(changes), ROWS_AT_ONCE):
            self._session.change_all(SET_REAL_DUE, changes[start : start + ROWS_AT_ONCE])
            yield


def _next_due(row: Row | None) -> Timestamp | None:
    """Return the due time in the first row of a query, or None if the query has no rows.

    A due time that is not a number is logged, and None is returned: SQLite sorts such values last.
    """
    if row is None:
        return None
    due, sid = row
    if isinstance(due, int | float):
        return Timestamp(int(due))
    report("validation_calls", sid, UnreadableRow(f"the due time is {due!r}"))
    return None


def _recomputed(before: Timestamp | None, by_clock: Timestamp | None, time: AccountTime) -> Timestamp | None:
    """Return a call's new due time on the system clock.

    `by_clock` is the due time that follows from the account's clock. If that clock is frozen, a call that is already
    due keeps its due time, `before`.
    """
    is_passed = time.clock.frozen_at is not None and by_clock is not None
    return before if is_passed and before is not None and before <= time.system_now else by_clock


def _due_call(row: Row) -> DueCall:
    return DueCall(CALLS.read(row), _read_pending_event(row), _read_clock(row))
