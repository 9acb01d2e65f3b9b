"""The way from Postgres to the workers: messages that carry an id. They may be lost, late or repeated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from enum import IntEnum
from typing import Final, Protocol
from uuid import UUID

from celery import Celery
from kombu.exceptions import KombuError
from kombu.transport.redis import Channel
from redis import Redis
from redis.exceptions import RedisError

from api.errors import TemporarilyUnavailable
from api.settings import Settings
from api.states import Pool

WEBHOOKS: Final = "webhooks"
"""The queue of deliveries; the pools' queues have the pools' names."""
_PUBLISH_SECONDS: Final = 1.0
# A submission waits for Redis no longer: what was not sent is sent by the next sweep.


class Lane(IntEnum):
    """Which messages of a queue are taken first; the numbers are Celery's priorities on Redis, 0 the highest."""

    FIRST = 0
    PROMOTED = 1
    """In line with the first: Redis has one list for 0 to 2. Who takes one knows it for one of the later lane."""
    LATER = 9
    """Only while nothing is in the first."""

    @property
    def line(self) -> Lane:
        """The lane in whose line the messages stand."""
        return Lane.FIRST if self is Lane.PROMOTED else self


class Queue(Protocol):
    """Carries ids to workers."""

    def send(self, queue: str, ids: Sequence[UUID], lane: Lane = Lane.FIRST) -> None:
        """Tell the workers of a queue about ids; raises `TemporarilyUnavailable`."""

    def depth(self, queue: str, lane: Lane = Lane.FIRST) -> int:
        """Messages that no worker has taken yet; raises `TemporarilyUnavailable`."""


def task_name(queue: str) -> str:
    """The Celery task that takes the ids of a queue."""
    return f"hansard.{queue}"


class CeleryQueue:
    """Celery on Redis."""

    def __init__(self, app: Celery, redis: Redis) -> None:
        self._app = app
        self._redis = redis

    @classmethod
    def connect(cls, settings: Settings) -> CeleryQueue:
        """Make a sender; nothing is opened yet."""
        url = settings.redis_url.get_secret_value()
        redis = Redis.from_url(url, socket_connect_timeout=_PUBLISH_SECONDS, socket_timeout=_PUBLISH_SECONDS)
        app = celery_app(url)
        # A Redis that accepts and does not answer must not hold whoever sends. Workers wait for messages for longer.
        app.conf.broker_transport_options = {**app.conf.broker_transport_options, "socket_timeout": _PUBLISH_SECONDS}
        return cls(app, redis)

    def send(self, queue: str, ids: Sequence[UUID], lane: Lane = Lane.FIRST) -> None:
        """Put one message an id into the queue."""
        try:
            with self._app.producer_pool.acquire(block=True, timeout=_PUBLISH_SECONDS) as producer:
                for one in ids:
                    self._app.send_task(
                        task_name(queue), args=[str(one)], queue=queue, producer=producer, priority=int(lane)
                    )
        except (KombuError, RedisError, OSError) as error:
            message = "the queue does not answer"
            raise TemporarilyUnavailable(message) from error

    def depth(self, queue: str, lane: Lane = Lane.FIRST) -> int:
        """Length of the Redis list."""
        try:
            return int(self._redis.llen(_redis_list(queue, lane)))
        except (RedisError, OSError) as error:
            message = "the queue does not answer"
            raise TemporarilyUnavailable(message) from error


def _redis_list(queue: str, lane: Lane) -> str:
    """Where kombu keeps the messages of a lane."""
    return f"{queue}{Channel.sep}{int(lane.line)}" if lane.line else queue


class InMemoryQueue:
    """Keeps the messages."""

    def __init__(self) -> None:
        self.lanes: dict[Lane, defaultdict[str, list[UUID]]] = {lane: defaultdict(list) for lane in Lane}

    @property
    def messages(self) -> defaultdict[str, list[UUID]]:
        """Those of the first lane."""
        return self.lanes[Lane.FIRST]

    def send(self, queue: str, ids: Sequence[UUID], lane: Lane = Lane.FIRST) -> None:
        """Keep them."""
        self.lanes[lane.line][queue] += ids

    def depth(self, queue: str, lane: Lane = Lane.FIRST) -> int:
        """Count them."""
        return len(self.lanes[lane.line][queue])


QUEUES: Final = (*(str(pool) for pool in Pool), WEBHOOKS)


def celery_app(redis_url: str) -> Celery:
    """Celery as it is used here. Reasons and measurements: DECISIONS.md."""
    app = Celery("hansard", broker=redis_url, set_as_current=False)
    app.conf.update(
        # Acknowledged when taken: late acknowledgement starts live work twice, and loses it all the same.
        task_acks_late=False,
        # How many messages a worker holds beside those that it works on is settled in workers/serving.py: none.
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        result_backend=None,
        task_serializer="json",
        accept_content=["json"],
        task_create_missing_queues=True,
        task_default_queue=str(Pool.PROCESS),
        task_publish_retry=True,
        task_publish_retry_policy={"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 0.4},
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_connect_timeout": _PUBLISH_SECONDS,
            "socket_keepalive": True,
            "health_check_interval": 25,
        },
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        event_queue_ttl=60,
    )
    return app
