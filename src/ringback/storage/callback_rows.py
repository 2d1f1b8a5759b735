"""StatusCallbacks and their attempts as rows, and back."""

from typing import Any

import orjson

from ringback.domain.callback_hops import Parameters
from ringback.domain.callbacks import GEOGRAPHY_FOLLOWS, PARTIES, CallbackAttempt, CallbackStatus, StatusCallback
from ringback.domain.faults import Effect, callback_effect_from_dict
from ringback.domain.urls import parse_url
from ringback.storage.callback_hops import hops_of
from ringback.storage.statements import columns
from ringback.storage.tables import accounts, callback_attempts
from ringback.storage.tables import status_callbacks as table
from ringback.storage.unreadable_rows import ERRORS, MAX_REASON_CHARACTERS, UnreadableRow, require

METHODS = frozenset({"GET", "POST"})

CALLBACK_COLUMNS = (
    table.c.call_sid,
    table.c.account_sid,
    accounts.c.auth_token,
    table.c.url,
    table.c.method,
    table.c.parameters,
    table.c.idempotency_token,
    table.c.attempts,
    table.c.earlier_attempts,
    accounts.c.has_faults,
    table.c.fault,
)
ATTEMPT_COLUMNS = columns(
    callback_attempts,
    "number",
    "at",
    "method",
    "url",
    "headers",
    "status_code",
    "answer",
    "elapsed_ms",
    "error",
    "hops",
)


def callback_of(row: tuple[Any, ...]) -> StatusCallback:
    """Return the StatusCallback of a row that begins with CALLBACK_COLUMNS. Raises UnreadableRow."""
    sid, account_sid, auth_token, url, method, parameters, token, made, earlier, has_faults, fault = row[
        : len(CALLBACK_COLUMNS)
    ]
    require(method in METHODS, "method", method)
    require(isinstance(token, str), "idempotency_token", token)
    for column, count in (("attempts", made), ("earlier_attempts", earlier)):
        require(type(count) is int and count >= 0, column, count)
    _check_url(url)
    pairs, effect = _parameters(parameters), _effect(fault)
    return StatusCallback(
        sid, account_sid, auth_token, url, method, pairs, token, made, earlier, bool(has_faults), effect
    )


def callback_status(text: Any) -> CallbackStatus:
    """Return the status of a callback. Raises UnreadableRow."""
    try:
        return CallbackStatus(text)
    except ValueError as error:
        raise UnreadableRow(f"status is {text!r}"[:MAX_REASON_CHARACTERS]) from error


def _check_url(url: object) -> None:
    require(isinstance(url, str), "url", url)
    try:
        parse_url(str(url))
    except ValueError as error:
        raise UnreadableRow(f"url is not valid: {error}") from error


def _parameters(text: object) -> Parameters:
    try:
        parameters = _pairs(text)
    except (TypeError, ValueError) as error:
        raise UnreadableRow("parameters are not pairs of text in JSON") from error
    missing = {*PARTIES, GEOGRAPHY_FOLLOWS} - dict(parameters).keys()
    require(not missing, "parameters", parameters)
    return parameters


def _effect(text: Any) -> Effect | None:
    if text is None:
        return None
    try:
        return callback_effect_from_dict(orjson.loads(text))
    except ERRORS as error:
        raise UnreadableRow(f"fault is {text!r}"[:MAX_REASON_CHARACTERS]) from error


def attempt_of(row: tuple[Any, ...]) -> CallbackAttempt:
    """Return the attempt of a row of ATTEMPT_COLUMNS."""
    number, at, method, url, headers, status_code, answer, elapsed_ms, error, hops = row
    return CallbackAttempt(
        number, at, method, url, _pairs(headers), status_code, answer, elapsed_ms, error, hops_of(hops)
    )


def _pairs(text: Any) -> Parameters:
    pairs = tuple((name, value) for name, value in orjson.loads(text))
    if not all(isinstance(name, str) and isinstance(value, str) for name, value in pairs):
        raise TypeError("not text")
    return pairs
