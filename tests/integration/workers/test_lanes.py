"""Which messages a worker takes while it is at work on others."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from redis import Redis

from api.queue import CeleryQueue, Lane
from api.states import Pool
from tests.conftest import REPOSITORY

if TYPE_CHECKING:
    from api.settings import Settings

SCRIPT = """
import sys
from redis import Redis
from api.queue import celery_app, task_name
from workers.serving import take_tasks

url, queue, concurrency = sys.argv[1:]
app, redis = celery_app(url), Redis.from_url(url, socket_timeout=None)

@app.task(name=task_name(queue), ignore_result=True)
def take(job):
    redis.rpush("begun", job)
    redis.blpop([f"end:{job}"], timeout=60)

take_tasks(app, queue, concurrency=int(concurrency))
"""
SOON = 20.0
A_WHILE = 2.5
"""Longer than a worker's question for the next message is open."""


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    with Redis.from_url(settings.redis_url.get_secret_value(), decode_responses=True) as redis:
        redis.flushall()
        yield redis
        redis.flushall()


@contextmanager
def working(settings: Settings, slots: int) -> Iterator[None]:
    command = [sys.executable, "-c", SCRIPT, settings.redis_url.get_secret_value(), str(Pool.PROCESS), str(slots)]
    with subprocess.Popen(command, cwd=REPOSITORY) as process:
        try:
            yield
        finally:
            process.kill()


@pytest.fixture
def worker(settings: Settings, redis: Redis) -> Iterator[None]:
    """Three slots."""
    with working(settings, 3):
        yield


def begun(redis: Redis) -> list[UUID]:
    return [UUID(str(job)) for job in redis.lrange("begun", 0, -1)]


def until_begun(redis: Redis, jobs: list[UUID]) -> None:
    end = time.monotonic() + SOON
    while set(begun(redis)) != set(jobs):
        assert time.monotonic() < end, f"{begun(redis)} instead of {jobs}"
        time.sleep(0.05)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("connection", ["the first", "another"])
def test_a_slot_is_kept_for_the_first_lane(settings: Settings, redis: Redis, connection: str) -> None:
    queue = CeleryQueue.connect(settings)
    archive, urgent = [uuid4() for _ in range(4)], [uuid4() for _ in range(2)]
    if connection == "another":
        queue.send(Pool.PROCESS, [before := uuid4()])
        until_begun(redis, [before])
        redis.rpush(f"end:{before}", "")
        redis.delete("begun")
        redis.client_kill_filter(_type="normal", skipme=True)
    queue.send(Pool.PROCESS, archive, Lane.LATER)
    until_begun(redis, archive[:2])
    time.sleep(A_WHILE)
    assert len(begun(redis)) == 2

    queue.send(Pool.PROCESS, urgent)
    until_begun(redis, [*archive[:2], urgent[0]])

    # A slot that is free again goes to the one in front, whichever it was.
    redis.rpush(f"end:{archive[0]}", "")
    until_begun(redis, [*archive[:2], *urgent])
    redis.rpush(f"end:{urgent[0]}", "")
    until_begun(redis, [*archive[:3], *urgent])
    time.sleep(A_WHILE)
    assert len(begun(redis)) == 5
    for job in archive[1:3]:
        redis.rpush(f"end:{job}", "")
    until_begun(redis, [*archive, *urgent])


@pytest.mark.usefixtures("worker")
def test_a_promoted_job_goes_first_and_leaves_the_slot_alone(settings: Settings, redis: Redis) -> None:
    queue = CeleryQueue.connect(settings)
    archive, promoted = [uuid4() for _ in range(2)], uuid4()
    queue.send(Pool.PROCESS, archive, Lane.LATER)
    until_begun(redis, archive)
    queue.send(Pool.PROCESS, [promoted], Lane.PROMOTED)
    time.sleep(A_WHILE)
    assert len(begun(redis)) == 2

    queue.send(Pool.PROCESS, urgent := [uuid4() for _ in range(2)])
    until_begun(redis, [*archive, urgent[0]])
    redis.rpush(f"end:{archive[0]}", "")
    until_begun(redis, [*archive, urgent[0], promoted])

    # It counts as archive.
    queue.send(Pool.PROCESS, [uuid4()], Lane.LATER)
    redis.rpush(f"end:{urgent[0]}", "")
    until_begun(redis, [*archive, *urgent, promoted])
    redis.rpush(f"end:{urgent[1]}", "")
    time.sleep(A_WHILE)
    assert len(begun(redis)) == 5


@pytest.mark.usefixtures("redis")
def test_a_worker_of_one_slot_takes_a_promoted_job_before_interactive_ones(settings: Settings, redis: Redis) -> None:
    queue = CeleryQueue.connect(settings)
    with working(settings, 1):
        queue.send(Pool.PROCESS, [before := uuid4()])
        until_begun(redis, [before])
        queue.send(Pool.PROCESS, urgent := [uuid4()])
        queue.send(Pool.PROCESS, [promoted := uuid4()], Lane.PROMOTED)
        queue.send(Pool.PROCESS, [later := uuid4()], Lane.LATER)
        for ended, expected in ((before, promoted), (promoted, *urgent), (*urgent, later)):
            redis.rpush(f"end:{ended}", "")
            until_begun(redis, [*begun(redis), expected])
    assert begun(redis) == [before, promoted, *urgent, later]
