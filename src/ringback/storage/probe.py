"""Probe that tests whether a database can be read and written again after an outage."""

from contextlib import suppress

from sqlalchemy import select, text

from ringback.storage.journal_tables import TABLES
from ringback.storage.statements import Statement
from ringback.storage.unit_of_work import UnitOfWork

READS = tuple(Statement(select(table).limit(0)) for table in TABLES)
WRITE_EMBEDDED = (
    Statement(text("INSERT INTO alembic_version (version_num) VALUES (hex(zeroblob(16384)))")),
    Statement(text("DELETE FROM alembic_version WHERE length(version_num) > 1000")),
)
"""SQLite writes at the commit. The statements write 35 pages, as many as several requests do, because a single page
might still fit on a full disk."""
WRITE_SHARED = Statement(
    text(
        "INSERT INTO accounts (sid, auth_token, friendly_name, status, date_created, date_updated)"
        " VALUES ('probe ' || pg_backend_pid(), '', '', 'closed', 0, 0)"
    )
)
"""PostgreSQL writes immediately. The INSERT never waits for another transaction, and is rolled back."""


class _RollBack(Exception):
    """Raised to end a unit of work without a commit."""


def probe(unit_of_work: UnitOfWork) -> None:
    """Read from every table, and write to one. Raises the driver's error if this fails."""
    for statement in READS:
        unit_of_work.all(statement)
    if unit_of_work.is_embedded:
        with unit_of_work:
            for statement in WRITE_EMBEDDED:
                unit_of_work.change(statement)
        return
    with suppress(_RollBack), unit_of_work:
        unit_of_work.change(WRITE_SHARED)
        raise _RollBack
