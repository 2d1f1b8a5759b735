"""Give accounts a secondary auth token.

Revises: 20261201_owned_numbers
"""

import sqlalchemy as sa
from alembic import op

revision = "20261202_secondary_auth_tokens"
down_revision = "20261201_owned_numbers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("secondary_auth_token", sa.String(64), nullable=True))
    op.add_column("accounts", sa.Column("previous_auth_token", sa.String(64), nullable=True))


def downgrade() -> None:
    op.drop_column("accounts", "previous_auth_token")
    op.drop_column("accounts", "secondary_auth_token")
