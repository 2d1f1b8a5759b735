"""StatusCallbacks and their attempts as rows, and back."""

from typing import Any

import orjson

from ringback.domain.callback_hops import Parameters
from ringback.domain.callbacks import CallbackAttempt, StatusCallback
from ringback.domain.faults import effect_of
from ringback.storage.callback_hops import hops_of
from ringback.storage.statements import columns
from ringback.storage.tables import accounts, callback_attempts
from ringback.storage.tables import status_callbacks as table

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
    """Return the StatusCallback of a row that begins with CALLBACK_COLUMNS."""
    sid, account_sid, auth_token, url, method, parameters, token, made, earlier, has_faults, fault = row[
        : len(CALLBACK_COLUMNS)
    ]
    pairs, effect = _pairs(parameters), effect_of(orjson.loads(fault)) if fault else None
    return StatusCallback(
        sid, account_sid, auth_token, url, method, pairs, token, made, earlier, bool(has_faults), effect
    )


def attempt_of(row: tuple[Any, ...]) -> CallbackAttempt:
    """Return the attempt of a row of ATTEMPT_COLUMNS."""
    number, at, method, url, headers, status_code, answer, elapsed_ms, error, hops = row
    return CallbackAttempt(
        number, at, method, url, _pairs(headers), status_code, answer, elapsed_ms, error, hops_of(hops)
    )


def _pairs(text: str) -> Parameters:
    return tuple((name, value) for name, value in orjson.loads(text))
