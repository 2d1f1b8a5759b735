"""The state of StatusCallbacks at a glance, read together with their calls."""

from typing import Any

import orjson
from sqlalchemy import and_, bindparam, select

from ringback.domain.callback_hops import CallbackHop
from ringback.domain.callbacks import CallbackStatus, CallbackSummary
from ringback.domain.faults import BadSignature, callback_effect_from_dict
from ringback.storage.callback_hops import hops_of
from ringback.storage.statements import Statement
from ringback.storage.tables import callback_attempts, status_callbacks
from ringback.storage.unreadable_rows import ERRORS

SUMMARY_COLUMNS = (
    status_callbacks.c.status,
    status_callbacks.c.attempts,
    status_callbacks.c.fault,
    callback_attempts.c.status_code,
    callback_attempts.c.error,
    callback_attempts.c.hops,
)
UNREADABLE = "the stored callback cannot be read"
IS_LAST_ATTEMPT = and_(
    callback_attempts.c.call_sid == status_callbacks.c.call_sid,
    callback_attempts.c.number == status_callbacks.c.attempts,
)
SUMMARY = Statement(
    select(*SUMMARY_COLUMNS)
    .select_from(status_callbacks)
    .outerjoin(callback_attempts, IS_LAST_ATTEMPT)
    .where(status_callbacks.c.call_sid == bindparam("sid"))
)


def summary_of(row: tuple[Any, ...]) -> CallbackSummary | None:
    """Return the summary in a row of SUMMARY_COLUMNS, None where they are NULL: the call has no callback yet."""
    if row[0] is None:
        return None
    try:
        return _summary(row)
    except ERRORS:
        return CallbackSummary(CallbackStatus.FAILED, 0, None, UNREADABLE, None, None, 0)


def _summary(row: tuple[Any, ...]) -> CallbackSummary:
    status, attempts, fault, status_code, error, hops_text = row
    hops = hops_of(hops_text)
    effect = callback_effect_from_dict(orjson.loads(fault)) if fault else None
    return CallbackSummary(
        status=CallbackStatus(status),
        attempts=attempts,
        status_code=status_code,
        error=error,
        fault=effect,
        is_signature_valid=not isinstance(effect, BadSignature) if _is_sent(status_code, hops) else None,
        redirects=max(0, len(hops) - 1),
    )


def _is_sent(status_code: int | None, hops: tuple[CallbackHop, ...]) -> bool:
    return status_code is not None or any(hop.is_sent for hop in hops)
