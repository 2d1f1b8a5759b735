"""Whether a database's tables are ringback's, another application's, or none yet."""

import re
from collections.abc import Collection
from enum import Enum, auto

from sqlalchemy import text

from ringback.storage.statements import Statement
from ringback.storage.tables import metadata
from ringback.storage.unit_of_work import UnitOfWork

VERSION_TABLE = "alembic_version"
CORE_TABLES = frozenset({"outgoing_caller_ids", "validation_calls"})
"""Tables that every version of ringback has, and hardly another application."""
NAMES_SHOWN = 5
_REVISION = re.compile(r"[0-9]{8}_[A-Za-z0-9_]+")
"""The form of ringback's revisions; alembic's own default is twelve hexadecimal digits."""

SQLITE_TABLES = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND substr(name, 1, 7) <> 'sqlite_'"
_SQLITE_TABLES = Statement(text(SQLITE_TABLES))
_VISIBLE_TABLES = Statement(
    text(
        "SELECT relname FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND pg_table_is_visible(oid) AND relname = ANY(CAST(:names AS text[]))"
    )
)


class SchemaOwner(Enum):
    """The application that made the tables of a database."""

    NOBODY = auto()
    RINGBACK = auto()
    NEWER_RINGBACK = auto()
    ANOTHER_APPLICATION = auto()


def schema_owner(tables: Collection[str], revision: str | None, known_revisions: Collection[str]) -> SchemaOwner:
    """Return who made these tables; `revision` is the row of alembic's table, where it has one."""
    present = set(tables)
    if revision in known_revisions:
        return SchemaOwner.RINGBACK
    if revision is None and present <= {VERSION_TABLE}:
        return SchemaOwner.NOBODY
    has_ringbacks_form = revision is not None and _REVISION.fullmatch(revision) is not None
    if has_ringbacks_form and (present >= CORE_TABLES or present <= {VERSION_TABLE}):
        return SchemaOwner.NEWER_RINGBACK
    return SchemaOwner.ANOTHER_APPLICATION


def present_tables(unit_of_work: UnitOfWork) -> set[str]:
    """Return the tables of an embedded database; of a shared one those that have a name of ringback's tables."""
    if unit_of_work.is_embedded:
        return {name for (name,) in unit_of_work.all(_SQLITE_TABLES)}
    names = [*metadata.tables, VERSION_TABLE]
    return {name for (name,) in unit_of_work.all(_VISIBLE_TABLES, names=names)}


def listed(names: Collection[str]) -> str:
    """Return some of the names, for a message."""
    shown = sorted(names)[:NAMES_SHOWN]
    return ", ".join([*shown, "…"] if len(names) > NAMES_SHOWN else shown)
