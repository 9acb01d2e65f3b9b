from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from standardwebhooks.webhooks import WebhookVerificationError

from api.bootstrap import Service
from api.events import EventType
from api.queue import WEBHOOKS
from api.tables import webhook_deliveries, webhook_endpoints
from api.webhooks import endpoints
from api.webhooks.deliveries import DeliveryState
from api.webhooks.endpoints import Endpoint
from api.webhooks.fan_out import fan_out
from api.webhooks.history import Delivery, history
from api.webhooks.schedule import DELAYS, Action
from tests.integration.webhooks.consumer import OK, Consumer, Deliverer, Record, Time, answer
from tests.unit.api.outbound.servers import Served, dribbling, serving

if TYPE_CHECKING:
    from api.queue import InMemoryQueue

Subscribe = Callable[..., tuple[Endpoint, str]]
CANARY = "the-quick-brown-canary"


def past(service: Service, tenant: UUID, endpoint: Endpoint) -> list[Delivery]:
    with service.database.tenant(tenant) as connection:
        return history(connection, tenant, endpoint.id, limit=100)


def test_receiver_gets_a_signed_event_once(
    service: Service, consumer: Consumer, subscribe: Subscribe, job_ends: Record, deliverer: Deliverer
) -> None:
    _, secret = subscribe(consumer.url)
    event = job_ends()
    (delivery,) = fan_out(service)
    assert deliverer(delivery) is Action.DELIVERED
    assert deliverer(delivery) is None
    (request,) = consumer.requests
    body = request.verified(secret)
    assert request.event_id == event
    assert request.headers["content-type"] == "application/json"
    assert body["type"] == "job.succeeded"
    assert set(body["data"]) == {"job_id", "recording_id", "state", "error", "result"}
    assert body["data"]["result"] == f"/v1/recordings/{body['data']['recording_id']}/transcript"


def test_deliveries_are_announced_when_they_are_made(
    service: Service, consumer: Consumer, subscribe: Subscribe, happen: Record
) -> None:
    queue: InMemoryQueue = service.queue  # type: ignore[assignment]
    subscribe(consumer.url)
    happen()
    assert fan_out(service) == queue.messages[WEBHOOKS]


def test_both_secrets_sign_for_a_day_after_a_rotation(
    service: Service, tenant: UUID, consumer: Consumer, subscribe: Subscribe, happen: Record, time: Time,
    deliverer: Deliverer,
) -> None:  # fmt: skip
    endpoint, old = subscribe(consumer.url)
    happen()
    deliverer.all(fan_out(service))
    with service.database.tenant(tenant) as connection:
        _, new = endpoints.rotate_secret(connection, service.settings, tenant, endpoint.id)
    for hours in (0.1, 23.8, 0.2):
        time.pass_(hours=hours)
        happen()
        deliverer.all(fan_out(service))
        if hours == 23.8:
            assert consumer.requests[-1].headers["webhook-signature"].count("v1,") == 2
            consumer.requests[-1].verified(old)
            consumer.requests[-1].verified(new)
    after = consumer.requests[-1]
    after.verified(new)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        after.verified(old)


def test_a_text_in_the_outbox_is_not_sent(
    service: Service, consumer: Consumer, subscribe: Subscribe, happen: Record, deliverer: Deliverer
) -> None:
    """Whoever puts what was said into an event by mistake does not send it out."""
    subscribe(consumer.url)
    happen(text=CANARY, transcript={"words": [CANARY]}, name=CANARY)
    deliverer.all(fan_out(service))
    (request,) = consumer.requests
    assert CANARY.encode() not in request.body
    assert set(json.loads(request.body)["data"]) == {"recording_id"}


def test_every_failure_is_logged_and_tried_again_under_the_same_id(
    service: Service, tenant: UUID, consumer: Consumer, subscribe: Subscribe, happen: Record, time: Time,
    deliverer: Deliverer,
) -> None:  # fmt: skip
    endpoint, secret = subscribe(consumer.url)
    consumer.replies = [answer(500), answer(307, f"location: {consumer.url}"), answer(404), OK]
    event = happen()
    (delivery,) = fan_out(service)
    for seconds, action in zip((0, 5, 300, 1800), [Action.RETRY] * 3 + [Action.DELIVERED], strict=True):
        if seconds:
            time.pass_(seconds=seconds - 0.5)
            assert deliverer(delivery) is None, "tried too early"
            time.pass_(seconds=0.5)
        assert deliverer(delivery) is action
        consumer.requests[-1].verified(secret)
    assert {request.event_id for request in consumer.requests} == {event}
    assert len(consumer.requests) == 4, "a redirect was followed"
    (told,) = past(service, tenant, endpoint)
    assert told.state is DeliveryState.DELIVERED
    assert [(one.number, one.status, one.error) for one in told.attempts] == [
        (1, 500, None), (2, 307, "redirect"), (3, 404, None), (4, 204, None),
    ]  # fmt: skip


def test_a_receiver_that_asks_for_time_gets_it(
    service: Service, consumer: Consumer, subscribe: Subscribe, happen: Record, time: Time, deliverer: Deliverer
) -> None:
    subscribe(consumer.url)
    consumer.replies = [answer(503, "retry-after: 7200"), OK]
    happen()
    (delivery,) = fan_out(service)
    deliverer(delivery)
    time.pass_(seconds=7199)
    assert deliverer(delivery) is None
    time.pass_(seconds=1)
    assert deliverer(delivery) is Action.DELIVERED


def test_a_receiver_that_is_gone_is_left_alone(
    service: Service, tenant: UUID, consumer: Consumer, subscribe: Subscribe, happen: Record, deliverer: Deliverer
) -> None:
    """After a 410 nothing more is sent, neither what waits nor what happens later."""
    endpoint, _ = subscribe(consumer.url)
    consumer.replies = [answer(410), OK]
    happen()
    happen()
    assert deliverer.all(fan_out(service)) == [Action.DISABLE, None]
    happen()
    assert fan_out(service) == []
    assert len(consumer.requests) == 1
    with service.database.tenant(tenant) as connection:
        found = endpoints.get(connection, tenant, endpoint.id)
    assert not found.enabled
    assert found.disabled_reason == "the endpoint answered 410 Gone"
    assert {one.state for one in past(service, tenant, endpoint)} == {DeliveryState.FAILED, DeliveryState.DROPPED}


def test_a_receiver_that_does_not_answer_in_time_is_tried_again(
    service: Service, tenant: UUID, subscribe: Subscribe, happen: Record, time: Time
) -> None:
    passed = [0.0]

    def stall(stream: socket.socket, served: Served) -> None:
        passed[0] = 16.0
        stream.sendall(b"HTTP/1.1 20")
        served.stopped.wait(5)

    with serving(stall) as server:
        endpoint, _ = subscribe(server.url)
        happen()
        (delivery,) = fan_out(service)
        assert Deliverer.of(service, time, clock=lambda: passed[0])(delivery) is Action.RETRY
    (told,) = past(service, tenant, endpoint)
    assert [(one.status, one.error, one.seconds) for one in told.attempts] == [(None, "timeout", 16.0)]


def test_a_receiver_that_talks_without_end_has_accepted(
    service: Service, subscribe: Subscribe, happen: Record, deliverer: Deliverer
) -> None:
    with serving(dribbling(b"HTTP/1.1 200 OK\r\n\r\n", bytes(100_000), pause=0.0)) as server:
        subscribe(server.url)
        happen()
        assert deliverer.all(fan_out(service)) == [Action.DELIVERED]


def test_a_receiver_that_moved_to_a_forbidden_address_is_not_reached(
    service: Service, tenant: UUID, consumer: Consumer, subscribe: Subscribe, happen: Record, deliverer: Deliverer
) -> None:
    """The address is judged at every attempt, not only when the endpoint was made."""
    endpoint, _ = subscribe(consumer.url)
    with service.database.system() as connection:
        connection.execute(update(webhook_endpoints).values(url="http://169.254.169.254/latest"))
    happen()
    assert deliverer.all(fan_out(service)) == [Action.RETRY]
    (told,) = past(service, tenant, endpoint)
    assert [one.error for one in told.attempts] == ["url-not-allowed"]


def test_a_secret_that_cannot_be_read_fails_the_attempt(
    service: Service, tenant: UUID, consumer: Consumer, subscribe: Subscribe, happen: Record, deliverer: Deliverer
) -> None:
    endpoint, _ = subscribe(consumer.url)
    with service.database.system() as connection:
        connection.execute(update(webhook_endpoints).values(secret=b"00000000.AAAA"))
    happen()
    assert deliverer.all(fan_out(service)) == [Action.RETRY]
    assert consumer.requests == []
    (told,) = past(service, tenant, endpoint)
    assert [one.error for one in told.attempts] == ["secret-unreadable"]


def test_secrets_lie_sealed_in_the_database(service: Service, consumer: Consumer, subscribe: Subscribe) -> None:
    _, secret = subscribe(consumer.url)
    with service.database.system() as connection:
        stored = connection.execute(select(webhook_endpoints.c.secret)).scalar_one()
    assert secret.removeprefix("whsec_").encode() not in stored


def test_the_whole_schedule_takes_three_days(
    service: Service, tenant: UUID, consumer: Consumer, subscribe: Subscribe, happen: Record, time: Time,
    deliverer: Deliverer,
) -> None:  # fmt: skip
    """Ten attempts over 75.6 hours; then the delivery has failed."""
    endpoint, _ = subscribe(consumer.url)
    consumer.replies = [answer(500)]
    happen()
    (delivery,) = fan_out(service)
    start, actions = time.now, []
    for delay in DELAYS:
        time.pass_(seconds=delay)
        actions.append(deliverer(delivery))
    assert actions == [Action.RETRY] * 9 + [Action.GIVE_UP]
    assert round((time.now - start).total_seconds() / 3600, 1) == 75.6
    time.pass_(days=30)
    assert deliverer(delivery) is None
    (told,) = past(service, tenant, endpoint)
    assert told.state is DeliveryState.FAILED
    assert told.next_attempt_at is None
    assert len(told.attempts) == len(consumer.requests) == 10


def test_an_outage_of_two_days_loses_nothing(
    service: Service, consumer: Consumer, subscribe: Subscribe, happen: Record, time: Time
) -> None:
    import random

    _, secret = subscribe(consumer.url)
    events = {happen() for _ in range(30)}
    worker = Deliverer.of(service, time, random.Random(20261))
    fan_out(service)
    back_at = time.now.timestamp() + 48 * 3600
    while (moment := next_due(service)) is not None:
        time.now = max(time.now, moment)
        worker.cable.plugged = time.now.timestamp() >= back_at
        worker.all(all_due(service, time))
        for request in consumer.requests:
            request.verified(secret)
        consumer_ids = [request.event_id for request in consumer.requests]
        consumer.server.requests.clear()
        events -= set(consumer_ids)
    assert events == set()


def next_due(service: Service) -> Any:
    """The latest time at which something that is pending becomes due: all of it is, then."""
    with service.database.system() as connection:
        pending = webhook_deliveries.c.state == DeliveryState.PENDING
        statement = select(webhook_deliveries.c.next_at).where(pending).order_by(webhook_deliveries.c.next_at.desc())
        return connection.execute(statement.limit(1)).scalar_one_or_none()


def all_due(service: Service, time: Time) -> list[UUID]:
    from api.webhooks.announcing import due

    with service.database.system() as connection:
        return due(connection, 1000, time.sql)


def test_over_tls_nothing_is_sent_to_a_receiver_with_a_wrong_certificate(
    service: Service, consumer: Consumer, subscribe: Subscribe, happen: Record, time: Time
) -> None:
    subscribe(consumer.url.replace("http://", "https://"))
    happen()
    worker = Deliverer.of(service, time, tls=ssl.create_default_context())
    assert worker.all(fan_out(service)) == [Action.RETRY]
    assert b"webhook-id" not in b"".join(consumer.server.requests)


def test_a_test_goes_to_the_tested_endpoint_alone(
    service: Service, tenant: UUID, consumer: Consumer, subscribe: Subscribe, deliverer: Deliverer
) -> None:
    subscribe(consumer.url)
    tested, secret = subscribe(consumer.url, EventType.JOB_DEAD)
    with service.database.tenant(tenant) as connection:
        event = endpoints.send_test(connection, tenant, tested.id)
    deliverer.all(fan_out(service))
    (request,) = consumer.requests
    assert request.event_id == event
    assert request.verified(secret)["data"] == {"endpoint_id": str(tested.id)}
