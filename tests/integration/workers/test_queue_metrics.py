"""What the dispatcher tells of the queues."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import insert, text, update

from api.events import EventType, record
from api.jobs.reaping import MAX_CRASHES
from api.states import Pool, Priority
from api.tables import jobs, webhook_deliveries
from api.webhooks import endpoints
from workers.context import Context
from workers.dispatcher import Dispatcher
from workers.execution import execute
from workers.queue_metrics import observe_queues

if TYPE_CHECKING:
    from api.bootstrap import Service

Queued = Callable[..., UUID]


def told(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"hansard_{name}", labels) or 0.0


@pytest.fixture
def observe(service: Service) -> Callable[[], None]:
    def run() -> None:
        with service.database.system() as connection:
            observe_queues(connection)

    return run


def ago(seconds: int) -> Any:
    return text(f"clock_timestamp() - interval '{seconds} seconds'")


def test_depth_and_age_are_told_for_every_pool_and_priority(observe: Callable[[], None], queued: Queued) -> None:
    queued(queued_at=ago(60))
    queued(queued_at=ago(90))
    queued(pool=Pool.INGEST, priority=Priority.BACKFILL, queued_at=ago(30))
    observe()
    interactive = {"pool": "process", "priority": "interactive"}
    backfill = {"pool": "ingest", "priority": "backfill"}
    assert (told("queued_jobs", **interactive), told("queued_jobs", **backfill)) == (2, 1)
    assert 90 <= told("queue_age_seconds", **interactive) < 120
    assert 30 <= told("queue_age_seconds", **backfill) < 60
    assert told("queued_jobs", pool="ingest", priority="interactive") == 0
    assert told("dispatcher_round_timestamp_seconds") > 0


def test_a_queue_that_has_emptied_is_told_to_be_empty(
    observe: Callable[[], None], queued: Queued, service: Service
) -> None:
    queued(queued_at=ago(60))
    observe()
    with service.database.system() as connection:
        connection.execute(update(jobs).values(state="cancelled", finished_at=ago(0)))
    observe()
    labels = {"pool": "process", "priority": "interactive"}
    assert (told("queued_jobs", **labels), told("queue_age_seconds", **labels)) == (0, 0)


def test_a_job_that_waits_for_its_next_attempt_is_not_late(observe: Callable[[], None], queued: Queued) -> None:
    queued(queued_at=ago(600), not_before=text("clock_timestamp() + interval '60 seconds'"))
    observe()
    labels = {"pool": "process", "priority": "interactive"}
    assert (told("queued_jobs", **labels), told("queue_age_seconds", **labels)) == (1, 0)


def test_webhooks_that_are_due_are_told(observe: Callable[[], None], service: Service, tenant: UUID) -> None:
    with service.database.system() as connection:
        endpoint, _ = endpoints.create(connection, service.settings, tenant, url="https://example.org/hook", events=())
        for late in (45, 15, -3600):
            event = uuid4()
            record(connection, tenant, EventType.RECORDING_DELETED, {}, event_id=event)
            row = {"tenant_id": tenant, "endpoint_id": endpoint.id, "event_id": event, "next_at": ago(late)}
            connection.execute(insert(webhook_deliveries).values(row))
    observe()
    assert told("due_deliveries") == 2
    assert 45 <= told("delivery_age_seconds") < 75


@pytest.mark.parametrize(("crashes", "dead"), [(0, 0), (MAX_CRASHES - 1, 1)])
def test_jobs_that_are_given_up_are_told_apart_from_those_that_go_back(
    service: Service, queued: Queued, lease_runs_out: Callable[[UUID], None], tmp_path: Any, crashes: int, dead: int
) -> None:
    job = queued(crash_count=crashes)

    def dies(*_: object) -> None:
        lease_runs_out(job)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(Context(service=service, work={Pool.PROCESS: dies}, scratch=tmp_path), job, Pool.PROCESS)
    before = told("leases_expired_total"), told("dead_jobs_total")
    Dispatcher(service=service).round()
    assert (told("leases_expired_total") - before[0], told("dead_jobs_total") - before[1]) == (1, dead)
