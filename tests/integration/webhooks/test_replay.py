from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from api.bootstrap import Service
from api.errors import InvalidRequest, NotFound
from api.events import EventType
from api.webhooks import endpoints, replay
from api.webhooks.deliveries import DeliveryState
from api.webhooks.endpoints import Changes, Endpoint, EndpointDisabled
from api.webhooks.fan_out import fan_out
from api.webhooks.history import history
from api.webhooks.replay import replay_one, replay_range
from tests.integration.conftest import add_tenant
from tests.integration.webhooks.consumer import OK, Consumer, Deliverer, Record, answer

Subscribe = Callable[..., tuple[Endpoint, str]]
LONG_AGO, LATER = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=1)


def test_a_replayed_event_comes_again_under_the_same_id(
    service: Service, tenant: UUID, consumer: Consumer, subscribe: Subscribe, happen: Record, deliverer: Deliverer
) -> None:
    endpoint, secret = subscribe(consumer.url)
    event = happen()
    (first,) = fan_out(service)
    deliverer(first)
    for ident in (event, first):
        with service.database.tenant(tenant) as connection:
            again = replay_one(connection, tenant, endpoint.id, ident)
        deliverer.all(again)
    assert [request.event_id for request in consumer.requests] == [event] * 3
    assert len({request.body for request in consumer.requests}) == 1
    consumer.requests[2].verified(secret)
    with service.database.tenant(tenant) as connection:
        assert [one.replay for one in history(connection, tenant, endpoint.id, limit=10)] == [2, 1, 0]


def test_a_range_brings_what_a_disabled_endpoint_missed(
    service: Service, tenant: UUID, consumer: Consumer, subscribe: Subscribe, happen: Record, deliverer: Deliverer
) -> None:
    """What is meant for another endpoint does not come."""
    happen_before_it_was_made = happen(EventType.JOB_DEAD)
    endpoint, _ = subscribe(consumer.url, EventType.JOB_DEAD)
    with service.database.tenant(tenant) as connection:
        endpoints.change(connection, service.settings, tenant, endpoint.id, Changes(enabled=False))
    missed = happen(EventType.JOB_DEAD)
    happen(EventType.RECORDING_DELETED)
    happen(EventType.ENDPOINT_TEST, endpoint_id=str(uuid4()))
    fan_out(service)
    with service.database.tenant(tenant) as connection:
        endpoints.change(connection, service.settings, tenant, endpoint.id, Changes(enabled=True))
        made = replay_range(connection, tenant, endpoint.id, LONG_AGO, LATER)
        assert replay_range(connection, tenant, endpoint.id, LONG_AGO, LONG_AGO + timedelta(hours=1)) == []
    deliverer.all(made)
    assert {request.event_id for request in consumer.requests} == {happen_before_it_was_made, missed}


def test_a_replay_takes_the_place_of_what_still_tries(
    service: Service, tenant: UUID, consumer: Consumer, subscribe: Subscribe, happen: Record, deliverer: Deliverer
) -> None:
    consumer.replies = [answer(500), OK]
    endpoint, _ = subscribe(consumer.url)
    happen()
    deliverer.all(fan_out(service))
    with service.database.tenant(tenant) as connection:
        made = replay_range(connection, tenant, endpoint.id, LONG_AGO, LATER)
    deliverer.all(made)
    with service.database.tenant(tenant) as connection:
        states = [one.state for one in history(connection, tenant, endpoint.id, limit=10)]
    assert states == [DeliveryState.DELIVERED, DeliveryState.DROPPED]


def test_an_event_that_is_about_to_go_out_is_not_replayed(
    service: Service, tenant: UUID, subscribe: Subscribe, happen: Record
) -> None:
    endpoint, _ = subscribe("https://example.com/")
    happen()
    with service.database.tenant(tenant) as connection:
        assert replay_range(connection, tenant, endpoint.id, LONG_AGO, LATER) == []
    assert len(fan_out(service)) == 1


def test_too_long_a_range_is_refused(
    service: Service, tenant: UUID, subscribe: Subscribe, happen: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "MOST", 2)
    endpoint, _ = subscribe("https://example.com/")
    for _ in range(3):
        happen()
    fan_out(service)
    with service.database.tenant(tenant) as connection, pytest.raises(InvalidRequest, match="narrow it"):
        replay_range(connection, tenant, endpoint.id, LONG_AGO, LATER)


def test_what_cannot_be_replayed_is_refused(
    service: Service, tenant: UUID, subscribe: Subscribe, happen: Record
) -> None:
    endpoint, _ = subscribe("https://example.com/")
    stranger = add_tenant(service)
    event, foreign = happen(), happen(owner=stranger)
    with service.database.tenant(tenant) as connection:
        for ident in (foreign, uuid4()):
            with pytest.raises(NotFound):
                replay_one(connection, tenant, endpoint.id, ident)
        with pytest.raises(InvalidRequest):
            replay_range(connection, tenant, endpoint.id, LATER, LONG_AGO)
        endpoints.change(connection, service.settings, tenant, endpoint.id, Changes(enabled=False))
        with pytest.raises(EndpointDisabled):
            replay_one(connection, tenant, endpoint.id, event)
    with service.database.tenant(stranger) as connection, pytest.raises(NotFound):
        replay_one(connection, stranger, endpoint.id, foreign)
