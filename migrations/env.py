"""What Alembic runs: connects as the owner of the tables and applies what is missing."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from api.tables import METADATA

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, compare_type=True, compare_server_default=True)
with context.begin_transaction():
    context.run_migrations()
