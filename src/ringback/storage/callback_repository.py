"""The StatusCallbacks that are owed, and the journal of every try at delivering one."""

from typing import Any

import orjson
from sqlalchemy import bindparam, select, update

from ringback.domain.account_clock import AccountTime
from ringback.domain.callback_hops import Parameters
from ringback.domain.callbacks import (
    CallbackAttempt,
    CallbackStatus,
    CallbackSummary,
    DeliveryPartition,
    StatusCallback,
    UnreadableCallback,
)
from ringback.domain.calls import ValidationCall
from ringback.domain.faults import Effect
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp, seconds_between
from ringback.domain.urls import without_secrets
from ringback.storage.account_repository import LOCK_ACCOUNTS
from ringback.storage.callback_hops import hops_text
from ringback.storage.callback_rows import (
    ATTEMPT_COLUMNS,
    CALLBACK_COLUMNS,
    METHODS,
    attempt_of,
    callback_of,
    callback_status,
)
from ringback.storage.callback_summaries import SUMMARY, summary_of
from ringback.storage.delivery_partitions import PARTITIONS
from ringback.storage.session import Session
from ringback.storage.statements import Statement, insert_or_ignore
from ringback.storage.tables import accounts
from ringback.storage.tables import callback_attempts as attempts
from ringback.storage.tables import status_callbacks as table
from ringback.storage.unreadable_rows import UnreadableRow, readable, reason_of

AFTER_ALL_TIMES = b"\xff"
"""SQLite sorts it behind all numbers and texts."""

ADD = insert_or_ignore(table, "idempotency_token")
CLAIM_DUE = Statement(
    select(*CALLBACK_COLUMNS, table.c.due_at)
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
        table.c.due_at.is_not(None),  # another process may have taken it for a dead one's, and settled it
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
ATTEMPTS = Statement(
    select(*ATTEMPT_COLUMNS).where(attempts.c.call_sid == bindparam("sid")).order_by(attempts.c.number)
)
FIND = Statement(
    select(*CALLBACK_COLUMNS, table.c.status)
    .join_from(table, accounts, table.c.account_sid == accounts.c.sid)
    .where(table.c.call_sid == bindparam("sid"))
)


class CallbackRepository:
    """The outbox of StatusCallbacks, one row a call."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def enqueue(
        self, call: ValidationCall, parameters: Parameters, *, receiver: str, idempotency_token: str, time: AccountTime
    ) -> bool:
        """Owe an ended call's StatusCallback, due at once; False, and nothing changed, when the token is taken."""
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
        """Return the StatusCallback that a call owes or owed, and what became of it. Raises UnreadableRow."""
        row = self._session.first(FIND, sid=call_sid)
        return (callback_of(row), callback_status(row[-1])) if row else None

    def summary(self, call_sid: str) -> CallbackSummary | None:
        """Return the state of a call's StatusCallback at a glance, None while it has none."""
        row = self._session.first(SUMMARY, sid=call_sid)
        return summary_of(row) if row else None

    def attempts(self, call_sid: str) -> list[CallbackAttempt]:
        """Return a call's attempts, the oldest first; a row that cannot be read is left out, and logged."""
        rows = self._session.all(ATTEMPTS, sid=call_sid)
        return list(readable(f"callback_attempts of {call_sid}", rows, attempt_of))

    def partitions(self) -> dict[DeliveryPartition, Timestamp | None]:
        """Return the lanes in which callbacks are owed, each with the instant when the earliest one is due.

        None where that is not a number: see `find_without_time`.
        """
        rows = self._session.all(PARTITIONS)
        return {
            DeliveryPartition(account_sid, receiver): Timestamp(due) if isinstance(due, int) else None
            for account_sid, receiver, due in rows
        }

    def claim_due(
        self, lane: DeliveryPartition, *, now: Timestamp, limit: int, leased_until: Timestamp
    ) -> list[StatusCallback | UnreadableCallback]:
        """Lease the callbacks due in a lane, the longest overdue first; those that cannot be read are among them.

        A lease that runs out makes the callback due again: the process that held it is gone.
        """
        rows = self._session.all(CLAIM_DUE, **lane._asdict(), now=now, row_limit=limit)
        for row in rows:
            self._session.change(LEASE, sid=row[0], until=leased_until)
            taken_up = self._session.metrics.observe_callback_lag
            self._session.when_committed(taken_up, seconds_between(row[-1], now))
        return [self._read(row) for row in rows]

    def find_without_time(self, lane: DeliveryPartition, limit: int) -> list[UnreadableCallback]:
        """Return callbacks in a lane whose due time is not a number, which only SQLite can hold."""
        rows = self._session.all(CLAIM_DUE, **lane._asdict(), now=AFTER_ALL_TIMES, row_limit=limit)
        return [self._unreadable(row, f"due_at is {row[-1]!r}") for row in rows if not isinstance(row[-1], int)]

    def _read(self, row: tuple[Any, ...]) -> StatusCallback | UnreadableCallback:
        try:
            return callback_of(row)
        except UnreadableRow as error:
            return self._unreadable(row, reason_of(error))

    def _unreadable(self, row: tuple[Any, ...], reason: str) -> UnreadableCallback:
        sid, account_sid, _, url, method, _, token, *_ = row
        last = max((number for number, *_ in self._session.all(ATTEMPTS, sid=sid)), default=0)
        shown_method = method if method in METHODS else ""
        shown_url = without_secrets(url) if isinstance(url, str) else ""
        return UnreadableCallback(
            StatusCallback(sid, account_sid, "", shown_url, shown_method, (), token, last), reason
        )

    def renew_lease(self, call_sid: str, leased_until: Timestamp) -> None:
        """Prolong the lease of a callback, if it is leased."""
        self._session.change(RENEW_LEASE, sid=call_sid, until=leased_until)

    def save_fault(self, call_sid: str, fault: Effect, *, due: Timestamp, leased_until: Timestamp | None) -> None:
        """Store the fault that a callback met, and when it is due now: nobody else's until then, if it is leased."""
        effect = orjson.dumps(fault.to_dict()).decode()
        self._session.change(SAVE_FAULT, sid=call_sid, effect=effect, due=due, until=leased_until)

    def release_all(self, now: Timestamp) -> int:
        """Make every leased callback due; for a process that knows it is alone with its database."""
        return self._session.change(RELEASE_ALL, now=now)

    def settle(
        self, callback: StatusCallback, status: CallbackStatus, *, attempts_made: int, due: Timestamp | None
    ) -> bool:
        """Store what became of a callback, and when it is due again; False where there is none any more."""
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
        """Tell whether this callback is neither delivered, given up nor forgotten."""
        found = self._session.first(IS_PENDING, sid=callback.call_sid, token=callback.idempotency_token)
        return found is not None

    def has_pending(self, account_sid: AccountSid) -> bool:
        """Tell whether any callback of this account is neither delivered nor given up."""
        return self._session.first(PENDING_OF_ACCOUNT, account_sid=account_sid) is not None

    def redeliver(self, call_sid: str, due: Timestamp) -> bool:
        """Owe a settled callback again; False where none is settled."""
        return self._session.change(REDELIVER, sid=call_sid, due=due) > 0

    def add_attempt(self, call_sid: str, attempt: CallbackAttempt) -> None:
        self._session.change(
            ADD_ATTEMPT,
            call_sid=call_sid,
            number=attempt.number,
            at=attempt.at,
            method=attempt.method,
            url=attempt.url,
            headers=orjson.dumps(attempt.headers).decode(),
            status_code=attempt.status_code,
            answer=attempt.answer,
            elapsed_ms=attempt.elapsed_ms,
            error=attempt.error,
            hops=hops_text(attempt.hops),
        )
        tried = self._session.metrics.observe_callback_attempt
        self._session.when_committed(tried, attempt.status_code, attempt.elapsed_ms / 1000)
