"""The validation calls, each with the event that falls due next."""

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.sqlite import insert

from ringback.domain.call_plan import PendingEvent
from ringback.domain.calls import CallEvent, CallState, TimelineEntry, ValidationCall, VerificationStatus
from ringback.domain.instants import Instant
from ringback.domain.phones import Phone, PhoneBehavior
from ringback.domain.sids import AccountSid
from ringback.storage.statements import Statement, column_parameters, columns
from ringback.storage.tables import validation_calls as table

if TYPE_CHECKING:
    from ringback.storage.unit_of_work import UnitOfWork

_FIXED = (
    "sid",
    "account_sid",
    "phone_number",
    "friendly_name",
    "validation_code",
    "extension",
    "call_delay_seconds",
    "status_callback",
    "status_callback_method",
    "attempts_allowed",
    "date_created",
)
_MOVING = (
    "state",
    "attempts_left",
    "keys",
    "phone",
    "verification_status",
    "outgoing_caller_id_sid",
    "ringing_at",
    "answered_at",
    "ended_at",
    "timeline",
    "due_at",
    "due_event",
    "due_digits",
)
_COLUMNS = columns(table, *_FIXED, *_MOVING)

FIND = Statement(select(*_COLUMNS).where(table.c.sid == bindparam("sid")))
ADD = Statement(insert(table).values(column_parameters(table)).on_conflict_do_nothing(index_elements=["sid"]))
MOVE = Statement(
    update(table)
    .where(table.c.sid == bindparam("call_sid"))
    .values({name: bindparam(name, type_=table.c[name].type) for name in _MOVING})
)
UNDER_WAY = Statement(
    select(*_COLUMNS).where(
        table.c.account_sid == bindparam("account_sid"),
        table.c.phone_number == bindparam("phone_number"),
        table.c.ended_at.is_(None),
    )
)
_DUE = table.c.due_at <= bindparam("now")
CLAIM_DUE = Statement(
    select(*_COLUMNS)
    .where(_DUE)
    .order_by(table.c.due_at)
    .limit(bindparam("row_limit"))
    .with_for_update(skip_locked=True)
)
CLAIM_ONE_DUE = Statement(
    select(*_COLUMNS).where(_DUE, table.c.sid == bindparam("sid")).with_for_update(skip_locked=True)
)
DUE_SIDS = Statement(select(table.c.sid).where(_DUE).order_by(table.c.due_at).limit(bindparam("row_limit")))
NEXT_DUE = Statement(select(table.c.due_at).where(table.c.due_at.is_not(None)).order_by(table.c.due_at).limit(1))
POSTPONE = Statement(update(table).where(table.c.sid == bindparam("call_sid")).values(due_at=bindparam("until")))


class CallRepository:
    """Validation calls and what is pending of them; only `operations.calls` writes here."""

    def __init__(self, unit_of_work: "UnitOfWork") -> None:
        self._unit_of_work = unit_of_work

    def find(self, sid: str) -> ValidationCall | None:
        row = self._unit_of_work.first(FIND, sid=sid)
        return _call(row) if row else None

    def under_way(self, account_sid: AccountSid, phone_number: str) -> list[ValidationCall]:
        """Return the account's calls to this number that have not ended."""
        rows = self._unit_of_work.all(UNDER_WAY, account_sid=account_sid, phone_number=phone_number)
        return [_call(row) for row in rows]

    def add(self, call: ValidationCall, pending: PendingEvent | None) -> bool:
        """Add a call; False, and nothing changed, when its SID is taken."""
        fixed = {name: getattr(call, name) for name in _FIXED}
        return self._unit_of_work.change(ADD, **fixed, **_moving(call, pending)) > 0

    def move(self, call: ValidationCall, pending: PendingEvent | None) -> None:
        """Store what `transition` made of a call, and what falls due next."""
        self._unit_of_work.change(MOVE, call_sid=call.sid, **_moving(call, pending))

    def claim_due(self, now: Instant, limit: int, only: str | None = None) -> list[tuple[ValidationCall, PendingEvent]]:
        """Return calls whose event is due, the longest overdue first, locked until the unit of work ends.

        With the SID of a call as `only`, at most that one.
        """
        if only is None:
            rows = self._unit_of_work.all(CLAIM_DUE, now=now, row_limit=limit)
        else:
            rows = self._unit_of_work.all(CLAIM_ONE_DUE, now=now, sid=only)
        return [(_call(row), _pending(row)) for row in rows]

    def due_sids(self, now: Instant, limit: int) -> list[str]:
        """Return the SIDs of calls whose event is due; these rows can be read even where one holds nonsense."""
        return [row[0] for row in self._unit_of_work.all(DUE_SIDS, now=now, row_limit=limit)]

    def next_due(self) -> Instant | None:
        """Return when the next event falls due, or None when nothing is pending."""
        row = self._unit_of_work.first(NEXT_DUE)
        return row[0] if row else None

    def postpone(self, sid: str, until: Instant) -> None:
        """Let a call's event wait until another time."""
        self._unit_of_work.change(POSTPONE, call_sid=sid, until=until)


_MOVING_AT = len(_FIXED)


def _call(row: tuple[Any, ...]) -> ValidationCall:
    state, attempts_left, keys, phone, verification_status, caller_id, ringing, answered, ended, timeline = row[
        _MOVING_AT : _MOVING_AT + 10
    ]
    return ValidationCall(
        **dict(zip(_FIXED, row, strict=False)),
        state=CallState(state),
        attempts_left=attempts_left,
        keys=keys,
        phone=_phone(phone) if phone else None,
        verification_status=VerificationStatus(verification_status) if verification_status else None,
        outgoing_caller_id_sid=caller_id,
        ringing_at=ringing,
        answered_at=answered,
        ended_at=ended,
        timeline=tuple(TimelineEntry(*entry) for entry in orjson.loads(timeline)),
    )


def _moving(call: ValidationCall, pending: PendingEvent | None) -> dict[str, Any]:
    return {
        "state": call.state.value,
        "attempts_left": call.attempts_left,
        "keys": call.keys,
        "phone": _phone_text(call.phone) if call.phone else None,
        "verification_status": call.verification_status.value if call.verification_status else None,
        "outgoing_caller_id_sid": call.outgoing_caller_id_sid,
        "ringing_at": call.ringing_at,
        "answered_at": call.answered_at,
        "ended_at": call.ended_at,
        "timeline": orjson.dumps([(entry.at, entry.event, entry.detail) for entry in call.timeline]).decode(),
        "due_at": pending.at if pending else None,
        "due_event": pending.event.value if pending else None,
        "due_digits": pending.digits if pending else None,
    }


def _pending(row: tuple[Any, ...]) -> PendingEvent:
    due_at, due_event, due_digits = row[-3:]
    return PendingEvent(due_at, CallEvent(due_event), due_digits)


def _phone(text: str) -> Phone:
    behavior, ring_seconds, key_seconds, extension = orjson.loads(text)
    return Phone(PhoneBehavior(behavior), ring_seconds, key_seconds, extension)


def _phone_text(phone: Phone) -> str:
    return orjson.dumps((phone.behavior, phone.ring_seconds, phone.key_seconds, phone.extension)).decode()
