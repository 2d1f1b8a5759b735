"""Registration of tables and columns: `info` holds the properties that other modules of `storage` depend on.

Resets, deletion, snapshots and the statements for calls are derived from `info`, so that a new table is registered in
one place.
"""

from enum import Enum
from typing import Any, NamedTuple

from sqlalchemy import Column, Table


class Reset(Enum):
    """Effect of a reset on an account's rows in a table."""

    DELETED = "a reset deletes the rows of the account"
    CASCADED = "a foreign key deletes the rows together with the rows that they reference"
    KEPT = "the rows are deleted only when the account is deleted"


class Registration(NamedTuple):
    """The registration of a table.

    `added_in` is the revision that added the table, or empty if ringback 0.1.0 has the table. Older snapshots do not
    contain the table.
    """

    reset: Reset
    in_snapshot: bool
    added_in: str


class Mutability(Enum):
    """The phase of a call in which a column may change."""

    IMMUTABLE = "never"
    MUTABLE = "while the call is in progress, and when it ends"
    FINAL = "when the call ends"


def registered(*, reset: Reset, in_snapshot: bool = True, added_in: str = "") -> dict[str, Any]:
    """Return the `info` that registers a table."""
    return {"registration": Registration(reset, in_snapshot, added_in)}


def registration_of(table: Table) -> Registration:
    """Return the registration of a table. Raises TypeError for an unregistered table."""
    registration: Registration | None = table.info.get("registration")
    if registration is None:
        raise TypeError(f"the definition of the table {table.name} needs info=registered(reset=...)")
    return registration


def added_in(revision: str) -> dict[str, Any]:
    """Return the `info` of a column that this revision added. The column is NULL in rows from older snapshots."""
    return {"added_in": revision}


def revision_of(column: Column[Any]) -> str:
    """Return the revision that added a column, or an empty string for the columns of ringback 0.1.0."""
    return str(column.info.get("added_in", ""))


MUTABLE = {"mutability": Mutability.MUTABLE}
"""The `info` of a column that may change while a call is in progress."""
FINAL = {"mutability": Mutability.FINAL}
"""The `info` of a column that changes only when a call ends."""


def mutability_of(column: Column[Any]) -> Mutability:
    """Return the phase of a call in which a column may change."""
    return Mutability(column.info.get("mutability", Mutability.IMMUTABLE))
