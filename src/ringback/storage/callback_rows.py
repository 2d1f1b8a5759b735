"""Row mappers for StatusCallbacks, their delivery attempts and their summaries."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import and_, bindparam, select

from ringback.domain.callback_hops import CallbackHop, ParameterPairs
from ringback.domain.callbacks import (
    STORED_PARAMETERS,
    CallbackAttempt,
    CallbackStatus,
    CallbackSummary,
    StatusCallback,
)
from ringback.domain.fault_effects import AlterSignature, Effect, SignatureFlaw, callback_effect_from_dict
from ringback.domain.policies import SignedPort
from ringback.domain.urls import has_port, parse_url
from ringback.storage.account_repository import readable_policy
from ringback.storage.row_mapper import Field, RowMapper
from ringback.storage.statements import Statement, columns
from ringback.storage.tables import accounts, callback_attempts, status_callbacks
from ringback.storage.unreadable_rows import ERRORS, MAX_REASON_CHARACTERS, UnreadableRow, require
from ringback.storage.webhook_signing_column import readable_webhook_signing

METHODS = frozenset({"GET", "POST"})
_hop_values = attrgetter(*(field.name for field in fields(CallbackHop)))
UNREADABLE = "the stored callback cannot be read"


def callback_status(text: Any) -> CallbackStatus:
    """Return the status of a callback. Raises UnreadableRow."""
    try:
        return CallbackStatus(text)
    except ValueError as error:
        raise UnreadableRow(f"status is {text!r}"[:MAX_REASON_CHARACTERS]) from error


def _method(text: Any) -> str:
    require(text in METHODS, "method", text)
    return str(text)


def _token(text: Any) -> str:
    require(isinstance(text, str), "idempotency_token", text)
    return str(text)


def _count_of(column: str) -> Callable[[Any], int]:
    def count_of(count: Any) -> int:
        require(type(count) is int and count >= 0, column, count)
        return int(count)

    return count_of


def _url(text: Any) -> str:
    require(isinstance(text, str), "url", text)
    try:
        parse_url(text)
    except ValueError as error:
        raise UnreadableRow(f"url is not valid: {error}") from error
    return str(text)


def _parameters(text: object) -> ParameterPairs:
    try:
        parameters = _pairs(text)
    except (TypeError, ValueError) as error:
        raise UnreadableRow("parameters are not pairs of JSON strings") from error
    missing = STORED_PARAMETERS - dict(parameters).keys()
    require(not missing, "parameters", parameters)
    return parameters


def _pairs(text: Any) -> ParameterPairs:
    pairs = tuple((name, value) for name, value in orjson.loads(text))
    if not all(isinstance(name, str) and isinstance(value, str) for name, value in pairs):
        raise TypeError("not strings")
    return pairs


def _fault(text: Any) -> Effect:
    try:
        return callback_effect_from_dict(orjson.loads(text))
    except ERRORS as error:
        raise UnreadableRow(f"fault is {text!r}"[:MAX_REASON_CHARACTERS]) from error


def _signed_port(policy: str | None, account_sid: str) -> SignedPort | None:
    return readable_policy(policy, account_sid).callback_signed_port


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def hops_text(hops: Sequence[CallbackHop]) -> str | None:
    """Serialize the requests of an attempt for its `hops` column. Return None if the attempt made no requests."""
    return _json([*map(_hop_values, hops)]) if hops else None


def hops_of(text: str | None) -> tuple[CallbackHop, ...]:
    """Parse the requests in the `hops` column of an attempt."""
    return () if text is None else tuple(_hop(*row) for row in orjson.loads(text))


def _hop(method: str, url: str, headers: Iterable[tuple[str, str]], *answer: Any) -> CallbackHop:
    return CallbackHop(method, url, tuple((name, value) for name, value in headers), *answer)


CALLBACKS = RowMapper(
    StatusCallback,
    [
        *columns(status_callbacks, "call_sid", "account_sid", "url", "method", "parameters", "idempotency_token"),
        *columns(status_callbacks, "attempts", "earlier_attempts", "fault"),
        *columns(accounts, "auth_token", "has_faults", "policy", "webhook_signing", "secondary_auth_token"),
    ],
    method=Field(_method),
    idempotency_token=Field(_token),
    attempts=Field(_count_of("attempts")),
    earlier_attempts=Field(_count_of("earlier_attempts")),
    url=Field(_url),
    parameters=Field(_parameters),
    fault=Field(_fault, optional=True),
    account_has_faults=Field(bool, ("has_faults",)),
    signed_port=Field(_signed_port, ("policy", "account_sid")),
    webhook_signing=Field(readable_webhook_signing, ("webhook_signing", "account_sid"), optional=True),
)
"""Row mapper for StatusCallbacks. Raises UnreadableRow."""

ATTEMPTS = RowMapper(
    CallbackAttempt,
    columns(callback_attempts, *(str(column.name) for column in callback_attempts.c if column.name != "call_sid")),
    headers=Field(_pairs, write=_json),
    hops=Field(hops_of, write=hops_text),
)
attempt_values = ATTEMPTS.writer(*ATTEMPTS.names)
"""Return the values of an attempt by column name."""

IS_LAST_ATTEMPT = and_(
    callback_attempts.c.call_sid == status_callbacks.c.call_sid,
    callback_attempts.c.number == status_callbacks.c.attempts,
)


def _summary(
    status: str,
    attempts: int,
    fault: str | None,
    status_code: int | None,
    error: str | None,
    hops: str | None,
) -> CallbackSummary | None:
    if status is None:
        return None
    try:
        requests, effect = hops_of(hops), callback_effect_from_dict(orjson.loads(fault)) if fault else None
        is_sent = status_code is not None or any(hop.is_sent for hop in requests)
        is_valid = requests[-1].is_signature_valid if requests else None
        if is_valid is None:
            is_valid = not (isinstance(effect, AlterSignature) and _is_invalidated(effect.flaw, requests))
        return CallbackSummary(
            status=CallbackStatus(status),
            attempts=attempts,
            status_code=status_code,
            error=error,
            fault=effect,
            is_signature_valid=is_valid if is_sent else None,
            redirects=max(0, len(requests) - 1),
        )
    except ERRORS:
        return CallbackSummary(CallbackStatus.FAILED, 0, None, UNREADABLE, None, None, 0)


def _is_invalidated(flaw: SignatureFlaw, requests: Sequence[CallbackHop]) -> bool:
    """Return whether a flaw made a signature invalid. WITHOUT_PORT has no effect on a URL without a port."""
    return flaw != SignatureFlaw.WITHOUT_PORT or not requests or has_port(requests[-1].url)


SUMMARIES = RowMapper(
    _summary,
    [
        *columns(status_callbacks, "status", "attempts", "fault"),
        *columns(callback_attempts, "status_code", "error", "hops"),
    ],
)
"""Row mapper for summaries. It returns None if the columns are NULL, because the call does not have a callback yet."""
SUMMARY = Statement(
    select(*SUMMARIES.columns)
    .select_from(status_callbacks)
    .outerjoin(callback_attempts, IS_LAST_ATTEMPT)
    .where(status_callbacks.c.call_sid == bindparam("sid"))
)
