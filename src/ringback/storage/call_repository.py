"""The validation calls."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, literal_column, select, tuple_, update

from ringback.domain.account_clock import AccountTime
from ringback.domain.call_filters import CallFilters
from ringback.domain.call_schedule import PendingEvent
from ringback.domain.callbacks import CallbackSummary
from ringback.domain.calls import CallState, ValidationCall
from ringback.domain.paging import Page, PageRequest
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.storage.call_pages import CALL_PAGES, filter_values
from ringback.storage.call_rows import CALL_COLUMNS, FINAL, IMMUTABLE, MUTABLE, call_of, mutable_values
from ringback.storage.callback_summaries import IS_LAST_ATTEMPT, SUMMARY_COLUMNS, summary_of
from ringback.storage.session import Session
from ringback.storage.statements import Statement, insert_or_ignore
from ringback.storage.stepwise import Steps
from ringback.storage.tables import callback_attempts, status_callbacks
from ringback.storage.tables import validation_calls as table
from ringback.storage.unreadable_rows import readable

MOST_LOOKED_THROUGH = 10_000
"""How many old calls are looked through at once for those whose callbacks are not owed any more."""

FIND = Statement(select(*CALL_COLUMNS).where(table.c.sid == bindparam("sid")))
LOCK_FOR_UPDATE = Statement(select(*CALL_COLUMNS).where(table.c.sid == bindparam("sid")).with_for_update())
ADD = insert_or_ignore(table, "sid")


def _move(names: Iterable[str]) -> Statement:
    changed = {name: bindparam(name, type_=table.c[name].type) for name in names}
    return Statement(update(table).where(table.c.sid == bindparam("call_sid")).values(changed))


UPDATE = _move(name for name in MUTABLE if name not in FINAL)
"""Leaves alone what the indexes know of calls that end."""
FINISH = _move(MUTABLE)
LOCK_ACTIVE = Statement(
    select(*CALL_COLUMNS)
    .where(
        table.c.account_sid == bindparam("account_sid"),
        table.c.phone_number == bindparam("phone_number"),
        table.c.ended_at.is_(None),
    )
    .with_for_update()
)

CALLS_BETWEEN = Statement(
    select(func.count()).where(
        table.c.account_sid == bindparam("account_sid"),
        table.c.phone_number == bindparam("phone_number"),
        table.c.date_created > bindparam("since"),
        table.c.date_created < bindparam("until"),
    )
)


def _newest(filters: tuple[str, ...]) -> Statement:
    query: Select[Any] = (
        select(*CALL_COLUMNS, *SUMMARY_COLUMNS)
        .select_from(table)
        .outerjoin(status_callbacks, status_callbacks.c.call_sid == table.c.sid)
        .outerjoin(callback_attempts, IS_LAST_ATTEMPT)
        .where(table.c.account_sid == bindparam("account_sid"))
    )
    if "phone_number" in filters:
        query = query.where(table.c.phone_number == bindparam("phone_number"))
    if "states" in filters:
        query = query.where(table.c.state.in_([bindparam("state"), bindparam("other_state")]))
    query = query.order_by(table.c.date_created.desc(), table.c.sid.desc())
    return Statement(query.limit(bindparam("row_limit")))


NEWEST: dict[tuple[str, ...], Statement] = {
    filters: _newest(filters) for filters in ((), ("phone_number",), ("states",), ("phone_number", "states"))
}


_ENDED = (table.c.account_sid == bindparam("account_sid"), table.c.real_ended_at.is_not(None))
_age = tuple_(table.c.real_ended_at, table.c.sid)
_newest_forgotten = (
    select(table.c.real_ended_at, table.c.sid)
    .where(*_ENDED)
    .order_by(table.c.real_ended_at.desc(), table.c.sid.desc())
    .limit(1)
    .offset(bindparam("kept"))
    .scalar_subquery()
)
_old = (
    select(table.c.sid)
    .where(*_ENDED, _age <= _newest_forgotten)
    .order_by(table.c.real_ended_at, table.c.sid)
    .limit(literal_column(str(MOST_LOOKED_THROUGH)))
    .subquery()
)
_owed = select(status_callbacks.c.call_sid).where(
    status_callbacks.c.call_sid == _old.c.sid, status_callbacks.c.due_at.is_not(None)
)
_forgettable = select(_old.c.sid).where(~_owed.exists()).limit(bindparam("row_limit"))
PRUNE = Statement(delete(table).where(table.c.sid.in_(_forgettable)))


class CallRepository:
    """Validation calls and what is pending of them; only `operations.calls` writes here."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, sid: str) -> ValidationCall | None:
        row = self._session.first(FIND, sid=sid)
        return call_of(row) if row else None

    def lock_for_update(self, sid: str) -> ValidationCall | None:
        """Return a call, and let nobody else move it till the unit of work ends; its account is held."""
        row = self._session.first(LOCK_FOR_UPDATE, sid=sid)
        return call_of(row) if row else None

    def lock_active(self, account_sid: AccountSid, phone_number: str) -> list[ValidationCall]:
        """Return the account's calls to this number that have not ended, and let nobody else move them."""
        rows = self._session.all(LOCK_ACTIVE, account_sid=account_sid, phone_number=phone_number)
        return [call_of(row) for row in rows]

    def count(self, account_sid: AccountSid, phone_number: str, *, since: Timestamp, until: Timestamp) -> int:
        """Return how many calls to a number an account asked for between two moments, and still has."""
        row = self._session.first(
            CALLS_BETWEEN, account_sid=account_sid, phone_number=phone_number, since=since, until=until
        )
        return int(row[0]) if row else 0

    def add(self, call: ValidationCall, pending: PendingEvent | None, time: AccountTime) -> bool:
        """Add a call; False, and nothing changed, when its SID is taken."""
        fixed = {name: getattr(call, name) for name in IMMUTABLE}
        return self._session.change(ADD, **fixed, **mutable_values(call, pending, time)) > 0

    def update(self, call: ValidationCall, pending: PendingEvent | None, time: AccountTime) -> None:
        """Store what `transition` made of a call, and what falls due next by the account's time."""
        statement = FINISH if call.is_ended else UPDATE
        self._session.change(statement, call_sid=call.sid, **mutable_values(call, pending, time))

    def newest(
        self,
        account_sid: AccountSid,
        *,
        limit: int,
        phone_number: str | None = None,
        states: Collection[CallState] | None = None,
    ) -> Iterator[tuple[ValidationCall, CallbackSummary | None]]:
        """Return an account's calls, newest first: those to a number, those in one or two states, or all.

        Each comes with the summary of its StatusCallback, None while it has none. One that cannot be read is left out,
        and logged.
        """
        values: dict[str, Any] = {}
        if phone_number is not None:
            values["phone_number"] = phone_number
        filters = tuple(values)
        if states is not None:
            values["state"], values["other_state"] = min(states).value, max(states).value
            filters += ("states",)
        rows = self._session.rows(NEWEST[filters], account_sid=account_sid, row_limit=limit, **values)
        columns = len(CALL_COLUMNS)
        return readable("validation_calls", rows, lambda row: (call_of(row), summary_of(row[columns:])))

    def page(self, account_sid: AccountSid, filters: CallFilters, request: PageRequest) -> Steps[Page[ValidationCall]]:
        """Return one page of an account's calls, newest first."""
        return CALL_PAGES.page_steps(self._session, account_sid, filter_values(filters), request)

    def prune(self, account_sid: AccountSid, *, kept: int, limit: int) -> int:
        """Forget at most `limit` of an account's ended calls, the newest `kept` excepted, and return how many.

        With a call go its callback and the journal of it; one whose callback is still owed stays.
        """
        return self._session.change(PRUNE, account_sid=account_sid, kept=kept, row_limit=limit)
