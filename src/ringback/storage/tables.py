"""The tables of the Twilio resources, each with its registration.

Times are whole microseconds (domain/timestamps.py), and structured columns are JSON text. Only column types that need
no conversion are used, so that statements can run on the driver's own connection.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from ringback.storage.registration import FINAL, MUTABLE, Reset, added_in, registered

SID = String(34)
E164 = String(16)
INSTANT = BigInteger
HEAD = "20261204_webhook_signing"
"""Schema revision of these tables, the newest one in migrations/versions. A test compares the two."""
VERSION_TABLE = "alembic_version"
"""Alembic's table, which holds the schema's revision."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def partial_index(name: str, table: Table, condition: str, *columns: str) -> Index:
    """Create an index on the rows of a table for which `condition` holds."""
    where = text(condition)
    return Index(name, *(table.c[column] for column in columns), sqlite_where=where, postgresql_where=where)


def account_sid_column(*, index: bool = False) -> Column[str]:
    """Return a column for the account that owns a row. The row is deleted together with the account."""
    return Column("account_sid", SID, ForeignKey("accounts.sid", ondelete="CASCADE"), nullable=False, index=index)


accounts = Table(
    "accounts",
    metadata,
    Column("sid", SID, primary_key=True),
    Column("auth_token", String(64), nullable=False),
    Column("friendly_name", String(64), nullable=False),
    Column("owner_email", String(320)),
    Column("status", String(16), nullable=False),
    Column("parent_sid", SID, ForeignKey("accounts.sid", ondelete="CASCADE"), index=True),
    Column("date_created", INSTANT, nullable=False),
    Column("date_updated", INSTANT, nullable=False),
    Column("clock_offset", BigInteger, nullable=False, server_default="0"),
    Column("clock_frozen_at", INSTANT),
    Column("has_faults", Integer, nullable=False, server_default="0"),
    Column("policy", Text),
    Column("secondary_auth_token", String(64), info=added_in("20261202_secondary_auth_tokens")),
    Column("previous_auth_token", String(64), info=added_in("20261202_secondary_auth_tokens")),
    Column("webhook_signing", Text, info=added_in("20261204_webhook_signing")),
    info=registered(reset=Reset.KEPT),
)
"""`policy` holds the settings that the account overrides, and `webhook_signing` its shared key. Both may be NULL."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("sid", SID, primary_key=True),
    account_sid_column(index=True),
    Column("secret", String(64), nullable=False),
    Column("date_created", INSTANT, nullable=False),
    Column("type", String(10), info=added_in("20261201_key_types")),
    Column("permissions", Text, info=added_in("20261201_key_types")),
    info=registered(reset=Reset.KEPT),
)
"""`type` is NULL in rows of ringback 0.1.0; `permissions` is NULL unless the type is ``restricted``."""

oauth_apps = Table(
    "oauth_apps",
    metadata,
    Column("client_id", SID, primary_key=True),
    account_sid_column(index=True),
    Column("client_secret", String(64), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("lifetime_seconds", Integer, nullable=False),
    Column("date_created", INSTANT, nullable=False),
    info=registered(reset=Reset.KEPT, added_in="20261203_oauth_apps"),
)

outgoing_caller_ids = Table(
    "outgoing_caller_ids",
    metadata,
    Column("sid", SID, primary_key=True),
    account_sid_column(),
    Column("friendly_name", String(64), nullable=False),
    Column("phone_number", E164, nullable=False),
    Column("date_created", INSTANT, nullable=False),
    Column("date_updated", INSTANT, nullable=False),
    UniqueConstraint("account_sid", "phone_number"),
    Index(None, "account_sid", "date_created", "sid"),
    Index(None, "account_sid", "friendly_name", "date_created", "sid"),
    info=registered(reset=Reset.DELETED),
)

incoming_phone_numbers = Table(
    "incoming_phone_numbers",
    metadata,
    Column("sid", SID, primary_key=True),
    account_sid_column(),
    Column("friendly_name", String(64), nullable=False),
    Column("phone_number", E164, nullable=False),
    Column("date_created", INSTANT, nullable=False),
    Column("date_updated", INSTANT, nullable=False),
    UniqueConstraint("account_sid", "phone_number"),
    Index(None, "account_sid", "date_created", "sid"),
    info=registered(reset=Reset.DELETED, added_in="20261201_owned_numbers"),
)

validation_calls = Table(
    "validation_calls",
    metadata,
    Column("sid", SID, primary_key=True),
    account_sid_column(),
    Column("phone_number", E164, nullable=False),
    Column("friendly_name", String(64)),
    Column("validation_code", String(6), nullable=False),
    Column("extension", String(50)),
    Column("call_delay_seconds", Integer, nullable=False),
    Column("status_callback", String(1000)),
    Column("status_callback_method", String(4), nullable=False),
    Column("state", String(20), nullable=False, info=MUTABLE),
    Column("attempts_allowed", Integer, nullable=False),
    Column("attempts_left", Integer, nullable=False, info=MUTABLE),
    Column("keys", String(6), nullable=False, info=MUTABLE),
    Column("phone", Text, info=MUTABLE),
    Column("verification_status", String(8), info=FINAL),
    Column("outgoing_caller_id_sid", SID, info=FINAL),
    Column("date_created", INSTANT, nullable=False),
    Column("ringing_at", INSTANT, info=MUTABLE),
    Column("answered_at", INSTANT, info=MUTABLE),
    Column("ended_at", INSTANT, info=FINAL),
    Column("due_at", INSTANT, info=MUTABLE),
    Column("due_event", String(20), info=MUTABLE),
    Column("due_digits", String(6), info=MUTABLE),
    Column("timeline", Text, nullable=False, info=MUTABLE),
    Column("real_due_at", INSTANT, info=MUTABLE),
    Column("real_ended_at", INSTANT, info=FINAL),
    Column("code_expires_at", INSTANT),
    Index(None, "account_sid", "date_created", "sid"),
    info=registered(reset=Reset.DELETED),
)
"""Times are those of the account's clock, with two exceptions. `real_due_at` is `due_at` on the system clock, or
NULL while the account's clock is frozen before `due_at`. `real_ended_at` is the end of the call on the system clock.
It orders ended calls for pruning, regardless of changes to the account's clock."""
partial_index("ix_validation_calls_real_due", validation_calls, "real_due_at IS NOT NULL", "real_due_at")
partial_index("ix_validation_calls_due", validation_calls, "due_at IS NOT NULL", "account_sid", "due_at")
partial_index(
    "ix_validation_calls_ended", validation_calls, "real_ended_at IS NOT NULL", "account_sid", "real_ended_at", "sid"
)
partial_index("ix_validation_calls_under_way", validation_calls, "ended_at IS NULL", "account_sid", "phone_number")

status_callbacks = Table(
    "status_callbacks",
    metadata,
    Column("call_sid", SID, ForeignKey("validation_calls.sid", ondelete="CASCADE"), primary_key=True),
    account_sid_column(index=True),
    Column("url", String(1000), nullable=False),
    Column("method", String(4), nullable=False),
    Column("parameters", Text, nullable=False),
    Column("receiver", String(300), nullable=False),
    Column("idempotency_token", String(36), nullable=False, unique=True),
    Column("status", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", INSTANT),
    Column("leased_until", INSTANT),
    Column("date_created", INSTANT, nullable=False),
    Column("earlier_attempts", Integer, nullable=False, server_default="0"),
    Column("fault", Text),
    info=registered(reset=Reset.CASCADED),
)
"""`due_at` and `leased_until` are times of the system clock. `earlier_attempts` counts the attempts of deliveries that
have ended. `fault` is the fault that the current delivery has triggered."""
partial_index("ix_status_callbacks_due", status_callbacks, "due_at IS NOT NULL", "account_sid", "receiver", "due_at")

callback_attempts = Table(
    "callback_attempts",
    metadata,
    Column("call_sid", SID, ForeignKey("status_callbacks.call_sid", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", INSTANT, nullable=False),
    Column("method", String(4), nullable=False),
    Column("url", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("status_code", Integer),
    Column("answer", Text, nullable=False),
    Column("elapsed_ms", Float, nullable=False),
    Column("error", Text),
    Column("hops", Text, info=added_in("20261130_redirect_hops")),
    info=registered(reset=Reset.CASCADED),
)
"""`method`, `url` and `headers` describe the attempt's last request. `hops` holds all requests of the attempt; it is
NULL if no request was made, and in rows of ringback 0.1.0."""


def id_column() -> Column[int]:
    """Return a primary key column that numbers the rows in insertion order and never reuses a number."""
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


phone_rules = Table(
    "phone_rules",
    metadata,
    Column("account_sid", SID, ForeignKey("accounts.sid", ondelete="CASCADE"), primary_key=True),
    Column("phone_number", E164, primary_key=True),
    Column("behavior", String(20), nullable=False),
    Column("ring_seconds", Float),
    Column("key_seconds", Float),
    Column("extension", String(50)),
    info=registered(reset=Reset.DELETED),
)
"""`phone_number` is E.164, or ``default`` for the rule of the account's other phones."""

phone_scripts = Table(
    "phone_scripts",
    metadata,
    id_column(),
    account_sid_column(),
    Column("phone_number", E164, nullable=False),
    Column("behavior", String(20), nullable=False),
    Column("ring_seconds", Float),
    Column("key_seconds", Float),
    Column("extension", String(50)),
    Index(None, "account_sid", "phone_number", "id"),
    sqlite_autoincrement=True,
    info=registered(reset=Reset.DELETED),
)
