"""The key that a new installation begins with."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select

from api.db import Database
from api.keys import Scope, create_key
from api.tables import api_keys
from api.tenants import create_tenant

TENANT: Final = "default"


def first_key(database: Database) -> str | None:
    """Make a tenant and a key for everything, where there is no key yet; None where there is one."""
    with database.system() as connection:
        if connection.execute(select(func.count()).select_from(api_keys)).scalar_one():
            return None
    tenant = create_tenant(database, TENANT)
    with database.system() as connection:
        return create_key(connection, tenant["id"], "first", tuple(Scope)).text
