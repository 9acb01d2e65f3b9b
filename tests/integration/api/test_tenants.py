"""Tenants are made and changed on the record, and within limits."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.bootstrap import Service
from api.tables import audit_log, tenants


def noted(service: Service) -> list[tuple[str, UUID]]:
    with service.database.system() as connection:
        rows = connection.execute(
            select(audit_log.c.action, audit_log.c.subject, audit_log.c.tenant_id, audit_log.c.request_id)
            .where(audit_log.c.action.startswith("tenant."))
            .order_by(audit_log.c.id)
        )
        found = [tuple(row) for row in rows]
    assert all(subject == owner and request for _, subject, owner, request in found)
    return [(action, subject) for action, subject, *_ in found]


def test_what_is_done_to_a_tenant_is_noted(client: TestClient, service: Service) -> None:
    ident = UUID(client.post("/v1/tenants", json={"name": "acme"}).json()["id"])
    client.patch(f"/v1/tenants/{ident}", json={"weight": 2.0})
    assert noted(service) == [("tenant.created", ident), ("tenant.changed", ident)]


def test_what_was_not_done_is_not_noted(client: TestClient, service: Service) -> None:
    client.post("/v1/tenants", json={"name": "acme"})
    assert not client.post("/v1/tenants", json={"name": "acme"}).is_success
    assert not client.patch(f"/v1/tenants/{UUID(int=1)}", json={"weight": 2.0}).is_success
    assert len(noted(service)) == 1


@pytest.mark.parametrize("wanted", [{"name": "thief"}, None], ids=["made", "changed"])
def test_nobody_is_let_into_the_bucket_of_the_service(
    client: TestClient, service: Service, tenant: UUID, wanted: dict[str, Any] | None
) -> None:
    """Through it they would read what every other tenant has sent."""
    buckets = {"source_buckets": ["calls", service.settings.s3_bucket]}
    method, path = ("PATCH", f"/v1/tenants/{tenant}") if wanted is None else ("POST", "/v1/tenants")
    refused = client.request(method, path, json=buckets | (wanted or {}))
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/source_buckets/1"
    with service.database.system() as connection:
        assert connection.execute(select(tenants.c.source_buckets)).scalars().all() == [[]]
