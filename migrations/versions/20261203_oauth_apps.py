"""Add OAuth apps.

Revises: 20261202_secondary_auth_tokens
"""

import sqlalchemy as sa
from alembic import op

revision = "20261203_oauth_apps"
down_revision = "20261202_secondary_auth_tokens"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "oauth_apps",
        sa.Column("client_id", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("client_secret", sa.String(64), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("lifetime_seconds", sa.Integer(), nullable=False),
        sa.Column("date_created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_sid"], ["accounts.sid"], name="fk_oauth_apps_account_sid_accounts", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("client_id", name="pk_oauth_apps"),
    )
    op.create_index("ix_oauth_apps_account_sid", "oauth_apps", ["account_sid"])


def downgrade() -> None:
    op.drop_table("oauth_apps")
