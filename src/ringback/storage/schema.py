"""The schema: whether a database has it, and how it gets it.

Importing alembic costs more than a start may take, so a database that is at head already never does.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import text

from ringback.storage.database import Database, DatabaseUnavailable, shown
from ringback.storage.statements import Statement
from ringback.storage.unit_of_work import UnitOfWork

HEAD = "20261127_an_accounts_policy"
"""The newest revision in migrations/versions; a test compares them."""

_PACKAGE = Path(__file__).parents[1]
_PLACES = (_PACKAGE / "migrations", _PACKAGE.parents[1] / "migrations")
"""In an installed wheel, and in a checkout."""


def migrations_folder() -> Path:
    """Return where the migrations are: inside the installed package, or beside its source."""
    return next(place for place in _PLACES if (place / "env.py").is_file())


ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('ringback migrate'))")
REVISION = Statement(text("SELECT version_num FROM alembic_version"))


def revision(unit_of_work: UnitOfWork) -> str | None:
    """Return the revision a database is at. One that has never been migrated has no such table."""
    row = unit_of_work.first(REVISION)
    return row[0] if row else None


def is_at_head(database: Database) -> bool:
    """Tell whether the database has the schema this version works with."""
    try:
        return revision(database.unit_of_work) == HEAD
    except database.no_table:
        return False


def check_is_at_head(database: Database) -> None:
    """Raise DatabaseUnavailable where somebody has to bring the schema to head first."""
    if not is_at_head(database):
        raise DatabaseUnavailable(
            f"the schema of {shown(database.url)} is not up to date: run `ringback migrate` first"
        )


def migrate(database: Database) -> None:
    """Bring the database's schema to head, which may take it no step.

    Raises DatabaseUnavailable where it was made by a newer version, or is no database of ours.
    """
    if is_at_head(database):
        return
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
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
        raise DatabaseUnavailable(f"cannot bring the schema of {shown(database.url)} to date: {reason}") from error
