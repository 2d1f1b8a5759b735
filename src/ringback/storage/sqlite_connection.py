"""Opening a SQLite database: its URL, its engine, and the settings of its connection."""

from pathlib import Path

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import NullPool, Pool, StaticPool

from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.sqlite_checkpoint import LOG_FILE_BYTES
from ringback.storage.sqlite_owner import APPLICATION_ID

BUSY_TIMEOUT_MS = 5_000
"""How long a write waits for another program's."""
PAGE_BYTES = 2_048
"""Of a new file; one that was there keeps its own. A commit writes whole pages, for a request ten (ADR 14)."""

PRAGMAS = (
    f"PRAGMA page_size = {PAGE_BYTES}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA wal_autocheckpoint = 0",  # a request would pay for it; `checkpoint` does it beside them
    f"PRAGMA journal_size_limit = {LOG_FILE_BYTES}",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA secure_delete = FAST",  # Debian's SQLite overwrites all that is deleted with zeros: megabytes in one commit
)
STAMP = f"PRAGMA application_id = {APPLICATION_ID}"
MEMORY = (None, "", ":memory:")
"""How SQLAlchemy's URLs name a database in memory."""


def located(url: URL) -> URL:
    """Return the URL with its file's full path. Raises DatabaseUnavailable where the file's folder is missing."""
    if url.database in MEMORY:
        return url
    file = Path(str(url.database)).expanduser().resolve()
    if not file.parent.is_dir():
        raise DatabaseUnavailable(f"cannot open the database {file}: the folder {file.parent} does not exist")
    return url.set(database=str(file))


def create_sqlite_engine(url: URL) -> Engine:
    """Return the engine of a file, or of one database in memory that all its connections share."""
    pool: type[Pool] = StaticPool if url.database in MEMORY else NullPool
    arguments = {"check_same_thread": False, "isolation_level": None, "cached_statements": 256}
    return create_engine(url, poolclass=pool, paramstyle="named", connect_args=arguments)


def text_or_bytes(data: bytes) -> str | bytes:
    """Return a text, or its bytes where they are not UTF-8, as after damage or an edit by hand."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def prepare(connection: DBAPIConnection) -> None:
    """Configure the connection, and mark the file as ringback's where it is not."""
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(pragma)
    cursor.execute("PRAGMA application_id")
    if cursor.fetchone() != (APPLICATION_ID,):
        cursor.execute(STAMP)
