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
from workers.lanes import is_for_kept_slot
from workers.serving import take_tasks

url, queue, concurrency = sys.argv[1:]
app, redis = celery_app(url), Redis.from_url(url, socket_timeout=None)

@app.task(name=task_name(queue), ignore_result=True, bind=True)
def take(task, job):
    if is_for_kept_slot(task.request, app.conf.worker_concurrency):
        redis.rpush("put back", job)
        return
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


def told(redis: Redis, what: str) -> list[UUID]:
    return [UUID(str(job)) for job in redis.lrange(what, 0, -1)]


def begun(redis: Redis) -> list[UUID]:
    return told(redis, "begun")


def until_told(redis: Redis, what: str, jobs: list[UUID]) -> None:
    end = time.monotonic() + SOON
    while set(told(redis, what)) != set(jobs):
        assert time.monotonic() < end, f"{what}: {told(redis, what)} instead of {jobs}"
        time.sleep(0.05)


def until_begun(redis: Redis, jobs: list[UUID]) -> None:
    until_told(redis, "begun", jobs)


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
def test_a_promoted_job_is_not_taken_in_the_slot_that_is_kept(settings: Settings, redis: Redis) -> None:
    queue = CeleryQueue.connect(settings)
    archive, promoted = [uuid4() for _ in range(2)], uuid4()
    queue.send(Pool.PROCESS, archive, Lane.LATER)
    until_begun(redis, archive)
    queue.send(Pool.PROCESS, [promoted], Lane.PROMOTED)
    until_told(redis, "put back", [promoted])
    queue.send(Pool.PROCESS, urgent := [uuid4()])
    until_begun(redis, [*archive, *urgent])

    # With room for it, it is taken, and counts as archive.
    for job in (archive[0], *urgent):
        redis.rpush(f"end:{job}", "")
    time.sleep(A_WHILE)
    queue.send(Pool.PROCESS, [promoted], Lane.PROMOTED)
    until_begun(redis, [*archive, *urgent, promoted])
    queue.send(Pool.PROCESS, [later := uuid4()], Lane.LATER)
    time.sleep(A_WHILE)
    assert later not in begun(redis)
    assert told(redis, "put back") == [promoted]


def test_a_worker_of_one_slot_takes_a_promoted_job_in_its_turn(settings: Settings, redis: Redis) -> None:
    queue = CeleryQueue.connect(settings)
    first, promoted, last, later = jobs = [uuid4() for _ in range(4)]
    queue.send(Pool.PROCESS, [later], Lane.LATER)
    for job, lane in ((first, Lane.FIRST), (promoted, Lane.PROMOTED), (last, Lane.FIRST)):
        queue.send(Pool.PROCESS, [job], lane)
    with working(settings, 1):
        for number in range(1, 5):
            until_begun(redis, jobs[:number])
            redis.rpush(f"end:{jobs[number - 1]}", "")
    assert begun(redis) == jobs
