"""`hansard migrate`."""

from __future__ import annotations

import typer


def migrate() -> None:
    """Bring the database to this version (HANSARD_MIGRATION_URL, or HANSARD_DATABASE_URL)."""
    from api.migrations import upgrade
    from api.settings import Settings

    settings = Settings.from_environment()
    upgrade((settings.migration_url or settings.database_url).get_secret_value())
    typer.echo("the database is up to date", err=True)
