"""Add account policies and the expiry of codes.

Revises: 20261124_in_a_tests_hand
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_an_accounts_policy"
down_revision = "20261124_in_a_tests_hand"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("policy", sa.Text(), nullable=True))
    op.add_column("validation_calls", sa.Column("code_expires_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("validation_calls", "code_expires_at")
    op.drop_column("accounts", "policy")
