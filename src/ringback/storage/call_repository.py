"""The validation calls: their rows, pages and pruning."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import orjson
from sqlalchemy import Select, bindparam, case, delete, func, literal_column, select, tuple_, update

from ringback.domain.account_clock import AccountTime
from ringback.domain.call_filters import CallFilters
from ringback.domain.call_schedule import PendingEvent
from ringback.domain.callbacks import CallbackSummary
from ringback.domain.calls import CallEvent, CallState, TimelineEntry, ValidationCall, VerificationStatus
from ringback.domain.paging import Page, PageRequest
from ringback.domain.phones import Phone, PhoneBehavior
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.storage.callback_rows import IS_LAST_ATTEMPT, SUMMARIES
from ringback.storage.pages import PagedRows
from ringback.storage.registration import Mutability, mutability_of
from ringback.storage.row_mapper import Field, RowMapper
from ringback.storage.session import Session
from ringback.storage.statements import Statement, columns, insert_or_ignore
from ringback.storage.stepwise import Steps
from ringback.storage.tables import callback_attempts, status_callbacks
from ringback.storage.tables import validation_calls as table
from ringback.storage.unreadable_rows import readable

MAX_PRUNING_CANDIDATES = 10_000
"""Maximum number of old calls that one statement checks for pending callbacks."""

_STATES = {state.value: state for state in CallState}
EVENTS = {event.value: event for event in CallEvent}
"""The members of CallEvent by value. `CallEvent(value)` takes 0.3 microseconds longer, and each step of a call needs
two."""


def _phone(text: str) -> Phone:
    behavior, ring_seconds, key_seconds, extension = orjson.loads(text)
    return Phone(PhoneBehavior(behavior), ring_seconds, key_seconds, extension)


def _phone_text(phone: Phone) -> str:
    return orjson.dumps((phone.behavior.value, phone.ring_seconds, phone.key_seconds, phone.extension)).decode()


def _timeline(text: str) -> tuple[TimelineEntry, ...]:
    return tuple(map(TimelineEntry._make, orjson.loads(text)))


def _timeline_text(timeline: Iterable[TimelineEntry]) -> str:
    return orjson.dumps([(entry.at, entry.event, entry.detail) for entry in timeline]).decode()


CALLS = RowMapper(
    ValidationCall,
    columns(table, *ValidationCall._fields),
    state=Field(_STATES.__getitem__, write=str),
    phone=Field(_phone, write=_phone_text, optional=True),
    verification_status=Field(VerificationStatus, write=str, optional=True),
    timeline=Field(_timeline, write=_timeline_text),
)
"""Row mapper for validation calls. The first column is the SID."""
PENDING_EVENTS = RowMapper(
    PendingEvent,
    columns(table, "due_at", "due_event", "due_digits"),
    at=Field(columns=("due_at",)),
    event=Field(EVENTS.__getitem__, ("due_event",)),
    digits=Field(columns=("due_digits",)),
)


def _columns(*mutabilities: Mutability) -> list[str]:
    return [str(column.name) for column in table.c if mutability_of(column) in mutabilities]


_MUTABLE, _FINAL = _columns(Mutability.MUTABLE), _columns(Mutability.FINAL)
_immutable_values = CALLS.writer(*_columns(Mutability.IMMUTABLE))
_NOTHING_DUE = (None, None, None, None)
_mutable_values = CALLS.writer(*(name for name in (*_MUTABLE, *_FINAL) if name in ValidationCall._fields))


def _changes(call: ValidationCall, pending: PendingEvent | None, time: AccountTime) -> dict[str, Any]:
    """Return the values of the call's columns that may change, by column name."""
    values = _mutable_values(call)
    values["due_at"], values["due_event"], values["due_digits"], values["real_due_at"] = (
        (pending.at, str(pending.event), pending.digits, time.system_due_at(pending.at)) if pending else _NOTHING_DUE
    )
    values["real_ended_at"] = time.system_now if call.is_ended else None
    return values


FIND = Statement(select(*CALLS.columns).where(table.c.sid == bindparam("sid")))
FIND_PENDING_EVENT = Statement(
    select(*PENDING_EVENTS.columns).where(table.c.sid == bindparam("sid"), table.c.due_at.is_not(None))
)
LOCK_FOR_UPDATE = Statement(select(*CALLS.columns).where(table.c.sid == bindparam("sid")).with_for_update())
ADD = insert_or_ignore(table, "sid")


def _update(names: Iterable[str]) -> Statement:
    changed = {name: bindparam(name, type_=table.c[name].type) for name in names}
    return Statement(update(table).where(table.c.sid == bindparam("call_sid")).values(changed))


UPDATE = _update(_MUTABLE)
"""The UPDATE for calls in progress. It does not set the columns that change only when a call ends."""
FINISH = _update((*_MUTABLE, *_FINAL))
LOCK_ACTIVE = Statement(
    select(*CALLS.columns)
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

_NEWEST_COLUMNS = (*CALLS.columns, *SUMMARIES.columns)
_read_summary = SUMMARIES.reader(_NEWEST_COLUMNS)


def _newest(filters: tuple[str, ...]) -> Statement:
    query: Select[Any] = (
        select(*_NEWEST_COLUMNS)
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

_STARTED = func.coalesce(table.c.ringing_at, case((table.c.phone.is_not(None), table.c.ended_at)))
"""SQL equivalent of `domain.call_filters.start_time`."""
_COMPLETED = case((table.c.state == CallState.COMPLETED.value, table.c.ended_at))
"""SQL equivalent of `domain.call_filters.end_time`."""
PAGES = PagedRows(
    table,
    CALLS.columns,
    {
        "phone_number": table.c.phone_number == bindparam("phone_number"),
        "state": table.c.state.in_([bindparam("state"), bindparam("other_state")]),
        "started_from": bindparam("started_from") <= _STARTED,
        "started_before": bindparam("started_before") > _STARTED,
        "ended_from": bindparam("ended_from") <= _COMPLETED,
        "ended_before": bindparam("ended_before") > _COMPLETED,
    },
    CALLS.read,
)


def _filter_values(filters: CallFilters) -> dict[str, Any]:
    """Return the statement parameters for the filters that are set. A status corresponds to one or two states."""
    values = {
        "phone_number": filters.phone_number,
        "state": min(filters.states).value if filters.states else None,
        "other_state": max(filters.states).value if filters.states else None,
        "started_from": filters.started.start,
        "started_before": filters.started.before,
        "ended_from": filters.ended.start,
        "ended_before": filters.ended.before,
    }
    return {name: value for name, value in values.items() if value is not None}


_ENDED = (table.c.account_sid == bindparam("account_sid"), table.c.real_ended_at.is_not(None))
_age = tuple_(table.c.real_ended_at, table.c.sid)
_newest_pruned = (
    select(table.c.real_ended_at, table.c.sid)
    .where(*_ENDED)
    .order_by(table.c.real_ended_at.desc(), table.c.sid.desc())
    .limit(1)
    .offset(bindparam("kept"))
    .scalar_subquery()
)
_old = (
    select(table.c.sid)
    .where(*_ENDED, _age <= _newest_pruned)
    .order_by(table.c.real_ended_at, table.c.sid)
    .limit(literal_column(str(MAX_PRUNING_CANDIDATES)))
    .subquery()
)
_pending_callback = select(status_callbacks.c.call_sid).where(
    status_callbacks.c.call_sid == _old.c.sid, status_callbacks.c.due_at.is_not(None)
)
_prunable = select(_old.c.sid).where(~_pending_callback.exists()).limit(bindparam("row_limit"))
PRUNE = Statement(delete(table).where(table.c.sid.in_(_prunable)))


class CallRepository:
    """The validation calls; only `operations.calls` changes them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, sid: str) -> ValidationCall | None:
        """Return a call, or None."""
        row = self._session.first(FIND, sid=sid)
        return CALLS.read(row) if row else None

    def lock_for_update(self, sid: str) -> ValidationCall | None:
        """Return a call and lock its row until the transaction ends. Lock the call's account first."""
        row = self._session.first(LOCK_FOR_UPDATE, sid=sid)
        return CALLS.read(row) if row else None

    def pending_event(self, sid: str) -> PendingEvent | None:
        """Return the next event of a call, or None if the call has ended."""
        row = self._session.first(FIND_PENDING_EVENT, sid=sid)
        return PENDING_EVENTS.read(row) if row else None

    def lock_active(self, account_sid: AccountSid, phone_number: str) -> list[ValidationCall]:
        """Return the account's calls to this number that have not ended, and lock their rows."""
        rows = self._session.all(LOCK_ACTIVE, account_sid=account_sid, phone_number=phone_number)
        return [CALLS.read(row) for row in rows]

    def count(self, account_sid: AccountSid, phone_number: str, *, since: Timestamp, until: Timestamp) -> int:
        """Count an account's stored calls to a phone number that were created between two instants."""
        row = self._session.first(
            CALLS_BETWEEN, account_sid=account_sid, phone_number=phone_number, since=since, until=until
        )
        return int(row[0]) if row else 0

    def add(self, call: ValidationCall, pending: PendingEvent | None, time: AccountTime) -> bool:
        """Add a call. Return False, changing nothing, if its SID is taken."""
        return self._session.change(ADD, **_immutable_values(call), **_changes(call, pending, time)) > 0

    def update(self, call: ValidationCall, pending: PendingEvent | None, time: AccountTime) -> None:
        """Store a call after a transition, and the event that is due next."""
        statement = FINISH if call.is_ended else UPDATE
        self._session.change(statement, call_sid=call.sid, **_changes(call, pending, time))

    def newest(
        self,
        account_sid: AccountSid,
        *,
        limit: int,
        phone_number: str | None = None,
        states: Collection[CallState] | None = None,
    ) -> Iterator[tuple[ValidationCall, CallbackSummary | None]]:
        """Return an account's calls, newest first, optionally only calls to one number or calls in one or two states.

        Each call is paired with the summary of its StatusCallback, or None if the call does not have one. Unreadable
        rows are skipped and logged.
        """
        values: dict[str, Any] = {}
        if phone_number is not None:
            values["phone_number"] = phone_number
        filters = tuple(values)
        if states is not None:
            values["state"], values["other_state"] = min(states).value, max(states).value
            filters += ("states",)
        rows = self._session.rows(NEWEST[filters], account_sid=account_sid, row_limit=limit, **values)
        return readable("validation_calls", rows, lambda row: (CALLS.read(row), _read_summary(row)))

    def page(self, account_sid: AccountSid, filters: CallFilters, request: PageRequest) -> Steps[Page[ValidationCall]]:
        """Return one page of an account's calls, newest first."""
        return PAGES.page_steps(self._session, account_sid, _filter_values(filters), request)

    def prune(self, account_sid: AccountSid, *, kept: int, limit: int) -> int:
        """Delete at most `limit` of an account's ended calls, except the newest `kept`.

        Return the number of deleted calls. A call's callback and its attempts are deleted with the call. Calls with a
        pending callback are kept.
        """
        return self._session.change(PRUNE, account_sid=account_sid, kept=kept, row_limit=limit)
