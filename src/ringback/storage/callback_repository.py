"""The outbox of StatusCallbacks, and the journal of their delivery attempts."""

import orjson
from sqlalchemy import bindparam, func, literal, select, update

from ringback.domain.account_clock import AccountTime
from ringback.domain.callback_hops import ParameterPairs
from ringback.domain.callbacks import (
    CallbackAttempt,
    CallbackStatus,
    CallbackSummary,
    DeliveryPartition,
    StatusCallback,
    UnreadableCallback,
)
from ringback.domain.calls import ValidationCall
from ringback.domain.fault_effects import Effect
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp, seconds_between
from ringback.domain.urls import without_secrets
from ringback.storage.account_repository import LOCK_ACCOUNTS
from ringback.storage.callback_rows import (
    ATTEMPTS,
    CALLBACKS,
    METHODS,
    SUMMARIES,
    SUMMARY,
    attempt_values,
    callback_status,
)
from ringback.storage.session import Row, Session
from ringback.storage.statements import Statement, insert_or_ignore
from ringback.storage.tables import accounts
from ringback.storage.tables import callback_attempts as attempts
from ringback.storage.tables import status_callbacks as table
from ringback.storage.unreadable_rows import UnreadableRow, readable, reason_of

AFTER_ALL_TIMES = b"\xff"
"""A value that SQLite sorts after all numbers and texts."""

MAX_PARTITIONS = 1_000
"""Maximum number of partitions in a query's result: the first of each account, then the second of each, and so on."""
MAX_ACCOUNT_PARTITIONS = 100
"""Maximum number for one account: more than its deliveries can use, but too few to crowd out other accounts."""

_has_due_time = table.c.due_at.is_not(None)
_first_account = select(func.min(table.c.account_sid).label("sid")).where(_has_due_time).cte("pending", recursive=True)
_next_account = select(func.min(table.c.account_sid)).where(_has_due_time, table.c.account_sid > _first_account.c.sid)
_pending = _first_account.union_all(select(_next_account.scalar_subquery()).where(_first_account.c.sid.is_not(None)))
_first_receiver = select(func.min(table.c.receiver)).where(_has_due_time, table.c.account_sid == _pending.c.sid)
_first_partitions = (
    select(_pending.c.sid, _first_receiver.scalar_subquery().label("receiver"), literal(1).label("number"))
    .where(_pending.c.sid.is_not(None))
    .cte("partitions", recursive=True)
)
_next_receiver = select(func.min(table.c.receiver)).where(
    _has_due_time, table.c.account_sid == _first_partitions.c.sid, table.c.receiver > _first_partitions.c.receiver
)
_partitions = _first_partitions.union_all(
    select(_first_partitions.c.sid, _next_receiver.scalar_subquery(), _first_partitions.c.number + 1).where(
        _first_partitions.c.receiver.is_not(None), _first_partitions.c.number < MAX_ACCOUNT_PARTITIONS
    )
)
_earliest = select(func.min(table.c.due_at)).where(
    _has_due_time, table.c.account_sid == _partitions.c.sid, table.c.receiver == _partitions.c.receiver
)
PARTITIONS = Statement(
    select(_partitions.c.sid, _partitions.c.receiver, _earliest.scalar_subquery())
    .where(_partitions.c.receiver.is_not(None))
    .limit(MAX_PARTITIONS)
)
"""Loose index scan. It skips from account to account and from receiver to receiver. Each partition takes two
lookups, regardless of the number of pending callbacks."""

ADD = insert_or_ignore(table, "idempotency_token")
CLAIM_DUE = Statement(
    select(*CALLBACKS.columns, table.c.due_at)
    .join_from(table, accounts, table.c.account_sid == accounts.c.sid)
    .where(
        table.c.account_sid == bindparam("account_sid"),
        table.c.receiver == bindparam("receiver"),
        table.c.due_at <= bindparam("now"),
    )
    .order_by(table.c.due_at)
    .limit(bindparam("row_limit"))
    .with_for_update(skip_locked=True, of=table)
    .suffix_with(LOCK_ACCOUNTS, dialect="postgresql")
)
LEASE = Statement(
    update(table)
    .where(table.c.call_sid == bindparam("sid"))
    .values(due_at=bindparam("until"), leased_until=bindparam("until"))
)
RENEW_LEASE = Statement(
    update(table)
    .where(table.c.call_sid == bindparam("sid"), table.c.leased_until.is_not(None))
    .values(due_at=bindparam("until"), leased_until=bindparam("until"))
)
SAVE_FAULT = Statement(
    update(table)
    .where(table.c.call_sid == bindparam("sid"))
    .values(fault=bindparam("effect"), due_at=bindparam("due"), leased_until=bindparam("until"))
)
RELEASE_ALL = Statement(
    update(table)
    .where(table.c.leased_until.is_not(None), table.c.due_at.is_not(None))
    .values(due_at=bindparam("now"), leased_until=None)
)
SETTLE = Statement(
    update(table)
    .where(
        table.c.call_sid == bindparam("sid"),
        table.c.idempotency_token == bindparam("token"),
        table.c.due_at.is_not(None),  # otherwise another process took over the lease and settled the callback
    )
    .values(
        status=bindparam("new_status"),
        attempts=bindparam("made"),
        due_at=bindparam("due"),
        leased_until=bindparam("due"),
    )
)
IS_PENDING = Statement(
    select(table.c.due_at).where(
        table.c.call_sid == bindparam("sid"),
        table.c.idempotency_token == bindparam("token"),
        table.c.due_at.is_not(None),
    )
)
PENDING_OF_ACCOUNT = Statement(
    select(table.c.due_at).where(table.c.account_sid == bindparam("account_sid"), table.c.due_at.is_not(None)).limit(1)
)
REDELIVER = Statement(
    update(table)
    .where(table.c.call_sid == bindparam("sid"), table.c.due_at.is_(None))
    .values(
        status=CallbackStatus.PENDING.value,
        earlier_attempts=table.c.attempts,
        due_at=bindparam("due"),
        fault=None,
    )
)
ADD_ATTEMPT = insert_or_ignore(attempts)
FIND_ATTEMPTS = Statement(
    select(*ATTEMPTS.columns).where(attempts.c.call_sid == bindparam("sid")).order_by(attempts.c.number)
)
FIND = Statement(
    select(*CALLBACKS.columns, table.c.status)
    .join_from(table, accounts, table.c.account_sid == accounts.c.sid)
    .where(table.c.call_sid == bindparam("sid"))
)


class CallbackRepository:
    """The outbox of StatusCallbacks, with one row for each call."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def enqueue(
        self,
        call: ValidationCall,
        parameters: ParameterPairs,
        *,
        receiver: str,
        idempotency_token: str,
        time: AccountTime,
    ) -> bool:
        """Add the StatusCallback of an ended call, due now. Return False, changing nothing, if the token is taken."""
        added = self._session.change(
            ADD,
            call_sid=call.sid,
            account_sid=call.account_sid,
            url=call.status_callback,
            method=call.status_callback_method,
            parameters=orjson.dumps(parameters).decode(),
            receiver=receiver,
            idempotency_token=idempotency_token,
            status=CallbackStatus.PENDING.value,
            attempts=0,
            due_at=time.system_now,
            leased_until=None,
            date_created=time.account_now,
            earlier_attempts=0,
            fault=None,
        )
        return added > 0

    def find(self, call_sid: str) -> tuple[StatusCallback, CallbackStatus] | None:
        """Return a call's StatusCallback and its status. Raises UnreadableRow."""
        row = self._session.first(FIND, sid=call_sid)
        return (CALLBACKS.read(row), callback_status(row[-1])) if row else None

    def summary(self, call_sid: str) -> CallbackSummary | None:
        """Return the summary of a call's StatusCallback, or None if the call does not have one."""
        row = self._session.first(SUMMARY, sid=call_sid)
        return SUMMARIES.read(row) if row else None

    def attempts(self, call_sid: str) -> list[CallbackAttempt]:
        """Return a call's delivery attempts, oldest first. Unreadable rows are skipped and logged."""
        rows = self._session.all(FIND_ATTEMPTS, sid=call_sid)
        return list(readable(f"callback_attempts of {call_sid}", rows, ATTEMPTS.read))

    def partitions(self) -> dict[DeliveryPartition, Timestamp | None]:
        """Return the partitions that have pending callbacks, each with its earliest due time.

        The time is None if it is not stored as a number: see `find_without_time`.
        """
        rows = self._session.all(PARTITIONS)
        return {
            DeliveryPartition(account_sid, receiver): Timestamp(due) if isinstance(due, int) else None
            for account_sid, receiver, due in rows
        }

    def claim_due(
        self, partition: DeliveryPartition, *, now: Timestamp, limit: int, leased_until: Timestamp
    ) -> list[StatusCallback | UnreadableCallback]:
        """Lease due callbacks of a partition, the longest overdue first, and return them, including unreadable ones.

        When a lease expires, its callback is due again: the process that held the lease has probably ended.
        """
        rows = self._session.all(CLAIM_DUE, **partition._asdict(), now=now, row_limit=limit)
        for row in rows:
            self._session.change(LEASE, sid=row[0], until=leased_until)
            observe_lag = self._session.metrics.observe_callback_lag
            self._session.when_committed(observe_lag, seconds_between(row[-1], now))
        return [self._read(row) for row in rows]

    def find_without_time(self, partition: DeliveryPartition, limit: int) -> list[UnreadableCallback]:
        """Return a partition's callbacks whose due times are not numbers. Only SQLite can store such values."""
        rows = self._session.all(CLAIM_DUE, **partition._asdict(), now=AFTER_ALL_TIMES, row_limit=limit)
        return [self._unreadable(row, f"due_at is {row[-1]!r}") for row in rows if not isinstance(row[-1], int)]

    def _read(self, row: Row) -> StatusCallback | UnreadableCallback:
        try:
            return CALLBACKS.read(row)
        except UnreadableRow as error:
            return self._unreadable(row, reason_of(error))

    def _unreadable(self, row: Row, reason: str) -> UnreadableCallback:
        stored = dict(zip(CALLBACKS.names, row, strict=False))
        sid, url = stored["call_sid"], stored["url"]
        callback = StatusCallback(
            call_sid=sid,
            account_sid=stored["account_sid"],
            auth_token="",
            url=without_secrets(url) if isinstance(url, str) else "",
            method=stored["method"] if stored["method"] in METHODS else "",
            parameters=(),
            idempotency_token=stored["idempotency_token"],
            attempts=max((number for number, *_ in self._session.all(FIND_ATTEMPTS, sid=sid)), default=0),
        )
        return UnreadableCallback(callback, reason)

    def renew_lease(self, call_sid: str, leased_until: Timestamp) -> None:
        """Extend the lease of a callback. Do nothing if the callback is not leased."""
        self._session.change(RENEW_LEASE, sid=call_sid, until=leased_until)

    def save_fault(self, call_sid: str, fault: Effect, *, due: Timestamp, leased_until: Timestamp | None) -> None:
        """Store the fault that a callback triggered, the callback's new due time, and its lease if it has one."""
        effect = orjson.dumps(fault.to_dict()).decode()
        self._session.change(SAVE_FAULT, sid=call_sid, effect=effect, due=due, until=leased_until)

    def release_all(self, now: Timestamp) -> int:
        """Release all leases and return their number. No other process may use the database at this time."""
        return self._session.change(RELEASE_ALL, now=now)

    def settle(
        self, callback: StatusCallback, status: CallbackStatus, *, attempts_made: int, due: Timestamp | None
    ) -> bool:
        """Store a callback's status and its next due time, if any. Return False if it is no longer pending."""
        changed = self._session.change(
            SETTLE,
            sid=callback.call_sid,
            token=callback.idempotency_token,
            new_status=status.value,
            made=attempts_made,
            due=due,
        )
        return changed > 0

    def is_pending(self, callback: StatusCallback) -> bool:
        """Return whether this callback exists and is pending: neither delivered nor failed."""
        row = self._session.first(IS_PENDING, sid=callback.call_sid, token=callback.idempotency_token)
        return row is not None

    def has_pending(self, account_sid: AccountSid) -> bool:
        """Return whether the account has pending callbacks."""
        return self._session.first(PENDING_OF_ACCOUNT, account_sid=account_sid) is not None

    def redeliver(self, call_sid: str, due: Timestamp) -> bool:
        """Make a settled callback pending again. Return False if the call does not have a settled callback."""
        return self._session.change(REDELIVER, sid=call_sid, due=due) > 0

    def add_attempt(self, call_sid: str, attempt: CallbackAttempt) -> None:
        """Add an attempt to the journal."""
        self._session.change(ADD_ATTEMPT, call_sid=call_sid, **attempt_values(attempt))
        observe = self._session.metrics.observe_callback_attempt
        self._session.when_committed(observe, attempt.status_code, attempt.elapsed_ms / 1000)
