"""Check that a SQLite file belongs to ringback, without changing it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.schema import SQLITE_TABLES, SchemaOwner, known_revisions, listed, schema_owner
from ringback.storage.sqlite_lock import DatabaseFileLock
from ringback.storage.tables import VERSION_TABLE

APPLICATION_ID = int.from_bytes(b"ring")
"""Number in the header of every file that ringback creates. It identifies the file as ringback's."""
MAGIC = b"SQLite format 3\0"
HEADER_BYTES = 100
APPLICATION_ID_BYTES = slice(68, 72)


def check_owner(lock: DatabaseFileLock) -> None:
    """Raise DatabaseUnavailable unless a file is empty or was created by ringback.

    Version 0.1.0 did not write an application ID, so its files are recognized by their tables.
    """
    header = lock.read_header(HEADER_BYTES)
    if not header:
        return
    if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
        raise DatabaseUnavailable(
            f"the file {lock.file} is not a database: choose another file with --database-url or RINGBACK_DATABASE_URL"
        )
    application_id = int.from_bytes(header[APPLICATION_ID_BYTES])
    if application_id == APPLICATION_ID:
        return
    tables, revision = set[str](), None
    if not application_id:
        tables, revision = _read_tables(lock.file)
        if schema_owner(tables, revision, known_revisions()) != SchemaOwner.ANOTHER_APPLICATION:
            return
    names = f" (its tables: {listed(tables)})" if tables else ""
    raise DatabaseUnavailable(
        f"the file {lock.file} is another application's database{names}: "
        "choose another file with --database-url or RINGBACK_DATABASE_URL"
    )


def _read_tables(file: Path) -> tuple[set[str], str | None]:
    """Return the names of the tables in a file and the revision of its schema. The revision may be None.

    If the file does not have a write-ahead log, it is opened as immutable, so that SQLite does not create files. A
    write-ahead log must be read, because it may contain all commits.
    """
    mode = "mode=ro" if Path(f"{file}-wal").exists() else "immutable=1"
    with closing(sqlite3.connect(f"{file.as_uri()}?{mode}", uri=True)) as connection:
        tables = {name for (name,) in connection.execute(SQLITE_TABLES)}
        if VERSION_TABLE not in tables:
            return tables, None
        try:
            row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608
        except sqlite3.OperationalError:
            return tables, None  # a different table with the same name
        return tables, None if row is None else str(row[0])
