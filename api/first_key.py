"""The key that a new installation begins with."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy import Connection, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from api.db import Database
from api.keys import Scope, create_key
from api.tables import api_keys, tenants

TENANT: Final = "default"


def first_key(database: Database) -> str | None:
    """Make a key for everything, of the tenant `default`, where no key can be used; None where one can.

    Keys that were revoked or have expired do not count: who has lost all others gets in again.

    Raises:
        TemporarilyUnavailable: the database does not answer; nothing was made.
    """
    with database.system() as connection:
        # Two at once would both see no key, and make one each.
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("first key", 0))))
        if _usable_keys(connection):
            return None
        return create_key(connection, _tenant(connection), "first", tuple(Scope)).text


def _usable_keys(connection: Connection) -> int:
    unexpired = or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > func.clock_timestamp())
    statement = select(func.count()).where(api_keys.c.revoked_at.is_(None), unexpired)
    return connection.execute(statement).scalar_one()


def _tenant(connection: Connection) -> UUID:
    """The id of the tenant, which is made where there is none."""
    connection.execute(insert(tenants).values(name=TENANT).on_conflict_do_nothing())
    found: UUID = connection.execute(select(tenants.c.id).where(tenants.c.name == TENANT)).scalar_one()
    return found
