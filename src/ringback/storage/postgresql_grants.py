"""Startup checks of the privileges that ringback's role needs on PostgreSQL."""

from sqlalchemy import text

from ringback.storage.database import Database
from ringback.storage.errors import DatabaseUnavailable, redacted
from ringback.storage.journal_tables import TABLES
from ringback.storage.statements import Statement
from ringback.storage.tables import VERSION_TABLE

NUMBERED_TABLES = [table.name for table in TABLES if table.autoincrement_column is not None]
TABLE_PRIVILEGES = ["SELECT", "INSERT", "UPDATE", "DELETE"]
SEQUENCE_PRIVILEGES = ["USAGE", "UPDATE"]
"""UPDATE is for setval: a restored snapshot may contain ids that the sequence has not reached."""
DOCUMENTED = "see docs/postgresql.md"

MISSING = Statement(
    text("""
SELECT privilege || ' on ' || object FROM (
  SELECT object, privilege
    FROM unnest(CAST(:tables AS text[])) object, unnest(CAST(:table_privileges AS text[])) privilege
   WHERE NOT has_table_privilege(object, privilege)
  UNION ALL
  SELECT object, 'SELECT' FROM unnest(ARRAY[CAST(:version_table AS text)]) object
   WHERE NOT has_table_privilege(object, 'SELECT')
  UNION ALL
  SELECT split_part(sequence, '.', 2), privilege
    FROM unnest(CAST(:numbered AS text[])) numbered, pg_get_serial_sequence(numbered, 'id') sequence,
         unnest(CAST(:sequence_privileges AS text[])) privilege
   WHERE NOT has_sequence_privilege(sequence, privilege)
) missing ORDER BY 1
""")
)
CREATION = Statement(text("SELECT current_user, current_schema(), has_schema_privilege(current_schema(), 'CREATE')"))
NAMES_SHOWN = 4


def check_grants(database: Database) -> None:
    """Raise DatabaseUnavailable if the role lacks a privilege that ringback needs."""
    if not database.is_shared:
        return
    rows = database.unit_of_work.all(
        MISSING,
        tables=[table.name for table in TABLES],
        table_privileges=TABLE_PRIVILEGES,
        version_table=VERSION_TABLE,
        numbered=NUMBERED_TABLES,
        sequence_privileges=SEQUENCE_PRIVILEGES,
    )
    if rows:
        names = [name for (name,) in rows]
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        raise DatabaseUnavailable(
            f"the role of the database {redacted(database.url)} lacks privileges: "
            f"{', '.join(names[:NAMES_SHOWN])}{more}. Grant them, {DOCUMENTED}"
        )


def check_may_create(database: Database) -> None:
    """Raise DatabaseUnavailable if the role cannot create tables."""
    if not database.is_shared:
        return
    row = database.unit_of_work.first(CREATION)
    assert row is not None  # noqa: S101 - a SELECT without a table returns a row
    role, schema, may_create = row
    if schema is None:
        raise DatabaseUnavailable(
            f"no schema in the search path of role {role} exists in the database {redacted(database.url)}: create one"
        )
    if not may_create:
        raise DatabaseUnavailable(
            f"the role {role} cannot create tables in the database {redacted(database.url)}: "
            f"GRANT CREATE ON SCHEMA {schema} TO {role}, {DOCUMENTED}"
        )
