"""Whether the rows of a snapshot hold only what ringback writes, so that they can be read when they are there."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Float, Integer

from ringback.domain.accounts import AccountStatus
from ringback.domain.timestamps import EARLIEST, LATEST, from_datetime
from ringback.domain.urls import parse_url
from ringback.storage.account_repository import policy_of
from ringback.storage.call_rows import CALL_COLUMNS, EVENTS, call_of
from ringback.storage.callback_rows import (
    ATTEMPT_COLUMNS,
    CALLBACK_COLUMNS,
    METHODS,
    attempt_of,
    callback_of,
    callback_status,
)
from ringback.storage.errors import InvalidSnapshot
from ringback.storage.event_repository import event_of
from ringback.storage.fault_repository import fault_of
from ringback.storage.inbox_repository import SHOWN, message_of
from ringback.storage.phone_repository import is_phone_duration, rule_of
from ringback.storage.request_repository import request_parameters_of
from ringback.storage.snapshots import TABLES
from ringback.storage.unreadable_rows import ERRORS, reason_of, require

Row = Mapping[str, Any]

LEAST_OFFSET, MOST_OFFSET = (
    from_datetime(datetime(2, 1, 1, tzinfo=UTC)),
    LATEST - from_datetime(datetime(2500, 1, 1, tzinfo=UTC)),
)
"""With such an offset a clock shows what can be written as a date, from 1970 to 2500 by the machine's clock."""
_INSTANT_NAMES = re.compile(r"at|.*_at|date_.*|leased_until")
_E164 = re.compile(r"\+[1-9][0-9]{1,14}")

_COLUMNS: Mapping[str, Mapping[str, Column[Any]]] = {
    str(table.name): {str(column.name): column for column in table.c} for table in TABLES
}


def check_row(table: str, place: int, row: Row) -> None:
    """Raise InvalidSnapshot if a row with the schema's columns could not be read once it is stored."""
    try:
        for name, column in _COLUMNS[table].items():
            _check_type(column, row[name])
        if check := _CHECKS.get(table):
            check(row)
    except ERRORS as error:
        raise InvalidSnapshot(f"tables.{table}.{place}: {reason_of(error)}") from error


def _check_type(column: Column[Any], value: object) -> None:
    if value is None:
        require(column.nullable, str(column.name), value)
    elif isinstance(column.type, Integer | BigInteger):
        require(type(value) is int, str(column.name), value)
        if _INSTANT_NAMES.fullmatch(str(column.name)):
            _check_instant(str(column.name), value)
    elif isinstance(column.type, Float):
        require(type(value) in {int, float}, str(column.name), value)
    else:
        require(isinstance(value, str), str(column.name), value)


def _check_instant(column: str, value: Any) -> None:
    require(isinstance(value, int) and EARLIEST <= value <= LATEST, column, value)


def _check_account(row: Row) -> None:
    require(LEAST_OFFSET <= row["clock_offset"] <= MOST_OFFSET, "clock_offset", row["clock_offset"])
    AccountStatus(row["status"])
    policy_of(row["policy"])


def _check_call(row: Row) -> None:
    call = call_of(tuple(row[column.name] for column in CALL_COLUMNS))
    require(_E164.fullmatch(call.phone_number), "phone_number", call.phone_number)
    require(call.status_callback_method in METHODS, "status_callback_method", call.status_callback_method)
    if call.status_callback is not None:
        parse_url(call.status_callback)
    for entry in call.timeline:
        _check_instant("timeline", entry.at)
    if call.phone:
        for seconds in (call.phone.ring_seconds, call.phone.key_seconds):
            require(is_phone_duration(seconds), "phone", row["phone"])
    require(row["due_event"] is None or row["due_event"] in EVENTS, "due_event", row["due_event"])


def _check_callback(row: Row) -> None:
    others = {"auth_token": "", "has_faults": 0}
    callback_of(tuple({**row, **others}[str(column.name)] for column in CALLBACK_COLUMNS))
    callback_status(row["status"])


def _check_attempt(row: Row) -> None:
    attempt_of(tuple(row[str(column.name)] for column in ATTEMPT_COLUMNS))


def _check_rule(row: Row) -> None:
    rule_of((row["behavior"], row["ring_seconds"], row["key_seconds"], row["extension"]))


def _check_fault(row: Row) -> None:
    names = ("id", "operation", "effect", "times_left", "probability", "chances", "strikes", "date_created")
    fault_of(tuple(row[name] for name in names))


def _check_event(row: Row) -> None:
    event_of((row["id"], row["at"], row["type"], row["call_sid"], row["data"]))


def _check_request(row: Row) -> None:
    request_parameters_of(row["parameters"])


def _check_message(row: Row) -> None:
    message_of((row["id"], *(row[name] for name in SHOWN)))


_CHECKS: Mapping[str, Callable[[Row], None]] = {
    "accounts": _check_account,
    "validation_calls": _check_call,
    "status_callbacks": _check_callback,
    "callback_attempts": _check_attempt,
    "phone_rules": _check_rule,
    "phone_scripts": _check_rule,
    "faults": _check_fault,
    "events": _check_event,
    "requests": _check_request,
    "inbox_messages": _check_message,
}
