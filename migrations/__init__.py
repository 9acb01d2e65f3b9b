"""Alembic's side of the tables: how a database gets from one version to the next."""
