"""Connections to SQLite: the URL, the engine, and the settings of a connection."""

from pathlib import Path

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import NullPool, Pool, StaticPool

from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.sqlite_checkpoint import LOG_FILE_BYTES
from ringback.storage.sqlite_owner import APPLICATION_ID

BUSY_TIMEOUT_MS = 5_000
"""Longest time that a write waits for another program's lock."""
PAGE_BYTES = 2_048
"""Page size of a new file; an existing file keeps its page size. A commit writes whole pages, about ten for a
request (ADR 14)."""

PRAGMAS = (
    f"PRAGMA page_size = {PAGE_BYTES}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA wal_autocheckpoint = 0",  # otherwise requests would wait for checkpoints; see `Database.checkpoint`
    f"PRAGMA journal_size_limit = {LOG_FILE_BYTES}",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA secure_delete = FAST",  # Debian's SQLite overwrites deleted data with zeros: megabytes in one commit
)
STAMP = f"PRAGMA application_id = {APPLICATION_ID}"
MEMORY = (None, "", ":memory:")
"""Database names that mean an in-memory database in SQLAlchemy's URLs."""


def located(url: URL) -> URL:
    """Return the URL with the full path of its file. Raises DatabaseUnavailable if the folder is missing."""
    if url.database in MEMORY:
        return url
    file = Path(str(url.database)).expanduser().resolve()
    if not file.parent.is_dir():
        raise DatabaseUnavailable(f"cannot open the database {file}: the folder {file.parent} does not exist")
    return url.set(database=str(file))


def create_sqlite_engine(url: URL) -> Engine:
    """Return the engine for a file, or for an in-memory database that all connections share."""
    pool: type[Pool] = StaticPool if url.database in MEMORY else NullPool
    arguments = {"check_same_thread": False, "isolation_level": None, "cached_statements": 256}
    return create_engine(url, poolclass=pool, paramstyle="named", connect_args=arguments)


def text_or_bytes(data: bytes) -> str | bytes:
    """Decode text. If it is not UTF-8, as after corruption or a manual edit, return its bytes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def prepare(connection: DBAPIConnection) -> None:
    """Configure a new connection, and write ringback's application ID if the file lacks it."""
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(pragma)
    cursor.execute("PRAGMA application_id")
    if cursor.fetchone() != (APPLICATION_ID,):
        cursor.execute(STAMP)
