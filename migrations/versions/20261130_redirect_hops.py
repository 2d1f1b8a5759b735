"""Record every request of a callback attempt.

Revises: 20261127_an_accounts_policy
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_redirect_hops"
down_revision = "20261127_an_accounts_policy"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("callback_attempts", sa.Column("hops", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("callback_attempts", "hops")
