"""Tables of the data that only the control API shows: events, requests, used operations, faults and inbox messages.

`TABLES`, at the end, lists all tables.
"""

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, String, Table, Text

from ringback.storage.registration import Reset, registered
from ringback.storage.tables import INSTANT, SID, account_sid_column, id_column, metadata

events = Table(
    "events",
    metadata,
    id_column(),
    account_sid_column(),
    Column("at", INSTANT, nullable=False),
    Column("type", String(20), nullable=False),
    Column("call_sid", SID),
    Column("data", Text, nullable=False),
    Index(None, "account_sid", "id"),
    sqlite_autoincrement=True,
    info=registered(reset=Reset.DELETED),
)

requests = Table(
    "requests",
    metadata,
    id_column(),
    account_sid_column(),
    Column("at", INSTANT, nullable=False),
    Column("request_sid", SID, nullable=False),
    Column("method", String(16), nullable=False),
    Column("path", Text, nullable=False),
    Column("operation", String(40)),
    Column("username", Text),
    Column("parameters", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("error_code", Integer),
    Column("elapsed_ms", Float, nullable=False),
    Column("fault", String(40)),
    Index(None, "account_sid", "id"),
    sqlite_autoincrement=True,
    info=registered(reset=Reset.DELETED),
)

used_operations = Table(
    "used_operations",
    metadata,
    Column("account_sid", SID, ForeignKey("accounts.sid", ondelete="CASCADE"), primary_key=True),
    Column("operation", String(40), primary_key=True),
    info=registered(reset=Reset.DELETED, added_in="20261201_key_types"),
)
"""The operations that requests to an account's paths have used, including requests that were pruned."""

faults = Table(
    "faults",
    metadata,
    id_column(),
    account_sid_column(),
    Column("operation", String(40), nullable=False),
    Column("effect", Text, nullable=False),
    Column("times_left", Integer),
    Column("probability", Float),
    Column("chances", Integer, nullable=False),
    Column("strikes", Integer, nullable=False),
    Column("date_created", INSTANT, nullable=False),
    Index(None, "account_sid", "id"),
    sqlite_autoincrement=True,
    info=registered(reset=Reset.DELETED),
)
"""`chances` counts the trials of a fault, `strikes` the trials that triggered it."""

inbox_messages = Table(
    "inbox_messages",
    metadata,
    id_column(),
    account_sid_column(),
    Column("name", String(100), nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("method", String(16), nullable=False),
    Column("url", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Index(None, "account_sid", "id"),
    sqlite_autoincrement=True,
    info=registered(reset=Reset.DELETED),
)

TABLES = tuple(metadata.sorted_tables)
"""All tables of this module and of `tables`, each after the tables that it references."""
