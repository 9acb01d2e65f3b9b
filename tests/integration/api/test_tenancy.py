"""Nobody reaches what belongs to somebody else: neither by the routes, nor past them by SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Table, delete, insert, select, text, update
from sqlalchemy.exc import ProgrammingError

from api.bootstrap import Service
from api.http.app import create_app
from api.tables import METADATA, api_keys, audit_log, jobs, recordings, tenants
from tests.integration.conftest import add_tenant
from tests.unit.api.http.applications import unconnected

PATHS: Final[dict[str, Any]] = create_app(unconnected()).openapi()["paths"]
OF_ONE_THING: Final = [
    (method, path)
    for path, methods in PATHS.items()
    for method in methods
    if "{" in path and not path.startswith("/v1/tenants")
]
REPLAY: Final = {"after": "2024-01-01T00:00:00Z", "before": "2024-01-02T00:00:00Z"}
OF_TENANTS: Final = [table for table in METADATA.sorted_tables if "tenant_id" in table.c]


@pytest.fixture
def belongings(client: TestClient) -> dict[str, str]:
    """Ids of what the tenant has, by the name that routes give them."""
    made = client.post("/v1/recordings", json={"url": "https://example.org/a.wav"}).json()
    endpoint = client.post("/v1/webhook-endpoints", json={"url": "https://example.org/hook"}).json()
    tested = client.post(f"/v1/webhook-endpoints/{endpoint['id']}/test")
    assert tested.is_success
    deliveries = client.get(f"/v1/webhook-endpoints/{endpoint['id']}/deliveries").json()["items"]
    key = client.post("/v1/api-keys", json={"name": "k", "scopes": ["read"]}).json()
    return {
        "recording_id": made["recording"]["id"],
        "job_id": made["job"]["id"],
        "endpoint_id": endpoint["id"],
        "delivery_id": deliveries[0]["id"] if deliveries else made["job"]["id"],
        "key_id": key["id"],
    }


@pytest.mark.parametrize(("method", "path"), OF_ONE_THING)
def test_what_belongs_to_another_tenant_is_not_there(
    client: TestClient, stranger: TestClient, belongings: dict[str, str], method: str, path: str
) -> None:
    address = path.format_map(belongings)
    body = REPLAY if path.endswith("/replay") else {} if method == "patch" else None
    answer = stranger.request(method, address, json=body)
    assert answer.status_code == 404, answer.text
    assert answer.json()["type"].endswith(":not-found")
    assert client.get(f"/v1/recordings/{belongings['recording_id']}").json()["job"]["state"] == "queued"


@pytest.mark.parametrize("path", ["/v1/recordings", "/v1/jobs", "/v1/webhook-endpoints", "/v1/api-keys"])
def test_lists_hold_what_is_the_tenants_own(
    client: TestClient, stranger: TestClient, belongings: dict[str, str], path: str
) -> None:
    own = client.get(path).text
    theirs = stranger.get(path).text
    assert any(ident in own for ident in belongings.values())
    assert not any(ident in theirs for ident in belongings.values())


@pytest.fixture
def other(service: Service, belongings: dict[str, str]) -> UUID:
    """A tenant beside the one that has something."""
    return add_tenant(service)


@pytest.mark.parametrize("table", OF_TENANTS, ids=lambda table: table.name)
def test_a_transaction_of_a_tenant_sees_no_row_of_another(service: Service, other: UUID, table: Table) -> None:
    with service.database.tenant(other) as connection:
        assert connection.execute(select(table)).all() == []


@pytest.mark.parametrize("table", [recordings, jobs, api_keys], ids=lambda table: table.name)
def test_a_transaction_of_a_tenant_changes_no_row_of_another(service: Service, other: UUID, table: Table) -> None:
    with service.database.tenant(other) as connection:
        assert connection.execute(update(table).values(created_at=text("created_at"))).rowcount == 0
        assert connection.execute(delete(table)).rowcount == 0
    with service.database.system() as connection:
        assert connection.execute(select(table)).all() != []


def test_a_transaction_of_a_tenant_makes_no_row_for_another(service: Service, tenant: UUID) -> None:
    row = {"tenant_id": tenant, "name": "x", "source_kind": "upload"}
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        service.database.tenant(add_tenant(service)) as one,
    ):
        one.execute(insert(recordings).values(row))


@pytest.mark.parametrize(
    "act",
    [
        lambda tenant: update(tenants).values(max_queued=1),
        lambda tenant: insert(tenants).values(name="x"),
        lambda tenant: delete(tenants),
        lambda tenant: update(audit_log).values(actor="nobody"),
        lambda tenant: delete(audit_log),
    ],
    ids=["raise its quota", "make a tenant", "remove one", "change what it did", "forget what it did"],
)
def test_a_tenant_has_no_right_to(service: Service, tenant: UUID, act: Callable[[UUID], Any]) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), service.database.tenant(tenant) as connection:
        connection.execute(act(tenant))


def test_a_transaction_that_names_no_tenant_sees_nothing(service: Service, belongings: dict[str, str]) -> None:
    with service.database.engine.begin() as connection:
        connection.execute(text("SET LOCAL ROLE hansard_tenant"))
        assert connection.execute(select(recordings)).all() == []
