"""What receivers, and this code, do that nobody asked for: the schedule goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from api.bootstrap import Service
from api.webhooks.endpoints import Endpoint
from api.webhooks.fan_out import fan_out
from api.webhooks.history import Attempt, history
from api.webhooks.schedule import Action
from tests.integration.webhooks.consumer import OK, Consumer, Deliverer, Record, Time, answer
from workers import delivery as posting

Subscribe = Callable[..., tuple[Endpoint, str]]


def attempts(service: Service, tenant: UUID, endpoint: Endpoint) -> tuple[Attempt, ...]:
    """Those of an endpoint's only delivery."""
    with service.database.tenant(tenant) as connection:
        (told,) = history(connection, tenant, endpoint.id, limit=100)
    return told.attempts


@pytest.mark.parametrize(
    "absurd", ["Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 02 Feb 2026 12:00:00 +99999999999999"]
)
def test_a_receiver_that_asks_for_absurd_time_is_tried_as_planned(
    service: Service, tenant: UUID, consumer: Consumer, subscribe: Subscribe, happen: Record, time: Time,
    deliverer: Deliverer, absurd: str,
) -> None:  # fmt: skip
    endpoint, _ = subscribe(consumer.url)
    consumer.replies = [answer(503, f"retry-after: {absurd}"), OK]
    happen()
    (delivery,) = fan_out(service)
    assert deliverer(delivery) is Action.RETRY
    time.pass_(seconds=5)
    assert deliverer(delivery) is Action.DELIVERED
    assert [one.status for one in attempts(service, tenant, endpoint)] == [503, 204]


def test_a_surprise_of_our_own_is_an_attempt_like_any_other(
    service: Service, tenant: UUID, consumer: Consumer, subscribe: Subscribe, happen: Record, time: Time,
    deliverer: Deliverer, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def broken(*_: Any) -> bytes:
        raise ZeroDivisionError

    endpoint, _ = subscribe(consumer.url)
    happen()
    (delivery,) = fan_out(service)
    with monkeypatch.context() as patched:
        patched.setattr(posting, "body_of", broken)
        assert deliverer(delivery) is Action.RETRY
    time.pass_(seconds=5)
    assert deliverer(delivery) is Action.DELIVERED
    assert [one.error for one in attempts(service, tenant, endpoint)] == ["internal-error", None]
