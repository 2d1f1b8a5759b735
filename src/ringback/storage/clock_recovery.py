"""Queries that find pending work that is due too late after the system clock was set back, and bring it forward."""

from sqlalchemy import bindparam, case, func, select, update

from ringback.domain.timestamps import Timestamp
from ringback.storage.session import Session
from ringback.storage.statements import Statement
from ringback.storage.tables import accounts, status_callbacks, validation_calls

_calls = validation_calls.c
_PLANNED_AT = func.coalesce(_calls.answered_at, _calls.ringing_at, _calls.date_created)
PLANNED_AFTER = Statement(
    select(_calls.sid, _PLANNED_AT)
    .join_from(validation_calls, accounts, _calls.account_sid == accounts.c.sid)
    .where(
        _calls.real_due_at > bindparam("now"),
        bindparam("now") < _PLANNED_AT,
        _calls.real_due_at >= _PLANNED_AT,  # otherwise an earlier startup has already moved the call
        accounts.c.clock_offset == bindparam("offset"),
        accounts.c.clock_frozen_at.is_(None),
    )
)
BRING_CALL_FORWARD = Statement(
    update(validation_calls)
    .where(_calls.sid == bindparam("call_sid"))
    .values(
        due_at=_calls.due_at - bindparam("earlier_by"),
        real_due_at=_calls.real_due_at - bindparam("earlier_by"),
        code_expires_at=_calls.code_expires_at - bindparam("earlier_by"),
    )
)
_callbacks = status_callbacks.c
DUE_AFTER = Statement(
    select(_callbacks.call_sid, _callbacks.leased_until, _callbacks.fault).where(_callbacks.due_at > bindparam("now"))
)
BRING_CALLBACK_FORWARD = Statement(
    update(status_callbacks)
    .where(_callbacks.call_sid == bindparam("sid"), _callbacks.due_at > bindparam("latest"))
    .values(
        due_at=bindparam("due"), leased_until=case((_callbacks.leased_until.is_not(None), bindparam("due")), else_=None)
    )
)


def calls_planned_after(session: Session, now: Timestamp) -> list[tuple[str, Timestamp]]:
    """Return the SID and planning time of each call that was planned after `now`, if its account's clock is not set."""
    return [(row[0], row[1]) for row in session.all(PLANNED_AFTER, now=now, offset=0)]


def bring_call_forward(session: Session, call_sid: str, earlier_by: int) -> None:
    """Make a call's due time, and the time its code expires, earlier by a number of microseconds."""
    session.change(BRING_CALL_FORWARD, call_sid=call_sid, earlier_by=earlier_by)


def callbacks_due_after(session: Session, now: Timestamp) -> list[tuple[str, bool, str | None]]:
    """Return each callback due after `now`: its call's SID, whether it is leased, and its fault as stored."""
    return [(row[0], row[1] is not None, row[2]) for row in session.all(DUE_AFTER, now=now)]


def bring_callback_forward(session: Session, call_sid: str, *, due: Timestamp, latest: Timestamp) -> int:
    """Set a callback's due time if it is later than `latest`. Return the number of changed rows."""
    return session.change(BRING_CALLBACK_FORWARD, sid=call_sid, due=due, latest=latest)
