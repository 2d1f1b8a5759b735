"""The whole state as plain values, and back: every row of every table."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, text

from ringback.storage.journals import events, faults, inbox_messages, requests
from ringback.storage.statements import Statement, column_parameters
from ringback.storage.tables import (
    accounts,
    api_keys,
    callback_attempts,
    outgoing_caller_ids,
    phone_rules,
    phone_scripts,
    status_callbacks,
    validation_calls,
)

if TYPE_CHECKING:
    from ringback.storage.unit_of_work import UnitOfWork

State = Mapping[str, Sequence[Mapping[str, Any]]]
"""The rows of each table by its name, each row's values by the names of their columns."""

Rows = Mapping[str, Sequence[tuple[Any, ...]]]
"""The rows of each table by its name, each row's values in the order of the columns."""

TABLES = (
    accounts,
    api_keys,
    outgoing_caller_ids,
    validation_calls,
    status_callbacks,
    callback_attempts,
    phone_rules,
    phone_scripts,
    faults,
    events,
    requests,
    inbox_messages,
)
_COLUMNS = {str(table.name): [str(column.name) for column in table.c] for table in TABLES}
_READ = {str(table.name): Statement(select(table).order_by(*table.primary_key.columns)) for table in TABLES}
_ADD = {str(table.name): Statement(insert(table).values(column_parameters(table))) for table in TABLES}
_KEYS_LATER = Statement(text("PRAGMA defer_foreign_keys = ON"))
_MISSING_KEYS = Statement(text("PRAGMA foreign_key_check"))


class UnfitState(Exception):
    """What was given is no state that can be stored."""


def read_rows(unit_of_work: "UnitOfWork") -> Rows:
    """Return every row of every table, in the order of their keys."""
    return {name: unit_of_work.all(statement) for name, statement in _READ.items()}


def named(rows: Rows) -> State:
    """Return rows with the names of their columns."""
    return {name: [dict(zip(columns, row, strict=True)) for row in rows[name]] for name, columns in _COLUMNS.items()}


def check_columns(state: State) -> None:
    """Raise UnfitState where the tables or columns are not those that `named` returns."""
    if set(state) != set(_COLUMNS):
        raise UnfitState("its tables are others")
    for name, columns in _COLUMNS.items():
        if any(row.keys() != set(columns) for row in state[name]):
            raise UnfitState(f"the columns of {name} are others")


def write_state(unit_of_work: "UnitOfWork", state: State) -> None:
    """Put `state`, which `check_columns` let pass, in the place of all there is, within the present unit of work.

    Raises UnfitState where its values are not those that `named` returns.
    """
    unit_of_work.accounts.delete_all()
    unit_of_work.change(_KEYS_LATER)
    for name, statement in _ADD.items():
        try:
            unit_of_work.change_all(statement, state[name])
        except (sqlite3.IntegrityError, OverflowError) as error:
            raise UnfitState(f"a row of {name} cannot be stored: {error}") from error
    missing = unit_of_work.first(_MISSING_KEYS)
    if missing:
        raise UnfitState(f"a row of {missing[0]} belongs to none of {missing[2]}")
