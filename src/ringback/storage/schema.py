"""The schema of a database: its revision, its owner, and its migration.

Alembic is imported only for migrations, because the import would make every startup too slow.
"""

import re
from collections.abc import Collection
from enum import Enum, auto
from pathlib import Path
from typing import Any

from sqlalchemy import text

from ringback.storage.database import Database
from ringback.storage.errors import DatabaseUnavailable, redacted
from ringback.storage.journal_tables import TABLES
from ringback.storage.postgresql_grants import check_grants, check_may_create
from ringback.storage.statements import Statement
from ringback.storage.tables import HEAD, VERSION_TABLE
from ringback.storage.unit_of_work import UnitOfWork

_PACKAGE = Path(__file__).parents[1]
_FOLDERS = (_PACKAGE / "migrations", _PACKAGE.parents[1] / "migrations")
"""The folders of the migrations in an installed wheel and in a checkout."""
CORE_TABLES = frozenset({"outgoing_caller_ids", "validation_calls"})
"""Tables that every version of ringback has and that other applications are unlikely to have."""
NAMES_SHOWN = 5
_REVISION = re.compile(r"[0-9]{8}_[A-Za-z0-9_]+")
"""The format of ringback's revision ids. By default, Alembic's ids consist of twelve hexadecimal digits."""

SQLITE_TABLES = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND substr(name, 1, 7) <> 'sqlite_'"
_SQLITE_TABLES = Statement(text(SQLITE_TABLES))
_VISIBLE_TABLES = Statement(
    text(
        "SELECT relname FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND pg_table_is_visible(oid) AND relname = ANY(CAST(:names AS text[]))"
    )
)

ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('ringback migrate'))")
REVISION = Statement(text("SELECT version_num FROM alembic_version"))


def migrations_folder() -> Path:
    """Return the folder of the migrations, in the installed package or next to its source."""
    return next(folder for folder in _FOLDERS if (folder / "env.py").is_file())


def revision(unit_of_work: UnitOfWork) -> str | None:
    """Return the schema revision of a database. Raises the driver's error if the database was never migrated."""
    row = unit_of_work.first(REVISION)
    return row[0] if row else None


def known_revisions() -> set[str]:
    """Return the schema revisions of this version and all earlier versions."""
    return {file.stem for file in (migrations_folder() / "versions").glob("[0-9]*.py")}


def _revision_or_none(database: Database) -> str | None:
    try:
        return revision(database.unit_of_work)
    except database.missing_table_errors:
        return None


def is_at_head(database: Database) -> bool:
    """Return whether the database has the schema of this version."""
    return _revision_or_none(database) == HEAD


def check_is_at_head(database: Database) -> None:
    """Raise DatabaseUnavailable if the schema must be migrated or is not ringback's, or if privileges are missing."""
    if not is_at_head(database):
        _check_owner(database)
        raise DatabaseUnavailable(
            f"the schema of {redacted(database.url)} is not up to date: run `ringback migrate` first"
        )
    check_grants(database)


async def find_unready_reason(database: Database) -> str | None:
    """Return the reason why the database cannot be used, or None.

    After an outage, the database must also be writable. A read alone would not show this, and would not detect that the
    file was deleted.
    """
    try:
        database.check_files()
        if database.outage.reason is not None:
            await database.check_recovery()
        at = await database.run(revision)
    except DatabaseUnavailable as error:
        return str(error)
    if at != HEAD:
        return f"the schema of the database is at {at}, but ringback needs {HEAD}: run `ringback migrate`, or upgrade"
    return database.outage.reason


def _check_owner(database: Database) -> None:
    """Raise DatabaseUnavailable if a newer version or another application created the tables."""
    tables, at = present_tables(database.unit_of_work), _revision_or_none(database)
    owner = schema_owner(tables, at, known_revisions())
    if owner == SchemaOwner.NEWER_RINGBACK:
        raise DatabaseUnavailable(
            f"the database {redacted(database.url)} was written by a newer version of ringback (schema {at}): "
            "upgrade ringback, or choose another database with --database-url or RINGBACK_DATABASE_URL"
        )
    if owner == SchemaOwner.ANOTHER_APPLICATION:
        advice = " or schema (?options=-csearch_path%3DNAME)" if database.is_shared else ""
        raise DatabaseUnavailable(
            f"the database {redacted(database.url)} has tables of another application ({listed(tables)}): "
            f"choose another database{advice} with --database-url or RINGBACK_DATABASE_URL"
        )


def migrate(database: Database) -> None:
    """Migrate the database's schema to head.

    Raises DatabaseUnavailable, changing nothing, if a newer version or another application created the tables.
    """
    if is_at_head(database):
        check_grants(database)
        return
    _check_owner(database)
    check_may_create(database)
    from alembic import command  # the import takes 80 ms
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))  # Config interpolates %
    try:
        with database.engine.connect() as connection:
            if database.is_shared:
                connection.execute(ONE_AT_A_TIME)
            attributes: dict[str, Any] = config.attributes
            attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    except CommandError as error:
        reason = str(error).partition("\n")[0]
        raise DatabaseUnavailable(f"cannot migrate the schema of {redacted(database.url)}: {reason}") from error


class SchemaOwner(Enum):
    """The application that created the tables of a database."""

    NOBODY = auto()
    RINGBACK = auto()
    NEWER_RINGBACK = auto()
    ANOTHER_APPLICATION = auto()


def schema_owner(tables: Collection[str], revision: str | None, known_revisions: Collection[str]) -> SchemaOwner:
    """Return the application that created these tables. `revision` is the revision in Alembic's table, or None."""
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
    """Return all tables of an embedded database.

    In a shared database, return only the tables that have the name of a ringback table.
    """
    if unit_of_work.is_embedded:
        return {name for (name,) in unit_of_work.all(_SQLITE_TABLES)}
    names = [*(str(table.name) for table in TABLES), VERSION_TABLE]
    return {name for (name,) in unit_of_work.all(_VISIBLE_TABLES, names=names)}


def listed(names: Collection[str]) -> str:
    """Return the first few names as a text for a message."""
    shown = sorted(names)[:NAMES_SHOWN]
    return ", ".join([*shown, "…"] if len(names) > NAMES_SHOWN else shown)
