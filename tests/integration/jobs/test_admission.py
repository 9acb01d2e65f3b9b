from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import RowMapping, TextClause, text, update

from api.errors import TemporarilyUnavailable
from api.jobs.admission import admit, forget_lost
from api.jobs.lease import claim
from api.jobs.promotion import promote
from api.queue import InMemoryQueue, Lane
from api.states import Pool, Priority
from api.tables import jobs
from tests.integration.conftest import add_tenant
from tests.integration.jobs.test_lease import MINUTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.bootstrap import Service

Queued = Callable[..., UUID]
RowOf = Callable[[UUID], RowMapping]
SOME_TIME_AGO = text("date_trunc('hour', clock_timestamp()) - interval '1 hour'")
"""One moment, whenever it is asked for."""


class BrokenQueue:
    """A Redis that is away."""

    def send(self, queue: str, ids: Sequence[UUID], lane: Lane = Lane.FIRST) -> None:
        raise TemporarilyUnavailable

    def depth(self, queue: str, lane: Lane = Lane.FIRST) -> int:
        raise TemporarilyUnavailable


class HalfBrokenQueue(InMemoryQueue):
    """A Redis that goes away after the interactive jobs."""

    def send(self, queue: str, ids: Sequence[UUID], lane: Lane = Lane.FIRST) -> None:
        if lane is Lane.LATER:
            raise TemporarilyUnavailable
        super().send(queue, ids, lane)


class NotingQueue(InMemoryQueue):
    """Remembers as what a message was sent, which a worker sees as well."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[UUID, Lane]] = []

    def send(self, queue: str, ids: Sequence[UUID], lane: Lane = Lane.FIRST) -> None:
        self.sent += [(one, lane) for one in ids]
        super().send(queue, ids, lane)


def admitted(service: Service, window: int = 16) -> list[UUID]:
    """In the order in which workers take them."""
    queue = InMemoryQueue()
    admit(service.database, queue, [Pool.PROCESS], window)
    return [job for lane in Lane for job in queue.lanes[lane][Pool.PROCESS]]


def age(service: Service, job: UUID, column: str, interval: str) -> None:
    stamp(service, job, column, text(f"clock_timestamp() - interval '{interval}'"))


def stamp(service: Service, job: UUID, column: str, moment: TextClause) -> None:
    with service.database.system() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job).values({column: moment}))


def test_the_oldest_job_goes_first_and_no_more_than_fit(service: Service, queued: Queued) -> None:
    waiting = [queued() for _ in range(5)]
    assert admitted(service, window=3) == waiting[:3]
    assert admitted(service, window=3) == []
    assert admitted(service, window=4) == waiting[3:4]


def test_a_job_that_was_taken_makes_room(service: Service, queued: Queued) -> None:
    waiting = [queued() for _ in range(2)]
    assert admitted(service, window=1) == waiting[:1]
    with service.database.system() as connection:
        assert claim(connection, waiting[0], Pool.PROCESS, "worker-1", MINUTE)
    assert admitted(service, window=1) == waiting[1:]


def test_interactive_jobs_go_before_an_archive(service: Service, queued: Queued) -> None:
    archive = [queued(priority=Priority.BACKFILL) for _ in range(2)]
    urgent = queued()
    assert admitted(service) == [urgent, *archive]


def test_an_interactive_job_is_not_stuck_behind_an_archive_that_was_sent_before(
    service: Service, queued: Queued
) -> None:
    queue = InMemoryQueue()
    archive = [queued(priority=Priority.BACKFILL) for _ in range(3)]
    admit(service.database, queue, [Pool.PROCESS], 2)
    urgent = queued()
    admit(service.database, queue, [Pool.PROCESS], 2)
    assert queue.lanes[Lane.FIRST][Pool.PROCESS] == [urgent]
    assert queue.lanes[Lane.LATER][Pool.PROCESS] == archive[:2]


def test_an_archive_is_not_put_off_for_ever(service: Service, queued: Queued) -> None:
    """Its oldest job goes among the interactive ones, the next when that one was taken."""
    old, next_old, young = (queued(priority=Priority.BACKFILL) for _ in range(3))
    for job in (old, next_old):
        age(service, job, "created_at", "7 hours")
    queue = InMemoryQueue()
    assert admit(service.database, queue, [Pool.PROCESS], 1) == 1  # the first of them waits in its own lane
    assert [promote(service.database, queue, Pool.PROCESS) for _ in range(2)] == [1, 0]
    assert queue.messages[Pool.PROCESS] == [old]
    with service.database.system() as connection:
        assert claim(connection, old, Pool.PROCESS, "worker-1", MINUTE)
    assert [promote(service.database, queue, Pool.PROCESS) for _ in range(2)] == [1, 0]
    assert queue.messages[Pool.PROCESS] == [old, next_old]
    with service.database.system() as connection:
        assert claim(connection, next_old, Pool.PROCESS, "worker-1", MINUTE)
    assert promote(service.database, queue, Pool.PROCESS) == 0
    assert admitted(service) == [young]


def test_a_worker_knows_a_promoted_job_among_the_interactive_ones(service: Service, queued: Queued) -> None:
    old, urgent = queued(priority=Priority.BACKFILL), queued()
    age(service, old, "created_at", "7 hours")
    queue = NotingQueue()
    assert promote(service.database, queue, Pool.PROCESS) == 1
    assert admit(service.database, queue, [Pool.PROCESS], 16) == 1
    assert queue.sent == [(old, Lane.PROMOTED), (urgent, Lane.FIRST)]
    assert queue.messages[Pool.PROCESS] == [old, urgent]


def test_a_promoted_job_whose_message_was_lost_is_promoted_again(service: Service, queued: Queued) -> None:
    """Although its own lane is full: what counts is the lane that it was sent in."""
    old, *archive = (queued(priority=Priority.BACKFILL) for _ in range(3))
    age(service, old, "created_at", "7 hours")
    queue = InMemoryQueue()
    admit(service.database, queue, [Pool.PROCESS], 16)
    assert promote(service.database, queue, Pool.PROCESS) == 1
    for column in ("admitted_at", "promoted_at"):
        stamp(service, old, column, SOME_TIME_AGO)
    assert forget_lost(service.database, queue, Pool.PROCESS) == 0
    queue.messages.clear()
    assert forget_lost(service.database, queue, Pool.PROCESS) == 1
    assert promote(service.database, queue, Pool.PROCESS) == 1
    assert queue.messages[Pool.PROCESS] == [old]
    assert queue.lanes[Lane.LATER][Pool.PROCESS] == [old, *archive]


def test_a_promoted_job_waits_again_while_redis_is_away(service: Service, queued: Queued) -> None:
    old = queued(priority=Priority.BACKFILL)
    age(service, old, "created_at", "7 hours")
    with pytest.raises(TemporarilyUnavailable):
        promote(service.database, BrokenQueue(), Pool.PROCESS)
    assert promote(service.database, InMemoryQueue(), Pool.PROCESS) == 1


def test_a_promoted_job_that_runs_has_overtaken_nobody_in_the_later_lane(service: Service, queued: Queued) -> None:
    old, *archive = (queued(priority=Priority.BACKFILL) for _ in range(3))
    age(service, old, "created_at", "7 hours")
    queue = InMemoryQueue()
    admit(service.database, queue, [Pool.PROCESS], 16)
    for job in archive:
        age(service, job, "admitted_at", "20 seconds")
    assert promote(service.database, queue, Pool.PROCESS) == 1
    with service.database.system() as connection:
        assert claim(connection, old, Pool.PROCESS, "worker-1", MINUTE)
    assert forget_lost(service.database, queue, Pool.PROCESS) == 0


def test_one_tenant_cannot_keep_another_waiting(service: Service, queued: Queued) -> None:
    flood = [queued(audio_seconds=600.0) for _ in range(6)]
    other = add_tenant(service)
    few = [queued(tenant_id=other, audio_seconds=600.0) for _ in range(2)]
    assert admitted(service, window=4) == [flood[0], few[0], flood[1], few[1]]


def test_a_tenant_of_twice_the_weight_gets_twice_the_audio_through(service: Service, queued: Queued) -> None:
    light = [queued(audio_seconds=60.0) for _ in range(9)]
    heavy_tenant = add_tenant(service, weight=2.0)
    heavy = [queued(tenant_id=heavy_tenant, audio_seconds=60.0) for _ in range(9)]
    sent = admitted(service, window=9)
    assert (len(set(sent) & set(light)), len(set(sent) & set(heavy))) == (3, 6)


def test_audio_that_is_being_worked_on_counts(service: Service, queued: Queued) -> None:
    running = queued(audio_seconds=3600.0)
    with service.database.system() as connection:
        assert claim(connection, running, Pool.PROCESS, "worker-1", MINUTE)
    mine = queued(audio_seconds=60.0)
    theirs = queued(tenant_id=add_tenant(service), audio_seconds=60.0)
    assert admitted(service, window=2) == [theirs, mine]


def test_a_job_waits_for_its_time(service: Service, queued: Queued) -> None:
    queued(not_before=text("clock_timestamp() + interval '1 hour'"))
    assert admitted(service) == []


def test_jobs_wait_again_while_redis_is_away(service: Service, queued: Queued) -> None:
    job = queued()
    with pytest.raises(TemporarilyUnavailable):
        admit(service.database, BrokenQueue(), [Pool.PROCESS], 16)
    assert admitted(service) == [job]


def test_only_what_was_not_sent_waits_again(service: Service, queued: Queued) -> None:
    archive, urgent = queued(priority=Priority.BACKFILL), queued()
    queue = HalfBrokenQueue()
    with pytest.raises(TemporarilyUnavailable):
        admit(service.database, queue, [Pool.PROCESS], 16)
    assert queue.messages[Pool.PROCESS] == [urgent]
    assert admitted(service) == [archive]


def test_each_pool_has_a_window_of_its_own(service: Service, queued: Queued) -> None:
    waiting = {pool: [queued(pool=pool) for _ in range(3)] for pool in Pool}
    queue = InMemoryQueue()
    assert admit(service.database, queue, Pool, 2) == 4
    assert {pool: queue.messages[pool] for pool in Pool} == {pool: jobs[:2] for pool, jobs in waiting.items()}
    assert admit(service.database, queue, Pool, 2) == 0


def test_what_a_tenant_has_in_one_pool_does_not_count_in_another(service: Service, queued: Queued) -> None:
    queued(audio_seconds=3600.0)
    assert len(admitted(service)) == 1
    mine, theirs = queued(pool=Pool.INGEST), queued(pool=Pool.INGEST, tenant_id=add_tenant(service))
    queue = InMemoryQueue()
    admit(service.database, queue, Pool, 2)
    assert queue.messages[Pool.INGEST] == [mine, theirs]


def test_a_lost_message_is_sent_again(service: Service, queued: Queued) -> None:
    job = queued()
    assert admitted(service) == [job]
    assert forget_lost(service.database, InMemoryQueue(), Pool.PROCESS) == 0
    age(service, job, "admitted_at", "20 seconds")
    assert forget_lost(service.database, InMemoryQueue(), Pool.PROCESS) == 1
    assert admitted(service) == [job]


def test_a_message_that_waits_in_line_is_not_believed_lost(service: Service, queued: Queued) -> None:
    job = queued()
    queue = InMemoryQueue()
    admit(service.database, queue, [Pool.PROCESS], 16)
    age(service, job, "admitted_at", "20 seconds")
    assert forget_lost(service.database, queue, Pool.PROCESS) == 0


def test_a_message_that_was_overtaken_is_sent_again(service: Service, queued: Queued) -> None:
    """It lies with a worker that is busy, while others take what came after it."""
    stuck, taken, waiting = (queued() for _ in range(3))
    queue = InMemoryQueue()
    admit(service.database, queue, [Pool.PROCESS], 16)
    for age_seconds, job in ((40, stuck), (30, taken), (20, waiting)):
        age(service, job, "admitted_at", f"{age_seconds} seconds")
    with service.database.system() as connection:
        assert claim(connection, taken, Pool.PROCESS, "worker-1", MINUTE)
    assert forget_lost(service.database, queue, Pool.PROCESS) == 1
    assert admitted(service) == [stuck]


def test_what_waits_in_the_later_lane_is_not_overtaken_by_interactive_jobs(service: Service, queued: Queued) -> None:
    archive = queued(priority=Priority.BACKFILL)
    queue = InMemoryQueue()
    admit(service.database, queue, [Pool.PROCESS], 16)
    age(service, archive, "admitted_at", "20 seconds")
    urgent = queued()
    admit(service.database, queue, [Pool.PROCESS], 16)
    with service.database.system() as connection:
        assert claim(connection, urgent, Pool.PROCESS, "worker-1", MINUTE)
    assert forget_lost(service.database, queue, Pool.PROCESS) == 0
