"""The StatusCallbacks that are owed, and the journal of every try at delivering one."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import and_, bindparam, not_, select, update
from sqlalchemy.dialects.sqlite import insert

from ringback.domain.callbacks import CallbackAttempt, CallbackStatus, Parameters, StatusCallback
from ringback.domain.calls import ValidationCall
from ringback.domain.instants import Instant
from ringback.storage.statements import Statement, column_parameters, columns
from ringback.storage.tables import accounts
from ringback.storage.tables import callback_attempts as attempts
from ringback.storage.tables import status_callbacks as table

if TYPE_CHECKING:
    from ringback.storage.unit_of_work import UnitOfWork

MAX_PASSED_OVER = 16
"""How many receivers one claim can pass over."""

_PASSED_OVER = [
    bindparam(f"passed_over_{position}", type_=table.c.receiver.type) for position in range(MAX_PASSED_OVER)
]
_CALLBACK = (
    table.c.call_sid,
    table.c.account_sid,
    accounts.c.auth_token,
    table.c.url,
    table.c.method,
    table.c.parameters,
    table.c.idempotency_token,
    table.c.attempts,
)

ADD = Statement(
    insert(table).values(column_parameters(table)).on_conflict_do_nothing(index_elements=["idempotency_token"])
)
CLAIM_DUE = Statement(
    select(*_CALLBACK, table.c.receiver)
    .join_from(table, accounts, table.c.account_sid == accounts.c.sid)
    .where(table.c.due_at <= bindparam("now"), not_(table.c.receiver.in_(_PASSED_OVER)))
    .order_by(table.c.due_at)
    .limit(bindparam("row_limit"))
    .with_for_update(skip_locked=True, of=table)
)
LEASE = Statement(
    update(table)
    .where(table.c.call_sid == bindparam("sid"))
    .values(due_at=bindparam("until"), leased_until=bindparam("until"))
)
RELEASE_ALL = Statement(
    update(table)
    .where(table.c.leased_until.is_not(None), table.c.due_at.is_not(None))
    .values(due_at=bindparam("now"), leased_until=None)
)
NEXT_DUE = Statement(
    select(table.c.due_at)
    .where(and_(table.c.due_at.is_not(None), not_(table.c.receiver.in_(_PASSED_OVER))))
    .order_by(table.c.due_at)
    .limit(1)
)
SETTLE = Statement(
    update(table)
    .where(table.c.call_sid == bindparam("sid"))
    .values(
        status=bindparam("new_status"),
        attempts=bindparam("made"),
        due_at=bindparam("due"),
        leased_until=bindparam("due"),
    )
)
ADD_ATTEMPT = Statement(
    insert(attempts).values(column_parameters(attempts)).on_conflict_do_nothing(index_elements=["call_sid", "number"])
)
_ATTEMPT_COLUMNS = columns(
    attempts, "number", "at", "method", "url", "headers", "status_code", "answer", "elapsed_ms", "error"
)
ATTEMPTS = Statement(
    select(*_ATTEMPT_COLUMNS).where(attempts.c.call_sid == bindparam("sid")).order_by(attempts.c.number)
)
FIND = Statement(
    select(*_CALLBACK, table.c.status)
    .join_from(table, accounts, table.c.account_sid == accounts.c.sid)
    .where(table.c.call_sid == bindparam("sid"))
)


class CallbackRepository:
    """The outbox of StatusCallbacks, one row a call."""

    def __init__(self, unit_of_work: "UnitOfWork") -> None:
        self._unit_of_work = unit_of_work

    def owe(
        self, call: ValidationCall, parameters: Parameters, *, receiver: str, idempotency_token: str, now: Instant
    ) -> bool:
        """Owe an ended call's StatusCallback, due at once; False, and nothing changed, when the token is taken."""
        added = self._unit_of_work.change(
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
            due_at=now,
            leased_until=None,
            date_created=now,
        )
        return added > 0

    def find(self, call_sid: str) -> tuple[StatusCallback, CallbackStatus] | None:
        """Return the StatusCallback that a call owes or owed, and what became of it."""
        row = self._unit_of_work.first(FIND, sid=call_sid)
        return (_callback(row), CallbackStatus(row[-1])) if row else None

    def attempts(self, call_sid: str) -> list[CallbackAttempt]:
        rows = self._unit_of_work.all(ATTEMPTS, sid=call_sid)
        return [_attempt(*row) for row in rows]

    def claim_due(
        self, now: Instant, limit: int, leased_until: Instant, passed_over: Collection[str]
    ) -> list[tuple[StatusCallback, str]]:
        """Lease due callbacks, the longest overdue first, each with its receiver; `passed_over` receivers wait.

        A lease that runs out makes the callback due again: whoever held it is gone.
        """
        rows = self._unit_of_work.all(CLAIM_DUE, now=now, row_limit=limit, **_padded(passed_over))
        for row in rows:
            self._unit_of_work.change(LEASE, sid=row[0], until=leased_until)
        return [(_callback(row), row[-1]) for row in rows]

    def release_all(self, now: Instant) -> int:
        """Make every leased callback due; for a process that knows it is alone with its database."""
        return self._unit_of_work.change(RELEASE_ALL, now=now)

    def next_due(self, passed_over: Collection[str]) -> Instant | None:
        row = self._unit_of_work.first(NEXT_DUE, **_padded(passed_over))
        return row[0] if row else None

    def settle(self, call_sid: str, status: CallbackStatus, attempts_made: int) -> None:
        """Store what became of a callback; it is not due again."""
        self._unit_of_work.change(SETTLE, sid=call_sid, new_status=status.value, made=attempts_made, due=None)

    def keep_leased(self, call_sid: str, attempts_made: int, until: Instant) -> None:
        """Count a try that is to be followed by another."""
        self._unit_of_work.change(
            SETTLE, sid=call_sid, new_status=CallbackStatus.PENDING.value, made=attempts_made, due=until
        )

    def add_attempt(self, call_sid: str, attempt: CallbackAttempt) -> None:
        self._unit_of_work.change(
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
        )


def _padded(receivers: Collection[str]) -> dict[str, str]:
    names = sorted(receivers)[:MAX_PASSED_OVER]
    names += [""] * (MAX_PASSED_OVER - len(names))
    return {f"passed_over_{position}": name for position, name in enumerate(names)}


def _callback(row: tuple[Any, ...]) -> StatusCallback:
    call_sid, account_sid, auth_token, url, method, parameters, token, attempts_made = row[:8]
    return StatusCallback(call_sid, account_sid, auth_token, url, method, _pairs(parameters), token, attempts_made)


def _attempt(number: int, at: Instant, method: str, url: str, headers: str, *answer: Any) -> CallbackAttempt:
    return CallbackAttempt(number, at, method, url, _pairs(headers), *answer)


def _pairs(text: str) -> Parameters:
    return tuple((name, value) for name, value in orjson.loads(text))
