"""Bring a database to the version that this code needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

import migrations
from api.db import psycopg_url
from api.tables import METADATA

_ONE_AT_A_TIME = 7_116_420_551_091_133
# Any number, of an advisory lock: two that start at once must not migrate side by side.
_LOCK_TIMEOUT = "10s"
# A migration that cannot have its lock gives up, rather than making everyone queue behind it.
_OPTIONS = {"compare_server_default": True, "compare_type": True}


def upgrade(url: str, to: str = "head") -> None:
    """Apply what is missing. `url` is that of the tables' owner, who may create roles."""
    _run(url, lambda config: command.upgrade(config, to))


def downgrade(url: str, to: str) -> None:
    """Take versions back, down to `to`; `base` leaves an empty database."""
    _run(url, lambda config: command.downgrade(config, to))


def drift(connection: Connection) -> list[object]:
    """What differs between the database and the tables that the code declares."""
    return list(compare_metadata(MigrationContext.configure(connection, opts=_OPTIONS), METADATA))


def is_current(connection: Connection) -> bool:
    """Whether the database is of this code's version."""
    found = MigrationContext.configure(connection).get_current_revision()
    return found == ScriptDirectory.from_config(_config()).get_current_head()


def _run(url: str, act: Callable[[Config], None]) -> None:
    engine = create_engine(psycopg_url(url), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": _ONE_AT_A_TIME})
        connection.execute(text("SELECT set_config('lock_timeout', :limit, false)"), {"limit": _LOCK_TIMEOUT})
        connection.commit()
        config = _config()
        config.attributes["connection"] = connection
        act(config)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return config
