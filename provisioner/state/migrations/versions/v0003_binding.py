"""Bindings of the SIP registrar, so that phones stay registered over a restart."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table of bindings."""
    op.create_table(
        "binding",
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("aor", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("binding_expires_index", "binding", ["expires_at"])
