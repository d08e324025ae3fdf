"""Tables of what happened.  SQLite by default, PostgreSQL by URL: only types and constructs that both have.

Unix times are REAL seconds; a MAC is 12 hex digits.  Later capabilities add tables by a migration of their own.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

HEAD = "0004"
"Newest migration; held to the files under migrations/versions by a test."

metadata = MetaData()

event = Table(
    "event",
    metadata,
    # SQLite counts rows only in a column whose type is exactly INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("protocol", String(8), nullable=False),
    Column("method", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("peer", String(64), nullable=False),
    Column("agent", Text),
    Column("mac", String(12)),
    Column("phone", Text),
    Column("model", Text),
    Column("firmware", Text),
    Column("outcome", String(32), nullable=False),
    Column("status", Integer, nullable=False),
    Column("kind", String(8)),
    Column("file", Text),
    Column("sha256", String(64)),
    Column("size_bytes", BigInteger, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("fact", Text, nullable=False),
    Column("repeats", Integer, nullable=False, server_default="1"),
    comment="The journal: every decision with what became of it, oldest rows deleted",
)
Index("event_mac_index", event.c.mac, event.c.id)
# Most rows are `ok`; only the others are looked for by reason, so only they pay for an index.
Index(
    "event_refusal_index",
    event.c.outcome,
    event.c.id,
    sqlite_where=text("outcome NOT IN ('ok', 'not-modified')"),
    postgresql_where=text("outcome NOT IN ('ok', 'not-modified')"),
)

# Common files fetched without a MAC (TFTP) are looked for when a phone of the same address asks for its own file.
Index(
    "event_nameless_common_index",
    event.c.at,
    sqlite_where=text("mac IS NULL AND kind = 'common'"),
    postgresql_where=text("mac IS NULL AND kind = 'common'"),
)

batch = Table(
    "batch",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("format", Integer, nullable=False),
    Column("events", Integer, nullable=False),
    Column("first_at", Float, nullable=False),
    Column("last_at", Float, nullable=False),
    Column("body", LargeBinary, nullable=False),
    comment="Events as the serving processes write them; from these all other tables are made",
    sqlite_autoincrement=True,  # a number never comes again: whoever follows goes on above the last one
)

unpacked = Table(
    "unpacked",
    metadata,
    Column("batch_id", BigInteger, primary_key=True, autoincrement=False),
    comment="Batches that have become rows of the journal and wait to be deleted",
)

last_fetch = Table(
    "last_fetch",
    metadata,
    Column("mac", String(12), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("at", Float, nullable=False),
    Column("protocol", String(8), nullable=False),
    Column("peer", String(64), nullable=False),
    Column("agent", Text),
    Column("model", Text),
    Column("firmware", Text),
    Column("outcome", String(32), nullable=False),
    Column("status", Integer, nullable=False),
    Column("file", Text),
    Column("sha256", String(64)),
    Column("fact", Text, nullable=False),
    Column("delivered_sha256", String(64)),
    Column("delivered_file", Text),
    Column("delivered_at", Float),
    comment="Per known phone and kind of file (or `refusal`) the newest request, and what last reached it whole",
)
Index("last_fetch_delivered_index", last_fetch.c.delivered_sha256)

delivered = Table(
    "delivered",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("first_at", Float, nullable=False),
    Column("last_at", Float, nullable=False),
    comment="Contents that reached a phone whole; the bytes lie in the published store, by the same hash",
)
Index("delivered_last_at_index", delivered.c.last_at)

knocking = Table(
    "knocking",
    metadata,
    Column("mac", String(12), primary_key=True),
    Column("first_at", Float, nullable=False),
    Column("last_at", Float, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("protocol", String(8), nullable=False),
    Column("peer", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("agent", Text),
    Column("model", Text),
    Column("firmware", Text),
    comment="Unknown phones that asked; a bounded number, those silent longest are evicted",
)
Index("knocking_last_at_index", knocking.c.last_at)

ignored = Table(
    "ignored",
    metadata,
    Column("mac", String(12), primary_key=True),
    Column("at", Float, nullable=False),
    Column("reason", Text, nullable=False),
    comment="Unknown phones that people do not want to see again",
)

tally = Table(
    "tally",
    metadata,
    Column("protocol", String(8), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("outcome", String(32), primary_key=True),
    Column("count", BigInteger, nullable=False),
    comment="Decisions ever made, for metrics: journal rows are deleted, counters must not fall",
)

binding = Table(
    "binding",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("aor", Text, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("body", Text, nullable=False),
    comment="Where phones are registered now; one row per contact, the body as the registrar reads it back (JSON)",
)
Index("binding_expires_index", binding.c.expires_at)

job = Table(
    "job",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("asked_at", Float, nullable=False),
    Column("began_at", Float),
    Column("ended_at", Float),
    Column("until", Float, nullable=False),
    Column("wanted_until", Float, nullable=False),
    Column("wish", String(16), nullable=False),
    Column("owner", String(64)),
    Column("lease_until", Float),
    Column("asked", Text, nullable=False),
    Column("progress", Text, nullable=False),
    Column("report", Text),
    Column("problem", Text, nullable=False),
    comment="Work for the SIP process: asked for by a command or a page, claimed with a lease, run, its findings kept (JSON)",
    sqlite_autoincrement=True,
)
Index("job_state_index", job.c.state, job.c.id)

job_part = Table(
    "job_part",
    metadata,
    Column("job_id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("messages", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    comment="Messages that a job recorded, in parts as they came (compressed JSON)",
)

verdict = Table(
    "verdict",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("mac", String(12), nullable=False),
    Column("at", Float, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("heard", String(32), nullable=False),
    Column("passed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("job_id", BigInteger),
    comment="What verification said of phones; a bounded number for each, and in all",
)
Index("verdict_mac_index", verdict.c.mac, verdict.c.id)
