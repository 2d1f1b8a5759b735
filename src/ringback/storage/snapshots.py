"""Export and restore every row of every table as plain values, and upgrade rows of older snapshots."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table, and_, false, insert, or_, select, text

from ringback.domain.timestamps import Timestamp
from ringback.storage.errors import InvalidSnapshot, UnrestorableRow
from ringback.storage.journal_tables import TABLES
from ringback.storage.registration import registration_of, revision_of
from ringback.storage.statements import Statement, column_parameters
from ringback.storage.stepwise import Steps
from ringback.storage.tables import HEAD, accounts, status_callbacks
from ringback.storage.unit_of_work import UnitOfWork
from ringback.storage.unreadable_rows import MAX_REASON_CHARACTERS

TableRows = Mapping[str, Iterable[Sequence[Mapping[str, Any]]]]
"""Batches of rows by table name. Each row maps column names to values."""

ROWS_AT_ONCE, TEXT_AT_ONCE = 50, 64 * 1024
"""Limits on one step: the number of rows, and the number of characters in them."""
VERSIONS = (HEAD, "20261127_an_accounts_policy")
"""Revisions whose snapshots can be restored: the current revision, and the revision of ringback 0.1.0."""

SNAPSHOT_TABLES = tuple(table for table in TABLES if registration_of(table).in_snapshot)
COLUMNS = {str(table.name): [str(column.name) for column in table.c] for table in SNAPSHOT_TABLES}
_KEYS = {str(table.name): [str(column.name) for column in table.primary_key.columns] for table in SNAPSHOT_TABLES}
_ADD = {str(table.name): Statement(insert(table).values(column_parameters(table))) for table in SNAPSHOT_TABLES}
_SET_COUNTERS = tuple(
    Statement(
        text(
            f"SELECT setval(counter, greatest((SELECT max(id) FROM {table.name}), nextval(counter)))"  # noqa: S608
            f" FROM CAST(pg_get_serial_sequence('{table.name}', 'id') AS regclass) AS counter"
        )
    )
    for table in SNAPSHOT_TABLES
    if table.autoincrement_column is not None
)
"""PostgreSQL's sequences do not advance when rows are restored with their ids."""


def _read(table: Table) -> Statement:
    """Return the query for all rows of a table, in the order of their keys.

    The last column of the result is true if a row that the row references is missing.
    """
    joined: FromClause = table
    is_missing: list[ColumnElement[bool]] = []
    for place, key in enumerate(sorted(table.foreign_keys, key=lambda key: str(key.parent.name))):
        parent = key.column.table.alias(f"parent_{place}")
        parent_key = parent.c[str(key.column.name)]
        joined = joined.join(parent, key.parent == parent_key, isouter=True)
        is_missing.append(and_(key.parent.is_not(None), parent_key.is_(None)))
    rows = select(table, or_(false(), *is_missing)).select_from(joined)
    return Statement(rows.order_by(*table.primary_key.columns))


_READ = {str(table.name): _read(table) for table in SNAPSHOT_TABLES}


def _is_later(revision: str, version: str) -> bool:
    """Return whether a revision is later than `version`, one of `VERSIONS`. Revisions begin with their date."""
    return version != HEAD and revision > version


ADDED_COLUMNS: dict[str, dict[str, dict[str, None]]] = {
    version: {
        str(table.name): {str(column.name): None for column in table.c if _is_later(revision_of(column), version)}
        for table in SNAPSHOT_TABLES
        if not _is_later(registration_of(table).added_in, version)
    }
    for version in VERSIONS
}
"""The tables that the snapshots of each version have, each with the columns that were added after that version."""


def tables_of(version: str) -> set[str]:
    """Return the names of the tables in a snapshot of `version`, one of `VERSIONS`."""
    return set(ADDED_COLUMNS[version])


def upgrade_row(version: str, table: str, row: dict[str, Any]) -> dict[str, Any]:
    """Add the columns that a row from a snapshot of `version` lacks. `version` is one of `VERSIONS`."""
    added = ADDED_COLUMNS[version][table]
    return {**added, **row} if added else row


def unrestorable(table: str, row: Mapping[str, Any], reason: str) -> UnrestorableRow:
    """Return the error for a row that a restore would refuse."""
    key = ", ".join(f"{name} {row[name]!r}"[:MAX_REASON_CHARACTERS] for name in _KEYS[table])
    return UnrestorableRow(f"the row of {table} with {key} cannot be restored: {reason}")


def read_table(unit_of_work: UnitOfWork, name: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a table in batches, in the order of their keys.

    Raises UnrestorableRow for a row whose parent is missing, and for an account that is its own ancestor. A database
    that was edited with another program may contain such rows.
    """
    columns, rows, characters = COLUMNS[name], list[dict[str, Any]](), 0
    parents: dict[str, str] = {}
    for *values, is_orphan in unit_of_work.rows(_READ[name]):
        rows.append(dict(zip(columns, values, strict=True)))
        if is_orphan:
            raise unrestorable(name, rows[-1], "the row that it belongs to is missing")
        if parent_sid := rows[-1].get(accounts.c.parent_sid.name):
            parents[rows[-1]["sid"]] = parent_sid
        characters += sum(len(value) for value in values if isinstance(value, str))
        if len(rows) == ROWS_AT_ONCE or characters > TEXT_AT_ONCE:
            yield rows
            rows, characters = [], 0
    if rows:
        yield rows
    if cyclic_sid := _find_cycle(parents):
        raise unrestorable(name, {"sid": cyclic_sid}, "the account is its own ancestor")


def _find_cycle(parents: Mapping[str, str]) -> str | None:
    """Return the SID of an account that is its own ancestor, or None. `parents` maps subaccounts to their parents."""
    checked: set[str] = set()
    for account_sid in parents:
        path: set[str] = set()
        sid = account_sid
        while sid in parents and sid not in checked:
            if sid in path:
                return sid
            path.add(sid)
            sid = parents[sid]
        checked |= path
    return None


def write_tables(unit_of_work: UnitOfWork, tables: TableRows, *, system_now: Timestamp) -> Steps[None]:
    """Insert rows with the schema's columns into empty tables. Tables that are not in `tables` stay empty.

    A callback that was being sent when the snapshot was taken is due immediately. Raises InvalidSnapshot if a row
    cannot be stored.
    """
    for name in _ADD:
        batches = tables.get(name, ())
        if name == accounts.name:
            yield from _write_accounts(unit_of_work, batches)
            continue
        is_released = name == status_callbacks.name
        for rows in batches:
            yield from _write(unit_of_work, name, [_released(row, system_now) for row in rows] if is_released else rows)
    if not unit_of_work.is_embedded:
        for statement in _SET_COUNTERS:
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
    """Insert each account after its parent. Raises InvalidSnapshot for a missing parent and for a cycle of parents."""
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
        if later and not has_written:
            row = later[0][0]
            reason = f"its parent account {row['parent_sid']} is missing, or is a subaccount of it"
            raise InvalidSnapshot(f"the account {row['sid']} cannot be stored: {reason}")
        waiting = later


def _released(callback: Mapping[str, Any], system_now: Timestamp) -> Mapping[str, Any]:
    """Return a callback's row without its lease, which belonged to another process."""
    if callback["leased_until"] is None or callback["due_at"] is None:
        return callback
    return {**callback, "due_at": system_now, "leased_until": None}
