"""Messages on a real Redis, and on one that is there and says nothing."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from redis import Redis

from api.errors import TemporarilyUnavailable
from api.queue import CeleryQueue, Lane, celery_app
from api.states import Pool

if TYPE_CHECKING:
    from api.settings import Settings

LONGEST = 15.0
"""Seconds that a sender may be held by a Redis that does not answer."""


def taken(settings: Settings, number: int) -> list[UUID]:
    """Ids of the next messages, as a worker gets them."""
    app = celery_app(settings.redis_url.get_secret_value())
    with app.connection_for_read() as connection, connection.SimpleQueue(str(Pool.PROCESS)) as queue:
        messages = [queue.get(timeout=5) for _ in range(number)]
        for message in messages:
            message.ack()
    return [UUID(message.payload[0][0]) for message in messages]


def depths(queue: CeleryQueue) -> dict[Lane, int]:
    return {lane: queue.depth(Pool.PROCESS, lane) for lane in Lane}


def test_the_first_lane_is_taken_before_the_later_one(settings: Settings) -> None:
    with Redis.from_url(settings.redis_url.get_secret_value()) as redis:
        redis.flushall()
    queue = CeleryQueue.connect(settings)
    archive, urgent = [uuid4(), uuid4()], [uuid4(), uuid4()]
    queue.send(Pool.PROCESS, archive, Lane.LATER)
    queue.send(Pool.PROCESS, urgent)
    queue.send(Pool.PROCESS, [promoted := uuid4()], Lane.PROMOTED)
    queue.send(Pool.PROCESS, [last := uuid4()])
    assert depths(queue) == {Lane.FIRST: 4, Lane.PROMOTED: 4, Lane.LATER: 2}
    assert taken(settings, 6) == [*urgent, promoted, last, *archive]
    assert depths(queue) == dict.fromkeys(Lane, 0)


def test_a_redis_that_accepts_and_says_nothing_holds_nobody_for_long(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = SecretStr(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        queue = CeleryQueue.connect(settings.model_copy(update={"redis_url": url}))
        began = time.monotonic()
        with pytest.raises(TemporarilyUnavailable):
            queue.send(Pool.PROCESS, [uuid4()])
        with pytest.raises(TemporarilyUnavailable):
            queue.depth(Pool.PROCESS)
        assert time.monotonic() - began < LONGEST
