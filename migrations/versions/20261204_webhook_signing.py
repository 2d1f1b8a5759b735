"""Let accounts sign StatusCallbacks with a shared key.

Revises: 20261203_oauth_apps
"""

import sqlalchemy as sa
from alembic import op

revision = "20261204_webhook_signing"
down_revision = "20261203_oauth_apps"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("webhook_signing", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("accounts", "webhook_signing")
