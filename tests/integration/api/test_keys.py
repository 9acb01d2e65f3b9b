"""API keys: who asks, and what they may."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from api import keys
from api.bootstrap import Service
from api.errors import Unauthorized
from api.keys import FRESH_SECONDS, KeyRing, Scope
from api.tables import api_keys, audit_log
from tests.integration.conftest import add_tenant

ALL = [str(scope) for scope in Scope]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_key_is_shown_once_and_stored_as_a_digest(client: TestClient, service: Service) -> None:
    made = client.post("/v1/api-keys", json={"name": "ci", "scopes": ["read"]})
    assert made.status_code == 201
    body = made.json()
    assert body["key"].startswith(f"hs_live_{body['prefix']}_")
    assert client.get("/v1/jobs", headers=bearer(body["key"])).status_code == 200
    listed = client.get("/v1/api-keys")
    assert body["id"] in {one["id"] for one in listed.json()["items"]}
    assert body["key"].rpartition("_")[2] not in listed.text
    with service.database.system() as connection:
        stored = connection.execute(
            select(func.to_jsonb(api_keys.table_valued())).where(api_keys.c.name == "ci")
        ).scalar()
        told = connection.execute(select(audit_log.c.action, audit_log.c.subject)).all()
    assert body["key"].rpartition("_")[2] not in str(stored)
    assert told == [("key.created", UUID(body["id"]))]


@pytest.mark.parametrize(
    "wanted", [{"name": "", "scopes": ["read"]}, {"name": "a", "scopes": []}, {"name": "a", "scopes": ["root"]}]
)
def test_a_key_that_cannot_be_is_refused(client: TestClient, wanted: dict[str, Any]) -> None:
    assert slug(client.post("/v1/api-keys", json=wanted)) == "validation-error"


def test_a_revoked_key_is_refused_at_once_here(client: TestClient, service: Service) -> None:
    body = client.post("/v1/api-keys", json={"name": "ci", "scopes": ["read"]}).json()
    assert client.get("/v1/jobs", headers=bearer(body["key"])).status_code == 200
    for _ in range(2):
        assert client.delete(f"/v1/api-keys/{body['id']}").json()["revoked_at"] is not None
    answer = client.get("/v1/jobs", headers=bearer(body["key"]))
    assert (answer.status_code, slug(answer)) == (401, "invalid-api-key")


def test_a_key_revoked_elsewhere_is_refused_when_what_is_known_has_aged(
    service: Service, tenant: UUID, key_for: Callable[..., str]
) -> None:
    clock = Clock()
    ring, key = KeyRing(service.database, clock), key_for(tenant)
    assert ring.look_up(key).tenant_id == tenant
    with service.database.system() as connection:
        connection.execute(update(api_keys).values(revoked_at=func.clock_timestamp()))
    assert ring.recall(key) is not None
    clock.now += FRESH_SECONDS
    assert ring.recall(key) is None
    with pytest.raises(Unauthorized):
        ring.look_up(key)


def test_a_key_that_is_known_costs_no_query(service: Service, tenant: UUID, key_for: Callable[..., str]) -> None:
    ring, key = KeyRing(service.database, Clock()), key_for(tenant)
    assert ring.recall(key) is None
    found = ring.look_up(key)
    service.database.close()
    assert ring.recall(key) is found


def test_a_key_with_another_secret_is_refused_known_or_not(
    service: Service, tenant: UUID, key_for: Callable[..., str]
) -> None:
    ring, key = KeyRing(service.database, Clock()), key_for(tenant)
    forged = key[:-1] + ("a" if key[-1] != "a" else "b")
    for _ in range(2):
        for ask in (ring.look_up, ring.recall if ring.recall(key) else ring.look_up):
            with pytest.raises(Unauthorized):
                ask(forged)
        ring.look_up(key)


def test_an_expired_key_is_refused(
    service: Service, tenant: UUID, key_for: Callable[..., str], client: TestClient
) -> None:
    key = key_for(tenant, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert slug(client.get("/v1/jobs", headers=bearer(key))) == "invalid-api-key"


def test_a_key_is_not_believed_beyond_its_end(service: Service, tenant: UUID, key_for: Callable[..., str]) -> None:
    clock = Clock()
    ring, key = KeyRing(service.database, clock), key_for(tenant, expires_at=datetime.now(UTC) + timedelta(seconds=3))
    ring.look_up(key)
    clock.now += 3.0
    assert ring.recall(key) is None


def test_use_is_noted_to_the_minute(service: Service, tenant: UUID, key_for: Callable[..., str]) -> None:
    ring, key = KeyRing(service.database), key_for(tenant)
    noted = []
    for _ in range(2):
        ring.look_up(key)
        with service.database.system() as connection:
            noted.append(connection.execute(select(api_keys.c.last_used_at)).scalar_one())
    assert noted[0] is not None
    assert noted[0] == noted[1]


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        (Scope.READ, "GET", "/v1/recordings"),
        (Scope.READ, "GET", "/v1/jobs"),
        (Scope.READ, "GET", "/v1/search?q=a"),
        (Scope.WRITE, "POST", "/v1/recordings"),
        (Scope.WRITE, "POST", f"/v1/jobs/{UUID(int=1)}/cancel"),
        (Scope.KEYS, "GET", "/v1/api-keys"),
        (Scope.ADMIN, "GET", "/v1/tenants"),
        (Scope.WEBHOOKS, "GET", "/v1/webhook-endpoints"),
    ],
)
def test_a_key_does_what_its_scopes_allow(
    client: TestClient, tenant: UUID, key_for: Callable[..., str], scope: Scope, method: str, path: str
) -> None:
    others = key_for(tenant, *(one for one in Scope if one is not scope))
    refused = client.request(method, path, headers=bearer(others))
    assert (refused.status_code, slug(refused)) == (403, "missing-scope")
    assert str(scope) in refused.json()["detail"]
    assert client.request(method, path, headers=bearer(key_for(tenant, scope))).status_code != 403


def test_nobody_gives_what_they_do_not_have(client: TestClient, tenant: UUID, key_for: Callable[..., str]) -> None:
    headers = bearer(key_for(tenant, Scope.KEYS, Scope.READ))
    wanted = {"name": "more", "scopes": ["read", "admin"]}
    assert slug(client.post("/v1/api-keys", json=wanted, headers=headers)) == "missing-scope"


def test_an_administrator_makes_a_tenant_and_its_first_key(client: TestClient) -> None:
    made = client.post(
        "/v1/tenants", json={"name": "acme", "weight": 2.5, "max_queued": 10, "source_buckets": ["calls"]}
    )
    assert made.status_code == 201
    tenant = made.json()
    assert (tenant["weight"], tenant["max_queued"], tenant["source_buckets"]) == (2.5, 10, ["calls"])
    key = client.post(f"/v1/tenants/{tenant['id']}/api-keys", json={"name": "first", "scopes": ["read", "keys"]}).json()
    names = [one["name"] for one in client.get("/v1/api-keys", headers=bearer(key["key"])).json()["items"]]
    assert names == ["first"]
    changed = client.patch(f"/v1/tenants/{tenant['id']}", json={"weight": 1.0, "source_buckets": []}).json()
    assert changed == tenant | {"weight": 1.0, "source_buckets": []}
    assert tenant["name"] in {one["name"] for one in client.get("/v1/tenants").json()["items"]}


@pytest.mark.parametrize("wanted", [{"weight": 0}, {"weight": -1}, {"weight": "2"}, {"max_queued": 1.5}, {"name": "x"}])
def test_a_tenant_is_not_changed_to_what_cannot_be(client: TestClient, tenant: UUID, wanted: dict[str, Any]) -> None:
    assert slug(client.patch(f"/v1/tenants/{tenant}", json=wanted)) == "validation-error"


def test_a_name_is_one_tenants(client: TestClient) -> None:
    client.post("/v1/tenants", json={"name": "acme"})
    again = client.post("/v1/tenants", json={"name": "acme"})
    assert (slug(again), again.json()["errors"][0]["pointer"]) == ("validation-error", "/name")


def test_keys_and_changes_are_for_tenants_that_exist(client: TestClient) -> None:
    assert slug(client.patch(f"/v1/tenants/{uuid4()}", json={})) == "not-found"
    wanted = {"name": "a", "scopes": ["read"]}
    assert slug(client.post(f"/v1/tenants/{uuid4()}/api-keys", json=wanted)) == "not-found"


def test_a_new_quota_acts_when_what_is_known_has_aged(service: Service) -> None:
    owner = add_tenant(service)
    with service.database.system() as connection:
        key = keys.create_key(connection, owner, "k", [Scope.READ]).text
    clock = Clock()
    ring = KeyRing(service.database, clock)
    assert ring.look_up(key).limits.source_buckets == ()
    with service.database.system() as connection:
        from api.tables import tenants

        connection.execute(update(tenants).where(tenants.c.id == owner).values(source_buckets=["calls"]))
    clock.now += FRESH_SECONDS
    assert ring.look_up(key).limits.source_buckets == ("calls",)
