"""Registration of tables and columns: their `info` holds what the rest of storage must know.

Resets, deletion, snapshots and the statements of calls derive from `info`, so that a new table is registered once.
"""

from enum import Enum
from typing import Any, NamedTuple

from sqlalchemy import Column, Table


class Reset(Enum):
    """Effect of an account's reset on its rows in a table."""

    DELETED = "a reset deletes the rows of the account"
    CASCADED = "a foreign key deletes the rows together with those that they refer to"
    KEPT = "only the deletion of the account deletes the rows"


class Registration(NamedTuple):
    """The registration of a table.

    `added_in` is the revision that added the table if ringback 0.1.0 does not have it: older snapshots lack the table.
    """

    reset: Reset
    in_snapshot: bool
    added_in: str


class Mutability(Enum):
    """When a column of a call may change."""

    IMMUTABLE = "never"
    MUTABLE = "while the call is in progress, and when it ends"
    FINAL = "when the call ends"


def registered(*, reset: Reset, in_snapshot: bool = True, added_in: str = "") -> dict[str, Any]:
    """Return the `info` that registers a table: its reset, and whether it is in snapshots."""
    return {"registration": Registration(reset, in_snapshot, added_in)}


def registration_of(table: Table) -> Registration:
    """Return the registration of a table. Raises TypeError for an unregistered table."""
    registration: Registration | None = table.info.get("registration")
    if registration is None:
        raise TypeError(f"the definition of the table {table.name} needs info=registered(reset=...)")
    return registration


def added_in(revision: str) -> dict[str, Any]:
    """Return the `info` of a column that this revision added: it is NULL in the rows of older snapshots."""
    return {"added_in": revision}


def revision_of(column: Column[Any]) -> str:
    """Return the revision that added a column, or an empty string for the columns of ringback 0.1.0."""
    return str(column.info.get("added_in", ""))


MUTABLE = {"mutability": Mutability.MUTABLE}
"""The `info` of a call's column that changes while the call is in progress."""
FINAL = {"mutability": Mutability.FINAL}
"""The `info` of a call's column that only the end of the call changes."""


def mutability_of(column: Column[Any]) -> Mutability:
    """Return when a column of a call may change."""
    return Mutability(column.info.get("mutability", Mutability.IMMUTABLE))
