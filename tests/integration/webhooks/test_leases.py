from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

from sqlalchemy import func, select

from api.bootstrap import Service
from api.outbound.client import Posted
from api.tables import webhook_attempts, webhook_deliveries, webhook_endpoints
from api.webhooks import endpoints
from api.webhooks.announcing import due
from api.webhooks.deliveries import LEASE, Claimed, DeliveryState, claim, settle
from api.webhooks.endpoints import Changes, Endpoint
from api.webhooks.fan_out import fan_out
from api.webhooks.schedule import Action, Decision
from tests.integration.webhooks.consumer import Consumer, Deliverer, Record, Time

Subscribe = Callable[..., tuple[Endpoint, str]]
FAILED = Posted(status=500, retry_after=None, seconds=0.1, error=None)
AGAIN = Decision(action=Action.RETRY, delay=5.0)
GONE = Posted(status=410, retry_after=None, seconds=0.1, error=None)
ACCEPTED = Posted(status=200, retry_after=None, seconds=0.1, error=None)
DONE = Decision(action=Action.DELIVERED)
URL = "https://example.com/hook"


def test_workers_that_get_the_same_messages_post_each_attempt_once(
    service: Service, consumer: Consumer, subscribe: Subscribe, happen: Record, deliverer: Deliverer
) -> None:
    subscribe(consumer.url)
    events = {happen() for _ in range(200)}
    deliveries = fan_out(service)
    with ThreadPoolExecutor(4) as threads:
        actions = Counter(threads.map(deliverer, [one for one in deliveries for _ in range(2)]))
    assert actions == {Action.DELIVERED: 200, None: 200}
    assert Counter(request.event_id for request in consumer.requests) == Counter(events)


def test_the_delivery_of_a_lost_worker_is_tried_again_as_the_same_attempt(
    service: Service, consumer: Consumer, subscribe: Subscribe, happen: Record, time: Time, deliverer: Deliverer
) -> None:
    subscribe(consumer.url)
    happen()
    (delivery,) = fan_out(service)
    with service.database.system() as connection:
        lost = claim(connection, delivery, time.sql)
        assert lost is not None
        assert due(connection, 10, time.sql) == []
    time.pass_(seconds=LEASE.total_seconds())
    with service.database.system() as connection:
        assert due(connection, 10, time.sql) == [delivery]
    assert deliverer(delivery) is Action.DELIVERED
    with service.database.system() as connection:
        assert connection.execute(select(webhook_attempts.c.number)).scalars().all() == [lost.attempt]


def test_a_worker_that_was_taken_for_lost_writes_nothing(
    service: Service, subscribe: Subscribe, happen: Record, time: Time
) -> None:
    subscribe(URL)
    happen()
    (delivery,) = fan_out(service)
    with service.database.system() as connection:
        slow = claim(connection, delivery, time.sql)
        time.pass_(seconds=LEASE.total_seconds())
        quick = claim(connection, delivery, time.sql)
        assert slow is not None
        assert quick is not None
        assert settle(connection, quick, ACCEPTED, DONE, time.sql)
        assert not settle(connection, slow, FAILED, AGAIN, time.sql)
        assert not settle(connection, quick, ACCEPTED, DONE, time.sql), "settled twice"
        state = select(webhook_deliveries.c.state, webhook_deliveries.c.attempt)
        assert connection.execute(state).one() == (DeliveryState.DELIVERED, 1)
        assert connection.execute(select(func.count()).select_from(webhook_attempts)).scalar_one() == 1


def test_an_attempt_under_way_while_its_endpoint_is_disabled_is_noted_and_not_repeated(
    service: Service, tenant: UUID, subscribe: Subscribe, happen: Record, time: Time
) -> None:
    endpoint, _ = subscribe(URL)
    happen()
    (delivery,) = fan_out(service)
    with service.database.system() as connection:
        held = claim(connection, delivery, time.sql)
    assert held is not None
    with service.database.tenant(tenant) as connection:
        endpoints.change(connection, service.settings, tenant, endpoint.id, Changes(enabled=False))
    with service.database.system() as connection:
        assert settle(connection, held, FAILED, AGAIN, time.sql)
        row = connection.execute(select(webhook_deliveries.c.state, webhook_deliveries.c.attempt)).one()
    assert row == (DeliveryState.DROPPED, 1)


def test_a_delivery_made_while_its_endpoint_was_disabled_is_dropped(
    service: Service, consumer: Consumer, subscribe: Subscribe, happen: Record, deliverer: Deliverer
) -> None:
    subscribe(consumer.url)
    happen()
    (delivery,) = fan_out(service)
    with service.database.system() as connection:
        # As if the endpoint had been disabled by a transaction that could not see the delivery yet.
        connection.execute(webhook_endpoints.update().values(disabled_at=func.clock_timestamp()))
    assert deliverer(delivery) is None
    assert consumer.requests == []
    with service.database.system() as connection:
        assert connection.execute(select(webhook_deliveries.c.state)).scalar_one() == DeliveryState.DROPPED


def test_many_that_are_told_at_once_that_the_receiver_is_gone_do_not_wait_for_each_other(
    service: Service, subscribe: Subscribe, happen: Record, time: Time
) -> None:
    """Each ends its own delivery and drops all others: a deadlock, were the endpoint not locked first."""
    subscribe(URL)
    for _ in range(6):
        happen()
    deliveries = fan_out(service)
    with service.database.system() as connection:
        claims = [claim(connection, delivery, time.sql) for delivery in deliveries]
    together = Barrier(len(claims))

    def end(held: Claimed | None) -> bool:
        assert held is not None
        with service.database.system() as connection:
            together.wait(10)
            return settle(connection, held, GONE, Decision(action=Action.DISABLE), time.sql)

    with ThreadPoolExecutor(len(claims)) as threads:
        assert all(threads.map(end, claims))
    with service.database.system() as connection:
        states = connection.execute(select(webhook_deliveries.c.state)).scalars().all()
        assert connection.execute(select(func.count()).select_from(webhook_attempts)).scalar_one() == 6
    assert sorted(states) == [DeliveryState.DROPPED] * 5 + [DeliveryState.FAILED]
