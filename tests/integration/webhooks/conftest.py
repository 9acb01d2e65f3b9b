"""A tenant with a receiver, and events to tell it of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from api.events import EventType, record, record_end
from api.jobs.transition import NOW
from api.tables import jobs, outbox
from api.webhooks import endpoints
from api.webhooks.endpoints import Endpoint
from tests.integration.conftest import settings_for
from tests.integration.webhooks.consumer import Consumer, Deliverer, Record, Time

if TYPE_CHECKING:
    from api.bootstrap import Service
    from api.settings import Settings
    from embedded.stores import Stores


@pytest.fixture
def settings(stores: Stores, database_url: str) -> Settings:
    """Receivers may lie on the loopback."""
    return settings_for(stores, database_url, allow_http_sources=True, allowed_networks=("127.0.0.0/8",))


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    with Consumer().running() as running:
        yield running


@pytest.fixture
def subscribe(service: Service, tenant: UUID) -> Callable[..., tuple[Endpoint, str]]:
    """Makes an endpoint; with its secret."""

    def make(url: str, *events: EventType, owner: UUID = tenant) -> tuple[Endpoint, str]:
        with service.database.tenant(owner) as connection:
            return endpoints.create(connection, service.settings, owner, url=url, events=events)

    return make


@pytest.fixture
def happen(service: Service, tenant: UUID) -> Record:
    """Writes an event of the tenant that stands for nothing else."""

    def write(kind: EventType = EventType.RECORDING_DELETED, owner: UUID = tenant, **data: Any) -> UUID:
        event = uuid4()
        with service.database.system() as connection:
            record(connection, owner, kind, {"recording_id": str(uuid4())} | data, event_id=event)
        return event

    return write


@pytest.fixture
def job_ends(service: Service, queued: Callable[..., UUID]) -> Record:
    """Ends a job, which writes its event; the job's options may be given."""

    def write(kind: EventType = EventType.JOB_SUCCEEDED, **options: Any) -> UUID:
        job = queued(options=options)
        error = "corrupt-media" if kind in {EventType.JOB_FAILED, EventType.JOB_DEAD} else None
        values = {"state": kind.removeprefix("job."), "finished_at": NOW, "error_type": error}
        with service.database.system() as connection:
            ended = connection.execute(update(jobs).where(jobs.c.id == job).values(values).returning(jobs))
            record_end(connection, ended.mappings().one())
            event: UUID = connection.execute(select(outbox.c.id).where(outbox.c.job_id == job)).scalar_one()
        return event

    return write


@pytest.fixture
def deliverer(service: Service, time: Time) -> Deliverer:
    return Deliverer.of(service, time)
