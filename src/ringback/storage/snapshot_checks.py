"""Validation of a snapshot's rows: they must hold only values that ringback writes, so that they can be read later."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Float, Integer

from ringback.domain.accounts import AccountStatus
from ringback.domain.caller_ids import friendly_name_error
from ringback.domain.oauth import LONGEST_LIFETIME_SECONDS, SHORTEST_LIFETIME_SECONDS
from ringback.domain.operations import Operation
from ringback.domain.secrets import SECRET_MAX_CHARACTERS
from ringback.domain.sids import INCOMING_PHONE_NUMBER, OAUTH_APP, is_sid
from ringback.domain.timestamps import EARLIEST, LATEST, from_datetime
from ringback.domain.urls import parse_url
from ringback.domain.webhook_signing import SHARED_KEY_SID
from ringback.storage.account_repository import policy_of
from ringback.storage.api_key_repository import access_of
from ringback.storage.call_repository import CALLS, EVENTS
from ringback.storage.callback_rows import ATTEMPTS, CALLBACKS, METHODS, callback_status
from ringback.storage.errors import InvalidSnapshot
from ringback.storage.event_repository import EVENTS as LOG_EVENTS
from ringback.storage.fault_repository import FAULTS, fault_of
from ringback.storage.inbox_repository import MESSAGE_COLUMNS, message_of
from ringback.storage.oauth_app_repository import scopes_of
from ringback.storage.phone_repository import RULES, is_phone_duration
from ringback.storage.request_repository import request_parameters_of
from ringback.storage.snapshots import SNAPSHOT_TABLES, unrestorable
from ringback.storage.tables import validation_calls
from ringback.storage.unreadable_rows import ERRORS, UnreadableRow, reason_of, require
from ringback.storage.webhook_signing_column import webhook_signing_of

Row = Mapping[str, Any]

LEAST_OFFSET, MOST_OFFSET = (
    from_datetime(datetime(2, 1, 1, tzinfo=UTC)),
    LATEST - from_datetime(datetime(2500, 1, 1, tzinfo=UTC)),
)
"""Limits on a clock's offset. Within them, the account's time can be formatted while the system clock is between
1970 and 2500."""
LEAST_REAL_DUE = EARLIEST - MOST_OFFSET
"""Earliest system time at which a call can be due, because an account's clock may be set thousands of years ahead."""
_INSTANT_NAMES = re.compile(r"at|.*_at|date_.*|leased_until")
_E164 = re.compile(r"\+[1-9][0-9]{1,14}")

_COLUMNS: Mapping[str, Mapping[str, Column[Any]]] = {
    str(table.name): {str(column.name): column for column in table.c} for table in SNAPSHOT_TABLES
}


def check_row(table: str, place: int, row: Row) -> None:
    """Raise InvalidSnapshot if a row with the schema's columns would be unreadable once it is stored."""
    try:
        _check_values(table, row)
    except ERRORS as error:
        raise InvalidSnapshot(f"tables.{table}.{place}: {reason_of(error)}") from error


def check_stored_row(table: str, row: Row) -> None:
    """Raise UnrestorableRow for a stored row that `check_row` would refuse if it were in a snapshot."""
    try:
        _check_values(table, row)
    except ERRORS as error:
        raise unrestorable(table, row, reason_of(error)) from error


def _check_values(table: str, row: Row) -> None:
    for name, column in _COLUMNS[table].items():
        _check_type(column, row[name])
    if check := CHECKS.get(table):
        check(row)


def _check_type(column: Column[Any], value: Any) -> None:
    if value is None:
        require(column.nullable, str(column.name), value)
    elif isinstance(column.type, Integer | BigInteger):
        require(type(value) is int, str(column.name), value)
        if column is validation_calls.c.real_due_at:
            require(LEAST_REAL_DUE <= value <= LATEST, str(column.name), value)
        elif _INSTANT_NAMES.fullmatch(str(column.name)):
            _check_instant(str(column.name), value)
    elif isinstance(column.type, Float):
        require(type(value) in {int, float} and math.isfinite(value), str(column.name), value)
    else:
        require(isinstance(value, str), str(column.name), value)


def _check_instant(column: str, value: Any) -> None:
    require(isinstance(value, int) and EARLIEST <= value <= LATEST, column, value)


def _check_account(row: Row) -> None:
    require(LEAST_OFFSET <= row["clock_offset"] <= MOST_OFFSET, "clock_offset", row["clock_offset"])
    AccountStatus(row["status"])
    if row["secondary_auth_token"] == row["auth_token"]:
        raise UnreadableRow("secondary_auth_token must differ from auth_token")
    if row["policy"] is not None:
        policy_of(row["policy"])
    if row["webhook_signing"] is not None:
        signing = webhook_signing_of(row["webhook_signing"])
        require(re.fullmatch(SHARED_KEY_SID, signing.key_sid), "webhook_signing.key_sid", signing.key_sid)
        require(1 <= len(signing.secret) <= SECRET_MAX_CHARACTERS, "webhook_signing.secret", "of an invalid length")


def _check_api_key(row: Row) -> None:
    access_of(row["type"], row["permissions"])


def _check_oauth_app(row: Row) -> None:
    require(is_sid(OAUTH_APP, row["client_id"]), "client_id", row["client_id"])
    require(1 <= len(row["client_secret"]) <= SECRET_MAX_CHARACTERS, "client_secret", "of an invalid length")
    lifetime_seconds = row["lifetime_seconds"]
    is_lifetime = SHORTEST_LIFETIME_SECONDS <= lifetime_seconds <= LONGEST_LIFETIME_SECONDS
    require(is_lifetime, "lifetime_seconds", lifetime_seconds)
    scopes_of(row["scopes"])


def _check_incoming_phone_number(row: Row) -> None:
    require(is_sid(INCOMING_PHONE_NUMBER, row["sid"]), "sid", row["sid"])
    require(friendly_name_error(row["friendly_name"]) is None, "friendly_name", row["friendly_name"])
    require(_E164.fullmatch(row["phone_number"]), "phone_number", row["phone_number"])


def _check_call(row: Row) -> None:
    call = CALLS.read_mapping(row)
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
    account = {"auth_token": "", "secondary_auth_token": None, "has_faults": 0, "policy": None}
    CALLBACKS.read_mapping({**row, **account, "webhook_signing": None})
    callback_status(row["status"])


def _check_fault(row: Row) -> None:
    fault_of(tuple(row[name] for name in FAULTS.names))


def _check_request(row: Row) -> None:
    request_parameters_of(row["parameters"])


def _check_used_operation(row: Row) -> None:
    Operation(row["operation"])


def _check_message(row: Row) -> None:
    message_of(tuple(row[str(column.name)] for column in MESSAGE_COLUMNS))


CHECKS: Mapping[str, Callable[[Row], object]] = {
    "accounts": _check_account,
    "api_keys": _check_api_key,
    "oauth_apps": _check_oauth_app,
    "incoming_phone_numbers": _check_incoming_phone_number,
    "validation_calls": _check_call,
    "status_callbacks": _check_callback,
    "callback_attempts": ATTEMPTS.read_mapping,
    "phone_rules": RULES.read_mapping,
    "phone_scripts": RULES.read_mapping,
    "faults": _check_fault,
    "events": LOG_EVENTS.read_mapping,
    "requests": _check_request,
    "used_operations": _check_used_operation,
    "inbox_messages": _check_message,
}
"""Checks that go beyond the column types, by table name. Other tables do not need such checks."""
