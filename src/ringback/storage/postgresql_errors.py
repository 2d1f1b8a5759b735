"""Classification of PostgreSQL errors: retry the operation, report an outage, or report a bug in ringback."""

from enum import Enum, auto

import psycopg
from psycopg import errors

UNDONE = (errors.DeadlockDetected, errors.SerializationFailure)
STALE_SESSION = (errors.FeatureNotSupported, errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)
"""A prepared statement is no longer valid: a column was added ("cached plan must not change result type"), or the
connection now goes through a pooler."""
DAMAGED = (errors.DataCorrupted, errors.IndexCorrupted)
WRONG_SCHEMA = (
    errors.InsufficientPrivilege,
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.UndefinedFunction,
    errors.UndefinedObject,
    errors.InvalidSchemaName,
    errors.InvalidCatalogName,
)
"""The schema was changed, or a privilege was revoked, while ringback was running."""
OPERATIONAL = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)


class PostgresqlFailure(Enum):
    """The meaning of a driver error."""

    UNDONE = auto()
    """PostgreSQL rolled the transaction back in favor of another one: retry the operation."""
    STALE_SESSION = auto()
    """The connection's prepared statements are no longer valid: retry the operation on another connection."""
    UNAVAILABLE = auto()
    DAMAGED = auto()
    DEFECT = auto()
    """A statement or a value is wrong, because of a bug in ringback."""


def failure_of(error: psycopg.Error) -> PostgresqlFailure:
    """Classify an error that the driver raised."""
    for kinds, failure in (
        (UNDONE, PostgresqlFailure.UNDONE),
        (STALE_SESSION, PostgresqlFailure.STALE_SESSION),
        (DAMAGED, PostgresqlFailure.DAMAGED),
        (WRONG_SCHEMA, PostgresqlFailure.UNAVAILABLE),
        (OPERATIONAL, PostgresqlFailure.UNAVAILABLE),
    ):
        if isinstance(error, kinds):
            return failure
    return PostgresqlFailure.DEFECT
