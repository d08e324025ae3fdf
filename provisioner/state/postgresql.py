"""PostgreSQL as the state layer wants it: what is read is one moment, and one transaction writes at a time.

One writer is what SQLite gives by nature, and what the tables were made for: numbers of rows come in the order of their
commits, so that whoever follows them misses none, and what was counted is still true when a row is added.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

WRITE_LOCK = 0x50524F56
"Key of the lock that a writing transaction of ours holds: any number that other programs in this database do not take."

CONNECT_TIMEOUT_S = 10
"A server that is away is an error, not a wait without end; the driver's least is 2 s."
SILENCE_S = 10
"How long the system of a server may acknowledge nothing, or be silent before it is asked whether it is still there."
ABANDONED_S = 60
"How long a writing transaction may do nothing before the server ends it: its machine may be gone, and others wait for the lock."


def connect_arguments() -> dict[str, Any]:
    """Return what the driver is given with every connection."""
    return {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "keepalives_idle": SILENCE_S,
        "keepalives_interval": SILENCE_S // 2,
        "tcp_user_timeout": SILENCE_S * 1000,
        "application_name": "provisioner",
    }


def prepare_postgresql(engine: sa.Engine, busy_timeout_s: float) -> None:
    """Make transactions of this engine behave as SQLite's: begun where we say so, writers waiting for each other."""

    @sa.event.listens_for(engine, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        if not connection.get_execution_options().get("writes"):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return
        # Read committed on purpose: each statement sees what the writer before us has committed, also the first.
        connection.exec_driver_sql(
            f"SET LOCAL lock_timeout = {max(1, int(busy_timeout_s * 1000))}; "
            f"SET LOCAL idle_in_transaction_session_timeout = {int(ABANDONED_S * 1000)}; "
            f"SELECT pg_advisory_xact_lock({WRITE_LOCK})"
        )
