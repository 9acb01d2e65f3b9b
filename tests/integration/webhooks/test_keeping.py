"""How long events are kept."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from uuid import UUID

import pytest
from sqlalchemy import Table, func, select, text, update

from api.bootstrap import Service
from api.errors import NotFound
from api.jobs.transition import NOW
from api.tables import outbox, webhook_attempts, webhook_deliveries
from api.webhooks import keeping
from api.webhooks.endpoints import Endpoint
from api.webhooks.fan_out import fan_out
from api.webhooks.keeping import forget_events
from api.webhooks.replay import replay_one, replay_range
from api.webhooks.schedule import Action
from tests.integration.webhooks.consumer import OK, Consumer, Deliverer, Record, answer

Subscribe = Callable[..., tuple[Endpoint, str]]
DAYS = 30


def forget(service: Service, days: int = DAYS) -> int:
    with service.database.system() as connection:
        return forget_events(connection, days)


def grow_old(service: Service, *events: UUID) -> None:
    with service.database.system() as connection:
        old = NOW - timedelta(days=DAYS, minutes=1)
        connection.execute(update(outbox).where(outbox.c.id.in_(events)).values(created_at=old))


def count(service: Service, table: Table) -> int:
    with service.database.system() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_an_old_event_goes_with_its_deliveries_and_attempts(
    service: Service, consumer: Consumer, subscribe: Subscribe, happen: Record, deliverer: Deliverer
) -> None:
    subscribe(consumer.url)
    old, young = happen(), happen()
    deliverer.all(fan_out(service))
    grow_old(service, old)
    assert forget(service, days=0) == 0, "0 keeps everything"
    assert forget(service) == 1
    with service.database.system() as connection:
        assert connection.execute(select(outbox.c.id)).scalars().all() == [young]
    assert (count(service, webhook_deliveries), count(service, webhook_attempts)) == (1, 1)


def test_an_event_whose_deliveries_are_still_to_be_made_stays(service: Service, happen: Record) -> None:
    grow_old(service, happen())
    assert forget(service) == 0
    fan_out(service)
    assert forget(service) == 1


def test_an_event_stays_as_long_as_a_delivery_tries(
    service: Service, tenant: UUID, consumer: Consumer, subscribe: Subscribe, happen: Record, deliverer: Deliverer
) -> None:
    """Also one that was asked for again when it was old."""
    consumer.replies = [answer(500), OK]
    endpoint, _ = subscribe(consumer.url)
    event = happen()
    assert deliverer.all(fan_out(service)) == [Action.RETRY]
    grow_old(service, event)
    assert forget(service) == 0
    with service.database.tenant(tenant) as connection:
        again = replay_one(connection, tenant, endpoint.id, event)
    assert forget(service) == 0
    assert deliverer.all(again) == [Action.DELIVERED]
    assert forget(service) == 1


def test_only_so_many_go_at_once(service: Service, happen: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "BATCH", 2)
    grow_old(service, *(happen() for _ in range(3)))
    fan_out(service)
    assert [forget(service) for _ in range(3)] == [2, 1, 0]


def test_an_event_that_is_being_replayed_is_left_alone(
    service: Service, tenant: UUID, subscribe: Subscribe, happen: Record
) -> None:
    endpoint, _ = subscribe("https://example.com/hook")
    event = happen()
    fan_out(service)
    with service.database.system() as connection:
        connection.execute(update(webhook_deliveries).values(state="delivered", finished_at=NOW))
    grow_old(service, event)
    with service.database.tenant(tenant) as connection:
        assert len(replay_one(connection, tenant, endpoint.id, event)) == 1
        assert forget(service) == 0
    assert forget(service) == 0


def test_a_replay_that_comes_too_late_finds_nothing(
    service: Service, tenant: UUID, subscribe: Subscribe, happen: Record
) -> None:
    """It waits for the sweep, and does not stumble over what that takes away."""
    endpoint, _ = subscribe("https://example.com/hook", owner=tenant)
    event = happen()
    with service.database.system() as connection:
        connection.execute(update(outbox).values(fanned_out_at=NOW))
    grow_old(service, event)
    long_ago, later = datetime.now(UTC) - timedelta(days=DAYS + 1), datetime.now(UTC)

    def replayed() -> list[UUID]:
        with service.database.tenant(tenant) as connection:
            return replay_range(connection, tenant, endpoint.id, long_ago, later)

    with ThreadPoolExecutor(1) as threads:
        with service.database.system() as connection:
            assert forget_events(connection, DAYS) == 1
            waiting = threads.submit(replayed)
            wait_for_a_lock(service)
        assert waiting.result(timeout=10) == []
    with service.database.tenant(tenant) as connection, pytest.raises(NotFound):
        replay_one(connection, tenant, endpoint.id, event)


def wait_for_a_lock(service: Service) -> None:
    """Wait until a transaction waits for another."""
    deadline = monotonic() + 10
    waits = text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
    while monotonic() < deadline:
        with service.database.engine.connect() as connection:
            if connection.execute(waits).scalar_one():
                return
        sleep(0.02)
    pytest.fail("nobody waits")
