"""Journal, last fetches, delivered contents, knocking and ignored phones, and tallies for metrics."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("protocol", sa.String(8), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("peer", sa.String(64), nullable=False),
        sa.Column("agent", sa.Text),
        sa.Column("mac", sa.String(12)),
        sa.Column("phone", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("firmware", sa.Text),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(8)),
        sa.Column("file", sa.Text),
        sa.Column("sha256", sa.String(64)),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("duration_s", sa.Float, nullable=False),
        sa.Column("fact", sa.Text, nullable=False),
        sa.Column("repeats", sa.Integer, nullable=False, server_default="1"),
    )
    op.create_index("event_mac_index", "event", ["mac", "id"])
    refusals = sa.text("outcome NOT IN ('ok', 'not-modified')")
    op.create_index("event_refusal_index", "event", ["outcome", "id"], sqlite_where=refusals, postgresql_where=refusals)
    op.create_table(
        "last_fetch",
        sa.Column("mac", sa.String(12), primary_key=True),
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("protocol", sa.String(8), nullable=False),
        sa.Column("peer", sa.String(64), nullable=False),
        sa.Column("agent", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("firmware", sa.Text),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("file", sa.Text),
        sa.Column("sha256", sa.String(64)),
        sa.Column("fact", sa.Text, nullable=False),
        sa.Column("delivered_sha256", sa.String(64)),
        sa.Column("delivered_file", sa.Text),
        sa.Column("delivered_at", sa.Float),
    )
    op.create_index("last_fetch_delivered_index", "last_fetch", ["delivered_sha256"])
    op.create_table(
        "delivered",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("first_at", sa.Float, nullable=False),
        sa.Column("last_at", sa.Float, nullable=False),
    )
    op.create_index("delivered_last_at_index", "delivered", ["last_at"])
    op.create_table(
        "knocking",
        sa.Column("mac", sa.String(12), primary_key=True),
        sa.Column("first_at", sa.Float, nullable=False),
        sa.Column("last_at", sa.Float, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("protocol", sa.String(8), nullable=False),
        sa.Column("peer", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("agent", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("firmware", sa.Text),
    )
    op.create_index("knocking_last_at_index", "knocking", ["last_at"])
    op.create_table(
        "tally",
        sa.Column("protocol", sa.String(8), primary_key=True),
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("outcome", sa.String(32), primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "ignored",
        sa.Column("mac", sa.String(12), primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
