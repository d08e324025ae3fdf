"""Alembic runs this file for each migration; the connection comes from provisioner.state.database."""

from __future__ import annotations

from alembic import context

from provisioner.state.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
