"""The whole state as plain values, and back: every row of every table, some at a time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, insert, select, text

from ringback.domain.timestamps import Timestamp
from ringback.storage.errors import InvalidSnapshot
from ringback.storage.journal_tables import events, faults, inbox_messages, requests
from ringback.storage.statements import Statement, column_parameters
from ringback.storage.stepwise import Steps
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
from ringback.storage.unit_of_work import UnitOfWork

TableRows = Mapping[str, Iterable[Sequence[Mapping[str, Any]]]]
"""The rows of each table by its name, some at a time, each row's values by the names of their columns."""

ROWS_AT_ONCE, TEXT_AT_ONCE = 50, 64 * 1024
"""How many rows, and how many characters of their texts, are read or written in one step."""

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
COLUMNS = {str(table.name): [str(column.name) for column in table.c] for table in TABLES}
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


def read_table(unit_of_work: UnitOfWork, name: str) -> Iterator[list[dict[str, Any]]]:
    """Return every row of a table, some at a time, in the order of their keys."""
    columns, rows, characters = COLUMNS[name], list[dict[str, Any]](), 0
    for values in unit_of_work.rows(_READ[name]):
        rows.append(dict(zip(columns, values, strict=True)))
        characters += sum(len(value) for value in values if isinstance(value, str))
        if len(rows) == ROWS_AT_ONCE or characters > TEXT_AT_ONCE:
            yield rows
            rows, characters = [], 0
    if rows:
        yield rows


def write_tables(unit_of_work: UnitOfWork, tables: TableRows, *, system_now: Timestamp) -> Steps[None]:
    """Add these rows, of tables and columns that are the schema's, to tables that are empty.

    A callback that was being sent is due at once. Raises InvalidSnapshot if a row cannot be stored.
    """
    for name in _ADD:
        batches = tables[name]
        if name == accounts.name:
            yield from _write_accounts(unit_of_work, batches)
            continue
        is_released = name == status_callbacks.name
        for rows in batches:
            yield from _write(unit_of_work, name, [_released(row, system_now) for row in rows] if is_released else rows)
    if not unit_of_work.is_embedded:
        for statement in _COUNT_ON:
            unit_of_work.all(statement)


def _write(unit_of_work: UnitOfWork, name: str, rows: Sequence[Mapping[str, Any]]) -> Steps[None]:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        try:
            unit_of_work.change_all(_ADD[name], rows[start : start + ROWS_AT_ONCE])
        except unit_of_work.data_errors as error:
            reason = str(error).partition("\n")[0]
            raise InvalidSnapshot(f"a row of {name} cannot be stored: {reason}") from error
        yield


def _write_accounts(unit_of_work: UnitOfWork, batches: Iterable[Sequence[Mapping[str, Any]]]) -> Steps[None]:
    """Add accounts after their parents; those whose parents are missing come last, and are refused by the database."""
    written: set[str | None] = {None}
    waiting: list[Sequence[Mapping[str, Any]]] = []
    for rows in batches:
        waiting.append(rows)
        yield
    while waiting:
        later: list[Sequence[Mapping[str, Any]]] = []
        has_written = False
        for rows in waiting:
            ready = [row for row in rows if row["parent_sid"] in written]
            yield from _write(unit_of_work, accounts.name, ready)
            written.update(row["sid"] for row in ready)
            has_written = has_written or bool(ready)
            if len(ready) < len(rows):
                later.append([row for row in rows if row["parent_sid"] not in written or row["sid"] not in written])
        if not has_written:
            for rows in later:
                yield from _write(unit_of_work, accounts.name, rows)
            return
        waiting = later


def _released(callback: Mapping[str, Any], system_now: Timestamp) -> Mapping[str, Any]:
    """Return a callback's row without its lease: the process that held it is not this one."""
    if callback["leased_until"] is None or callback["due_at"] is None:
        return callback
    return {**callback, "due_at": system_now, "leased_until": None}
