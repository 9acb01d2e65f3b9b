"""A request that was done is answered the same, whatever it would be told if it were new."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import event, func, select, text, update

from api.bootstrap import Service
from api.idempotency import forget_expired
from api.jobs.transition import NOW
from api.states import JobState
from api.tables import idempotency_keys, jobs, tenants, webhook_endpoints

HEADERS = {"Idempotency-Key": "k"}
URL = "https://example.org/a.wav"


def by_address(client: TestClient) -> Response:
    return client.post("/v1/recordings", json={"url": URL}, headers=HEADERS)


def by_file(client: TestClient) -> Response:
    return client.post("/v1/recordings", files={"file": ("a.wav", b"RIFF")}, headers=HEADERS)


def by_form(client: TestClient) -> Response:
    return client.post("/v1/uploads", json={}, headers=HEADERS)


@pytest.fixture
def full(service: Service, tenant: UUID) -> Callable[[], None]:
    """Lets the tenant have no more jobs waiting than it has, by any process's count."""

    def fill() -> None:
        with service.database.system() as connection:
            connection.execute(update(tenants).where(tenants.c.id == tenant).values(max_queued=1))

    return fill


@pytest.mark.parametrize("submit", [by_address, by_file, by_form])
def test_a_submission_that_used_up_the_quota_is_answered_again(
    client: TestClient, full: Callable[[], None], submit: Callable[[TestClient], Response]
) -> None:
    full()
    first, second = submit(client), submit(client)
    assert first.is_success
    assert (second.status_code, second.json()) == (first.status_code, first.json())
    assert second.headers["idempotent-replayed"] == "true"
    assert client.post("/v1/recordings", json={"url": URL}).status_code == 429


@pytest.mark.parametrize("submit", [by_address, by_file, by_form])
def test_a_key_is_free_again_after_a_refusal(
    client: TestClient, service: Service, tenant: UUID, submit: Callable[[TestClient], Response]
) -> None:
    def allow(number: int) -> None:
        with service.database.system() as connection:
            connection.execute(update(tenants).where(tenants.c.id == tenant).values(max_queued=number))
        client.app.state.shared.keys.forget(client.headers["authorization"].split("_")[2])  # type: ignore[attr-defined]

    allow(0)
    assert submit(client).status_code == 429
    with service.database.system() as connection:
        assert connection.execute(select(func.count()).select_from(idempotency_keys)).scalar_one() == 0
    allow(1)
    assert submit(client).is_success


def test_a_job_that_was_run_once_more_at_the_quota_is_told_again(
    client: TestClient, full: Callable[[], None], queued: Callable[..., UUID]
) -> None:
    ended = queued(state=JobState.CANCELLED, finished_at=NOW)
    full()
    first, second = (client.post(f"/v1/jobs/{ended}/requeue", headers=HEADERS) for _ in range(2))
    assert first.status_code == 202
    assert second.json() == first.json()


def test_a_submission_is_answered_again_when_its_endpoint_is_gone(client: TestClient, service: Service) -> None:
    endpoint = client.post("/v1/webhook-endpoints", json={"url": "https://example.org/hook"}).json()["id"]
    body = {"url": URL, "callback_endpoints": [endpoint]}
    first = client.post("/v1/recordings", json=body, headers=HEADERS)
    with service.database.system() as connection:
        connection.execute(update(webhook_endpoints).values(deleted_at=NOW))
    second = client.post("/v1/recordings", json=body, headers=HEADERS)
    assert (first.status_code, second.status_code) == (202, 202)
    with service.database.system() as connection:
        assert connection.execute(select(func.count()).select_from(jobs)).scalar_one() == 1


def test_keys_that_are_kept_no_longer_are_found_by_their_index(service: Service) -> None:
    """Every few seconds, among the keys of a whole day."""
    said: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        said.append((statement, parameters))

    event.listen(service.database.engine, "before_cursor_execute", note)
    with service.database.system() as connection:
        forget_expired(connection)
    event.remove(service.database.engine, "before_cursor_execute", note)
    statement, parameters = said[-1]
    with service.database.system() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
    assert any("Index Cond" in line for line in plan), plan
