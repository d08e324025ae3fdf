"""Batches of events as the serving processes write them, and which of them have become rows of the journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables of the journal's first step."""
    op.create_table(
        "batch",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("format", sa.Integer, nullable=False),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("first_at", sa.Float, nullable=False),
        sa.Column("last_at", sa.Float, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table("unpacked", sa.Column("batch_id", sa.BigInteger, primary_key=True, autoincrement=False))
    nameless = sa.text("mac IS NULL AND kind = 'common'")
    op.create_index("event_nameless_common_index", "event", ["at"], sqlite_where=nameless, postgresql_where=nameless)
