"""Add clocks, events, scripts, faults and journals.

Revises: 20261124_callbacks_by_receiver
"""

import sqlalchemy as sa
from alembic import op

revision = "20261124_in_a_tests_hand"
down_revision = "20261124_callbacks_by_receiver"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_sid", sa.String(length=34), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("call_sid", sa.String(length=34), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_sid"], ["accounts.sid"], name=op.f("fk_events_account_sid_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_events_account_sid_id"), "events", ["account_sid", "id"], unique=False)

    op.create_table(
        "faults",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_sid", sa.String(length=34), nullable=False),
        sa.Column("operation", sa.String(length=40), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("times_left", sa.Integer(), nullable=True),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("chances", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("date_created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_sid"], ["accounts.sid"], name=op.f("fk_faults_account_sid_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_faults")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_faults_account_sid_id"), "faults", ["account_sid", "id"], unique=False)

    op.create_table(
        "inbox_messages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_sid", sa.String(length=34), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_sid"], ["accounts.sid"], name=op.f("fk_inbox_messages_account_sid_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_messages")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_inbox_messages_account_sid_id"), "inbox_messages", ["account_sid", "id"], unique=False)

    op.create_table(
        "phone_scripts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_sid", sa.String(length=34), nullable=False),
        sa.Column("phone_number", sa.String(length=16), nullable=False),
        sa.Column("behavior", sa.String(length=20), nullable=False),
        sa.Column("ring_seconds", sa.Float(), nullable=True),
        sa.Column("key_seconds", sa.Float(), nullable=True),
        sa.Column("extension", sa.String(length=50), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_sid"], ["accounts.sid"], name=op.f("fk_phone_scripts_account_sid_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_scripts")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_phone_scripts_account_sid_phone_number_id"),
        "phone_scripts",
        ["account_sid", "phone_number", "id"],
        unique=False,
    )

    op.create_table(
        "requests",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_sid", sa.String(length=34), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("request_sid", sa.String(length=34), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("operation", sa.String(length=40), nullable=True),
        sa.Column("username", sa.Text(), nullable=True),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.Integer(), nullable=True),
        sa.Column("elapsed_ms", sa.Float(), nullable=False),
        sa.Column("fault", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_sid"], ["accounts.sid"], name=op.f("fk_requests_account_sid_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_requests_account_sid_id"), "requests", ["account_sid", "id"], unique=False)

    op.add_column("accounts", sa.Column("clock_offset", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("accounts", sa.Column("clock_frozen_at", sa.BigInteger(), nullable=True))
    op.add_column("accounts", sa.Column("has_faults", sa.Integer(), server_default="0", nullable=False))

    op.add_column("status_callbacks", sa.Column("earlier_attempts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("status_callbacks", sa.Column("fault", sa.Text(), nullable=True))
    op.drop_index(
        "ix_status_callbacks_due",
        table_name="status_callbacks",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_status_callbacks_due",
        "status_callbacks",
        ["account_sid", "receiver", "due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )

    op.add_column("validation_calls", sa.Column("real_due_at", sa.BigInteger(), nullable=True))
    op.add_column("validation_calls", sa.Column("real_ended_at", sa.BigInteger(), nullable=True))
    op.execute("UPDATE validation_calls SET real_due_at = due_at, real_ended_at = ended_at")
    op.drop_index(
        op.f("ix_validation_calls_due"),
        table_name="validation_calls",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_validation_calls_due",
        "validation_calls",
        ["account_sid", "due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_validation_calls_ended",
        "validation_calls",
        ["account_sid", "real_ended_at", "sid"],
        unique=False,
        sqlite_where=sa.text("real_ended_at IS NOT NULL"),
        postgresql_where=sa.text("real_ended_at IS NOT NULL"),
    )
    op.create_index(
        "ix_validation_calls_real_due",
        "validation_calls",
        ["real_due_at"],
        unique=False,
        sqlite_where=sa.text("real_due_at IS NOT NULL"),
        postgresql_where=sa.text("real_due_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_validation_calls_ended",
        table_name="validation_calls",
        sqlite_where=sa.text("real_ended_at IS NOT NULL"),
        postgresql_where=sa.text("real_ended_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_validation_calls_real_due",
        table_name="validation_calls",
        sqlite_where=sa.text("real_due_at IS NOT NULL"),
        postgresql_where=sa.text("real_due_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_validation_calls_due",
        table_name="validation_calls",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_validation_calls_due"),
        "validation_calls",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_column("validation_calls", "real_ended_at")
    op.drop_column("validation_calls", "real_due_at")

    op.drop_index(
        "ix_status_callbacks_due",
        table_name="status_callbacks",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_status_callbacks_due",
        "status_callbacks",
        ["receiver", "due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_column("status_callbacks", "fault")
    op.drop_column("status_callbacks", "earlier_attempts")

    op.drop_column("accounts", "has_faults")
    op.drop_column("accounts", "clock_frozen_at")
    op.drop_column("accounts", "clock_offset")

    op.drop_index(op.f("ix_requests_account_sid_id"), table_name="requests")

    op.drop_table("requests")
    op.drop_index(op.f("ix_phone_scripts_account_sid_phone_number_id"), table_name="phone_scripts")

    op.drop_table("phone_scripts")
    op.drop_index(op.f("ix_inbox_messages_account_sid_id"), table_name="inbox_messages")

    op.drop_table("inbox_messages")
    op.drop_index(op.f("ix_faults_account_sid_id"), table_name="faults")

    op.drop_table("faults")
    op.drop_index(op.f("ix_events_account_sid_id"), table_name="events")

    op.drop_table("events")
