"""Keys and tenants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from api.client.connection import Call, Connection, Json, given, moment, segment

KEYS = "v1/api-keys"
TENANTS = "v1/tenants"


class ApiKeys:
    """Keys of the tenant; for administrators also those of others."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        expires_at: datetime | None = None,
        tenant_id: UUID | str | None = None,
    ) -> Json:
        """Make a key, for another tenant where one is named; its `key` is in this answer and in no other."""
        path = KEYS if tenant_id is None else f"{TENANTS}/{segment(tenant_id)}/api-keys"
        body = given(name=name, scopes=list(scopes), expires_at=moment(expires_at))
        return self._connection.json(Call(method="POST", path=path, body=body))

    def list(self) -> Iterator[Json]:
        """Keys without their secrets, the newest first, revoked ones too."""
        return self._connection.pages(KEYS)

    def revoke(self, key_id: UUID | str) -> Json:
        """End a key for good."""
        return self._connection.json(Call(method="DELETE", path=f"{KEYS}/{segment(key_id)}"))


class Tenants:
    """Those who share the installation; for administrators."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(
        self,
        name: str,
        *,
        weight: float | None = None,
        max_queued: int | None = None,
        max_requests_per_minute: int | None = None,
        source_buckets: Sequence[str] | None = None,
    ) -> Json:
        """Make a tenant; `ApiKeys.create` makes its first key."""
        body = given(name=name) | _limits(weight, max_queued, max_requests_per_minute, source_buckets)
        return self._connection.json(Call(method="POST", path=TENANTS, body=body))

    def list(self) -> Iterator[Json]:
        """All tenants, the oldest first."""
        return self._connection.pages(TENANTS)

    def update(
        self,
        tenant_id: UUID | str,
        *,
        weight: float | None = None,
        max_queued: int | None = None,
        max_requests_per_minute: int | None = None,
        source_buckets: Sequence[str] | None = None,
    ) -> Json:
        """Change what is given; an empty list of buckets takes all away."""
        body = _limits(weight, max_queued, max_requests_per_minute, source_buckets)
        return self._connection.json(Call(method="PATCH", path=f"{TENANTS}/{segment(tenant_id)}", body=body))


def _limits(
    weight: float | None,
    max_queued: int | None,
    max_requests_per_minute: int | None,
    source_buckets: Sequence[str] | None,
) -> Json:
    return given(
        weight=weight,
        max_queued=max_queued,
        max_requests_per_minute=max_requests_per_minute,
        source_buckets=None if source_buckets is None else list(source_buckets),
    )
