"""The schema: whether a database has it, and how it gets it.

Importing alembic costs more than a start may take, so a database that is at head already never does.
"""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy.engine.interfaces import DBAPIConnection

from ringback.storage.database import Database, DatabaseUnavailable

HEAD = "20261124_in_a_tests_hand"
"""The newest revision in migrations/versions; a test compares them."""

_PACKAGE = Path(__file__).parents[1]
_PLACES = (_PACKAGE / "migrations", _PACKAGE.parents[1] / "migrations")
"""In an installed wheel, and in a checkout."""


def migrations_folder() -> Path:
    """Return where the migrations are: inside the installed package, or beside its source."""
    return next(place for place in _PLACES if (place / "env.py").is_file())


def current_revision(connection: DBAPIConnection) -> str | None:
    """Return the revision a database is at, or None for one that has never been migrated."""
    cursor = connection.cursor()
    try:
        cursor.execute("SELECT version_num FROM alembic_version")
    except sqlite3.OperationalError:
        return None
    row = cursor.fetchone()
    return row[0] if row else None


def is_at_head(database: Database) -> bool:
    """Tell whether the database has the schema this version works with."""
    return current_revision(database.connection) == HEAD


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
            attributes: dict[str, Any] = config.attributes
            attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    except CommandError as error:
        reason = str(error).partition("\n")[0]
        raise DatabaseUnavailable(f"cannot bring the schema of {database.url} to date: {reason}") from error
