from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, select

from api.bootstrap import Service
from api.errors import TemporarilyUnavailable
from api.events import EventType
from api.queue import WEBHOOKS, InMemoryQueue, Lane
from api.recordings.erasure import delete_recording
from api.tables import jobs, outbox, webhook_deliveries, webhook_endpoints
from api.webhooks import endpoints
from api.webhooks.announcing import WINDOW
from api.webhooks.endpoints import Changes, Endpoint
from api.webhooks.fan_out import BATCH, fan_out, fan_out_batch
from api.webhooks.replay import replay_range
from tests.integration.conftest import add_tenant
from tests.integration.webhooks.consumer import Record
from workers.delivery import send_due

Subscribe = Callable[..., tuple[Endpoint, str]]
URL = "https://example.com/hook"


class Unreachable(InMemoryQueue):
    def send(self, queue: str, ids: object, lane: Lane = Lane.FIRST) -> None:
        raise TemporarilyUnavailable


def told(service: Service, event: UUID) -> set[UUID]:
    """Endpoints that an event goes to."""
    with service.database.system() as connection:
        statement = select(webhook_deliveries.c.endpoint_id).where(webhook_deliveries.c.event_id == event)
        return set(connection.execute(statement).scalars())


def test_an_event_goes_to_the_endpoints_that_subscribe_to_its_type(
    service: Service, subscribe: Subscribe, job_ends: Record
) -> None:
    (of_all, _), (of_failures, _) = subscribe(URL), subscribe(URL, EventType.JOB_FAILED, EventType.JOB_DEAD)
    success, failure = job_ends(EventType.JOB_SUCCEEDED), job_ends(EventType.JOB_FAILED)
    assert len(fan_out(service)) == 3
    assert told(service, success) == {of_all.id}
    assert told(service, failure) == {of_all.id, of_failures.id}


def test_a_job_that_names_endpoints_tells_those_alone(service: Service, subscribe: Subscribe, job_ends: Record) -> None:
    """Whatever they subscribe to; a job that names none tells all that want to know."""
    (named, _), (other, _) = subscribe(URL, EventType.JOB_DEAD), subscribe(URL)
    for_named = job_ends(callback_endpoints=[str(named.id)])
    for_all = job_ends(callback_endpoints=[])
    fan_out(service)
    assert told(service, for_named) == {named.id}
    assert told(service, for_all) == {other.id}


def test_an_event_goes_to_the_endpoints_its_job_named_though_the_job_is_gone(
    service: Service, tenant: UUID, subscribe: Subscribe, queued: Callable[..., UUID]
) -> None:
    """A deletion ends the job and erases it in one request, before anybody was told; a replay comes later still."""
    (named, _), (other, _) = subscribe(URL, EventType.JOB_DEAD), subscribe(URL)
    job = queued(options={"callback_endpoints": [str(named.id)]})
    with service.database.system() as connection:
        recording = connection.execute(select(jobs.c.recording_id).where(jobs.c.id == job)).scalar_one()
    delete_recording(service, tenant, recording, actor="test")
    with service.database.system() as connection:
        assert connection.execute(select(func.count()).select_from(jobs)).scalar_one() == 0
        event = connection.execute(select(outbox.c.id).where(outbox.c.job_id == job)).scalar_one()
    fan_out(service)
    assert told(service, event) == {named.id}
    after, before = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)
    with service.database.tenant(tenant) as connection:
        assert len(replay_range(connection, tenant, other.id, after, before)) == 1  # that the recording was deleted
        assert len(replay_range(connection, tenant, named.id, after, before)) == 1


def test_an_event_stays_with_its_tenant(service: Service, subscribe: Subscribe, happen: Record) -> None:
    stranger = add_tenant(service)
    subscribe(URL, owner=stranger)
    event = happen()
    assert fan_out(service) == []
    assert told(service, event) == set()


def test_an_endpoint_hears_nothing_from_before_it_was_made(
    service: Service, subscribe: Subscribe, happen: Record
) -> None:
    happen()
    subscribe(URL)
    assert fan_out(service) == []


def test_neither_a_disabled_nor_a_deleted_endpoint_is_told(
    service: Service, tenant: UUID, subscribe: Subscribe, happen: Record
) -> None:
    (disabled, _), (deleted, _) = subscribe(URL), subscribe(URL)
    with service.database.tenant(tenant) as connection:
        endpoints.change(connection, service.settings, tenant, disabled.id, Changes(enabled=False))
        endpoints.delete(connection, tenant, deleted.id)
    happen()
    assert fan_out(service) == []


def test_fanning_out_again_makes_nothing(service: Service, subscribe: Subscribe, happen: Record) -> None:
    subscribe(URL)
    happen()
    assert len(fan_out(service)) == 1
    assert fan_out(service) == []


def test_several_that_fan_out_at_once_make_each_delivery_once(
    service: Service, subscribe: Subscribe, happen: Record
) -> None:
    subscribe(URL)
    subscribe(URL)
    events = {happen() for _ in range(BATCH + 50)}
    with ThreadPoolExecutor(4) as threads:
        made = [one for part in threads.map(fan_out, [service] * 4) for one in part]
    made += fan_out(service)  # what one of them saw locked, and left to another, is done by now
    assert len(made) == len(set(made)) == 2 * len(events)
    with service.database.system() as connection:
        waiting = select(func.count()).select_from(outbox).where(outbox.c.fanned_out_at.is_(None))
        assert connection.execute(waiting).scalar_one() == 0


def test_who_fans_out_does_not_wait_for_another(service: Service, subscribe: Subscribe, happen: Record) -> None:
    subscribe(URL)
    happen()
    with service.database.system() as slow, service.database.system() as quick:
        assert len(fan_out_batch(slow)[1]) == 1
        assert fan_out_batch(quick) == (0, [])


def test_what_redis_did_not_take_is_sent_by_a_sweep(service: Service, subscribe: Subscribe, happen: Record) -> None:
    subscribe(URL)
    happen()
    made = fan_out(replace(service, queue=Unreachable()))
    assert len(made) == 1
    queue = InMemoryQueue()
    assert send_due(replace(service, queue=queue)) == 1
    assert queue.messages[WEBHOOKS] == made


def test_redis_never_holds_more_than_the_window(service: Service, subscribe: Subscribe, happen: Record) -> None:
    queue = InMemoryQueue()
    queue.send(WEBHOOKS, [uuid4() for _ in range(WINDOW - 2)])
    full = replace(service, queue=queue)
    subscribe(URL)
    for _ in range(5):
        happen()
    assert len(fan_out(full)) == 5
    assert queue.depth(WEBHOOKS) == WINDOW
    assert send_due(full) == 0


def test_a_long_backlog_of_one_endpoint_does_not_keep_others_waiting(
    service: Service, tenant: UUID, subscribe: Subscribe, happen: Record
) -> None:
    subscribe(URL, EventType.RECORDING_DELETED)
    quick, _ = subscribe(URL, EventType.JOB_DEAD)
    for _ in range(20):
        happen(EventType.RECORDING_DELETED)
    happen(EventType.JOB_DEAD)
    fan_out(service)
    queue = InMemoryQueue()
    send_due(replace(service, queue=queue))
    with service.database.system() as connection:
        first = select(webhook_deliveries.c.endpoint_id).where(
            webhook_deliveries.c.id.in_(queue.messages[WEBHOOKS][:2])
        )
        assert quick.id in set(connection.execute(first).scalars())


def test_every_row_of_a_tenant_is_hidden_from_another(service: Service, subscribe: Subscribe, happen: Record) -> None:
    subscribe(URL)
    happen()
    fan_out(service)
    with service.database.tenant(add_tenant(service)) as connection:
        for table in (outbox, webhook_deliveries, webhook_endpoints):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0
