"""Add incoming phone numbers.

Revises: 20261201_key_types
"""

import sqlalchemy as sa
from alembic import op

revision = "20261201_owned_numbers"
down_revision = "20261201_key_types"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incoming_phone_numbers",
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account_sid", sa.String(length=34), nullable=False),
        sa.Column("friendly_name", sa.String(length=64), nullable=False),
        sa.Column("phone_number", sa.String(length=16), nullable=False),
        sa.Column("date_created", sa.BigInteger(), nullable=False),
        sa.Column("date_updated", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_sid"],
            ["accounts.sid"],
            name=op.f("fk_incoming_phone_numbers_account_sid_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("sid", name=op.f("pk_incoming_phone_numbers")),
        sa.UniqueConstraint(
            "account_sid", "phone_number", name=op.f("uq_incoming_phone_numbers_account_sid_phone_number")
        ),
    )
    op.create_index(
        op.f("ix_incoming_phone_numbers_account_sid_date_created_sid"),
        "incoming_phone_numbers",
        ["account_sid", "date_created", "sid"],
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_incoming_phone_numbers_account_sid_date_created_sid"), table_name="incoming_phone_numbers")
    op.drop_table("incoming_phone_numbers")
