"""Index pending callbacks by receiver.

Revises: 20261123_first_tables
"""

import sqlalchemy as sa
from alembic import op

revision = "20261124_callbacks_by_receiver"
down_revision = "20261123_first_tables"
branch_labels = None
depends_on = None

PENDING = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    op.drop_index("ix_status_callbacks_due", table_name="status_callbacks")
    op.create_index(
        "ix_status_callbacks_due",
        "status_callbacks",
        ["receiver", "due_at"],
        sqlite_where=PENDING,
        postgresql_where=PENDING,
    )


def downgrade() -> None:
    op.drop_index("ix_status_callbacks_due", table_name="status_callbacks")
    op.create_index(
        "ix_status_callbacks_due", "status_callbacks", ["due_at"], sqlite_where=PENDING, postgresql_where=PENDING
    )
