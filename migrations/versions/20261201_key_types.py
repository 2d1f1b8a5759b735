"""Add the types and permissions of API keys, and the operations that clients of an account have used.

Revises: 20261130_redirect_hops
"""

import sqlalchemy as sa
from alembic import op

revision = "20261201_key_types"
down_revision = "20261130_redirect_hops"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("type", sa.String(10), nullable=True))
    op.add_column("api_keys", sa.Column("permissions", sa.Text(), nullable=True))
    op.create_table(
        "used_operations",
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("operation", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_sid"],
            ["accounts.sid"],
            name="fk_used_operations_account_sid_accounts",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_sid", "operation", name="pk_used_operations"),
    )


def downgrade() -> None:
    op.execute(
        "DELETE FROM api_keys WHERE type = 'restricted'"
    )  # without its permissions, a key would allow everything
    op.drop_table("used_operations")
    op.drop_column("api_keys", "permissions")
    op.drop_column("api_keys", "type")
