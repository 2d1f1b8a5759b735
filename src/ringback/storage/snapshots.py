"""The whole state as plain values, and back: every row of every table."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, insert, select, text

from ringback.stepwise import finish
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
_COUNTED = tuple(table for table in TABLES if isinstance(table.primary_key.columns.values()[0].type, BigInteger))
"""The tables whose rows get their ids by counting: PostgreSQL does not see how far a restored one has come."""
_COUNT_ON = tuple(
    Statement(
        text(
            f"SELECT setval(counter, greatest((SELECT max(id) FROM {table.name}), nextval(counter)))"  # noqa: S608
            f" FROM CAST(pg_get_serial_sequence('{table.name}', 'id') AS regclass) AS counter"
        )
    )
    for table in _COUNTED
)


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
    finish(unit_of_work.accounts.delete_all())
    for name, statement in _ADD.items():
        rows = _parents_first(state[name]) if name == accounts.name else state[name]
        try:
            unit_of_work.change_all(statement, rows)
        except unit_of_work.refusals as error:
            reason = str(error).partition("\n")[0]
            raise UnfitState(f"a row of {name} cannot be stored: {reason}") from error
    if not unit_of_work.is_embedded:
        for statement in _COUNT_ON:
            unit_of_work.all(statement)


def _parents_first(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return accounts in an order in which they can be stored: those whose parents are missing come last."""
    placed: dict[str, Mapping[str, Any]] = {}
    left = list(rows)
    while left:
        fit = [row for row in left if row["parent_sid"] is None or row["parent_sid"] in placed]
        placed |= {row["sid"]: row for row in fit or left}
        left = [row for row in left if row["sid"] not in placed]
    return list(placed.values())
