"""Those who share an installation: what each may use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import Connection, RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError

from api.db import Database
from api.errors import InvalidRequest, NotFound
from api.settings import Settings
from api.tables import tenants


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantLimits:
    """What a tenant may ask of the installation."""

    max_queued: int = 200_000
    """Jobs that wait at once."""
    max_requests_per_minute: int = 60_000
    source_buckets: tuple[str, ...] = ()
    """Buckets that recordings may be taken from by `s3://` address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantChanges:
    """What is to change; None leaves it as it is."""

    weight: float | None = None
    max_queued: int | None = None
    max_requests_per_minute: int | None = None
    source_buckets: Sequence[str] | None = None


def check_buckets(changes: TenantChanges, settings: Settings) -> None:
    """Raise `InvalidRequest` where the service's own bucket is among the sources: all tenants' recordings lie there."""
    for number, bucket in enumerate(changes.source_buckets or ()):
        if bucket == settings.s3_bucket:
            message = f"the bucket {bucket} is the service's own: who may read it may read what others have sent"
            raise InvalidRequest(message, f"/source_buckets/{number}")


def create_tenant(database: Database, name: str, changes: TenantChanges | None = None) -> RowMapping:
    """Make a tenant in a transaction of its own; raises like `add_tenant`."""
    with database.system() as connection:
        return add_tenant(connection, name, changes)


def add_tenant(connection: Connection, name: str, changes: TenantChanges | None = None) -> RowMapping:
    """Make a tenant; what `changes` leaves out has the defaults of the table.

    Raises:
        InvalidRequest: the name is taken.
    """
    values = {"name": name} | _given(changes or TenantChanges())
    try:
        return connection.execute(insert(tenants).values(values).returning(tenants)).mappings().one()
    except IntegrityError:
        message = f"there is a tenant of the name {name!r} already"
        raise InvalidRequest(message, "/name") from None


def update_tenant(connection: Connection, tenant_id: UUID, changes: TenantChanges) -> RowMapping:
    """Change a tenant; its keys act on it within seconds. Raises `NotFound`."""
    same = {"name": tenants.c.name}
    statement = update(tenants).where(tenants.c.id == tenant_id).values(same | _given(changes)).returning(tenants)
    changed = connection.execute(statement).mappings().one_or_none()
    if changed is None:
        raise NotFound
    return changed


def list_tenants(connection: Connection, *, after: UUID | None, limit: int) -> Sequence[RowMapping]:
    """Tenants in order of creation, those after `after`."""
    statement = select(tenants).order_by(tenants.c.id).limit(limit)
    if after is not None:
        statement = statement.where(tenants.c.id > after)
    return connection.execute(statement).mappings().all()


def _given(changes: TenantChanges) -> dict[str, object]:
    given = {name: value for name, value in asdict(changes).items() if value is not None}
    if "source_buckets" in given:
        given["source_buckets"] = list(given["source_buckets"])
    return given
