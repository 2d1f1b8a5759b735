"""Connections to PostgreSQL: the parameters of the database URL, and connection poolers.

A connection pooler such as PgBouncer may run each transaction on a different server connection. Session state therefore
does not work through a pooler: prepared statements, SET, LISTEN, and advisory locks that outlast a transaction.
ringback detects a pooler, and then does not use session state.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import pq
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from ringback.storage.errors import DatabaseUnavailable, redacted

NETWORK = {
    "connect_timeout": 2,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "ringback",
}
"""Defaults that detect an unreachable server. Parameters of the URL override them."""
FIXED = {"client_encoding": "utf8", "prepare_threshold": None}
"""Text is UTF-8 regardless of the environment. Statements are prepared only on connections that do not go through a
pooler."""
MIN_CONNECT_SECONDS = 2.0
"""Shortest connection timeout that psycopg applies. 0 in the URL means no timeout."""
PREPARE_THRESHOLD = "prepare_threshold"
DEFAULT_PREPARE_THRESHOLD = 5
NOT_PREPARED = frozenset({"", "none"})
ENCODING = "UTF8"
MULTIPLE = frozenset({"host", "port"})
"""Parameters that may be repeated, as in ?host=a:5432&host=b:5432. SQLAlchemy joins their values."""

SERVER_PID = "SELECT pg_backend_pid()"
_LIMITS = {
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "30s",
}
"""Timeouts that release the locks of a process that hangs in a transaction."""
SESSION_SETTINGS = "; ".join(
    [f"SET {name} = '{value}'" for name, value in _LIMITS.items()]
    + ["SET default_transaction_isolation = 'read committed'"]
)
BEGIN_WITH_SETTINGS = "; ".join(
    ["BEGIN ISOLATION LEVEL READ COMMITTED"] + [f"SET LOCAL {name} = '{value}'" for name, value in _LIMITS.items()]
)
"""BEGIN for connections through a pooler, where each transaction must set the timeouts. It takes a single round
trip."""


def connect_parameters(url: URL) -> dict[str, Any]:
    """Return psycopg's connection parameters for a database URL, except prepare_threshold.

    Raises DatabaseUnavailable for a parameter that neither libpq nor psycopg knows, and for a repeated parameter.
    """
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    for name, value in url.query.items():
        if name not in known | {PREPARE_THRESHOLD}:
            raise _wrong_parameter(url, name, "is not a PostgreSQL connection parameter")
        if not isinstance(value, str) and name not in MULTIPLE:
            raise _wrong_parameter(url, name, "is given twice")
    prepare_threshold(url)
    return {name: value for name, value in NETWORK.items() if name not in url.query} | FIXED


def prepare_threshold(url: URL) -> int | None:
    """Return the number of executions after which a statement is prepared, or None to prepare no statements.

    Raises DatabaseUnavailable if the URL's parameter is not valid.
    """
    text = str(url.query.get(PREPARE_THRESHOLD, DEFAULT_PREPARE_THRESHOLD)).strip().lower()
    if text in NOT_PREPARED:
        return None
    if not (text.isascii() and text.isdecimal()):
        raise _wrong_parameter(url, PREPARE_THRESHOLD, "must be an integer or none")
    return int(text)


def connect_seconds(url: URL) -> float:
    """Return the time limit for connecting: the URL's connect_timeout, multiplied by the number of its hosts."""
    hosts = url.query.get("host", "")
    names = hosts.split(",") if isinstance(hosts, str) else hosts
    try:
        limit = float(str(url.query.get("connect_timeout", NETWORK["connect_timeout"])))
    except ValueError:
        limit = MIN_CONNECT_SECONDS  # psycopg rejects the value when it connects
    return max(limit, MIN_CONNECT_SECONDS) * len(names)


def _wrong_parameter(url: URL, name: str, reason: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(f"cannot use the database {redacted(url)}: the URL's parameter {name!r} {reason}")


def libpq_parameters(url: URL, engine: Engine) -> Mapping[str, Any]:
    """Return all parameters for a connection that is opened without SQLAlchemy."""
    _, parameters = engine.dialect.create_connect_args(url)
    return {**parameters, **connect_parameters(url)}


def connect(engine: Engine) -> psycopg.Connection:
    """Return a new connection, detached from the pool of `engine`. Raises psycopg.Error."""
    pooled = engine.raw_connection()
    driver = pooled.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101
    pooled.detach()
    return driver


def break_off(driver: psycopg.Connection) -> None:
    """Break a connection, so that a thread that waits for a result on it continues."""
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(driver.fileno())) as connection:
        connection.shutdown(socket.SHUT_RDWR)


def configure(driver: psycopg.Connection, threshold: int | None) -> bool:
    """Switch a new connection to autocommit, and return whether it goes through a pooler. Raises psycopg.Error.

    A pooler announces its own process ID in place of the server's.
    """
    driver.rollback()
    driver.autocommit = True
    is_pooled = is_through_pooler(driver.info.backend_pid, driver.execute(SERVER_PID).fetchone())
    if not is_pooled:
        driver.execute(SESSION_SETTINGS)
        driver.prepare_threshold = threshold  # only after SET, because several statements cannot be prepared as one
    return is_pooled


def is_through_pooler(announced_pid: int, row: tuple[Any, ...] | None) -> bool:
    """Return whether the process ID in the handshake differs from the one that a query returned."""
    return row != (announced_pid,)


def check_encoding(driver: psycopg.Connection, url: URL) -> None:
    """Raise DatabaseUnavailable if the database cannot store every character."""
    encoding = driver.info.parameter_status("server_encoding")
    if encoding != ENCODING:
        raise DatabaseUnavailable(
            f"the database {redacted(url)} has the encoding {encoding}, but ringback needs {ENCODING}: "
            f"create a database with CREATE DATABASE name ENCODING '{ENCODING}' TEMPLATE template0"
        )
