from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, RowMapping, delete, func, update

from api.errors import JobCancelled, OwnershipLost, TemporarilyUnavailable
from api.jobs import lease
from api.jobs.lease import Claim, Outcome
from api.jobs.reaping import reap
from api.states import Pool
from api.tables import jobs, recordings
from pipeline.errors import CorruptMedia, DeviceLost
from workers.context import Context, Work
from workers.execution import execute, settle
from workers.keeper import Keeper, WorkerStopping
from workers.retry import MAX_SURPRISES
from workers.room import Room

if TYPE_CHECKING:
    from api.bootstrap import Service

Queued = Callable[..., UUID]
RowOf = Callable[[UUID], RowMapping]


@pytest.fixture
def run(service: Service, tmp_path: Path) -> Callable[[UUID, Work], Context]:
    """Executes a job with the given work."""

    def execute_with(job: UUID, work: Work, **others: Any) -> Context:
        told = replace(service, settings=others.pop("settings", service.settings))
        context = Context(service=told, work={Pool.PROCESS: work}, scratch=tmp_path, chance=random.Random(1), **others)
        assert execute(context, job, Pool.PROCESS)
        return context

    return execute_with


def raising(error: Exception) -> Work:
    def work(context: Context, held: Claim, keeper: Keeper) -> None:
        raise error

    return work


def succeeding(context: Context, held: Claim, keeper: Keeper) -> None:
    keeper("asr", 1, 2)
    settle(context, held, lambda connection: lease.succeed(connection, held))


def test_work_that_is_done_ends_the_job(run: Any, queued: Queued, row_of: RowOf) -> None:
    job = queued()
    run(job, succeeding)
    assert (row_of(job)["state"], row_of(job)["progress"]) == ("succeeded", 1.0)


def test_a_second_message_does_nothing(run: Any, queued: Queued) -> None:
    job = queued()
    context = run(job, succeeding)
    assert not execute(context, job, Pool.PROCESS)


@pytest.mark.parametrize(
    ("error", "state", "slug", "failures"),
    [
        (CorruptMedia("damaged"), "failed", "corrupt-media", 0),
        (TemporarilyUnavailable("the object store does not answer"), "queued", None, 1),
        (MemoryError(), "queued", None, 1),
        (ZeroDivisionError(), "queued", None, 1),
        (JobCancelled(), "cancelled", None, 0),
    ],
)
def test_an_error_decides_what_becomes_of_the_job(
    run: Any,
    queued: Queued,
    row_of: RowOf,
    error: Exception,
    state: str,
    slug: str | None,
    failures: int,
) -> None:
    job = queued()
    run(job, raising(error))
    row = row_of(job)
    assert (row["state"], row["error_type"], row["failure_count"]) == (state, slug, failures)
    assert (row["not_before"] is not None) == (state == "queued")


def again(service: Service, job: UUID) -> None:
    """Let a job that waits for its next attempt have it now."""
    with service.database.system() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job).values(not_before=None))


def test_a_fault_that_nobody_foresaw_is_given_up_in_the_end(
    run: Any, service: Service, queued: Queued, row_of: RowOf
) -> None:
    job = queued()
    for _ in range(MAX_SURPRISES):
        assert row_of(job)["state"] == "queued"
        run(job, raising(ZeroDivisionError("secret of the implementation")))
        again(service, job)
    assert row_of(job)["error_type"] == "internal-error"
    assert "secret" not in row_of(job)["error_detail"]


def test_one_kind_of_fault_does_not_count_for_another(
    run: Any, service: Service, queued: Queued, row_of: RowOf
) -> None:
    """A job that has outlived an outage of the store may still surprise as often as any other."""
    job = queued()
    for error in (*[TemporarilyUnavailable()] * 4, *[ZeroDivisionError()] * (MAX_SURPRISES - 1)):
        run(job, raising(error))
        assert row_of(job)["state"] == "queued"
        again(service, job)


def test_a_job_that_waits_for_room_does_not_hang(run: Any, service: Service, queued: Queued, row_of: RowOf) -> None:
    """However long the job beside it takes: the wait is no fault of anybody's."""
    hasty = service.settings.model_copy(update={"heartbeat_seconds": 0.05, "hang_seconds": 0.5})
    room, job = Room(), queued(crash_count=1)
    with room.entered(alone=False, check=lambda: None):
        beside = threading.Thread(target=run, args=(job, succeeding), kwargs={"room": room, "settings": hasty})
        beside.start()
        time.sleep(1.5)
        assert row_of(job)["state"] == "running"
    beside.join()
    assert row_of(job)["state"] == "succeeded"


@pytest.mark.parametrize("way", ["hand on", "retry", "release"])
def test_a_job_that_is_to_stop_goes_back_to_no_queue(
    run: Any, service: Service, queued: Queued, row_of: RowOf, way: str
) -> None:
    """Somebody asked while it ran, and it ends before the next heartbeat could tell."""
    job = queued()

    def work(context: Context, held: Claim, keeper: Keeper) -> None:
        with service.database.system() as connection:
            asked = func.clock_timestamp()
            connection.execute(update(jobs).where(jobs.c.id == job).values(cancel_requested_at=asked))
        if way == "retry":
            raise TemporarilyUnavailable
        if way == "release":
            raise WorkerStopping
        settle(context, held, lambda connection: lease.hand_on(connection, held, Pool.PROCESS, audio_seconds=1.0))

    run(job, work)
    assert (row_of(job)["state"], row_of(job)["error_type"]) == ("cancelled", None)


def test_a_job_whose_recording_was_deleted_meanwhile_is_left(run: Any, service: Service, queued: Queued) -> None:
    job = queued()

    def work(context: Context, held: Claim, keeper: Keeper) -> None:
        with service.database.system() as connection:
            connection.execute(delete(recordings).where(recordings.c.id == held.recording_id))
        succeeding(context, held, keeper)

    run(job, work)


def test_a_worker_that_stops_gives_its_job_back_uncharged(run: Any, queued: Queued, row_of: RowOf) -> None:
    job = queued()
    stopping = threading.Event()

    def work(context: Context, held: Claim, keeper: Keeper) -> None:
        stopping.set()
        keeper("asr", 1, 2)

    context = run(job, work, stopping=stopping)
    assert (row_of(job)["state"], row_of(job)["attempt"]) == ("queued", 0)
    assert not execute(context, job, Pool.PROCESS)


def test_a_lost_device_is_charged_to_the_job_that_found_out_and_ends_the_process(
    run: Any, service: Service, queued: Queued, row_of: RowOf, tmp_path: Path
) -> None:
    """The job beside it, which finds the same, is given back as it was."""
    first, beside = queued(), queued()
    ended: list[str] = []

    def work(context: Context, held: Claim, keeper: Keeper) -> None:
        if held.job_id == first:
            raise DeviceLost
        assert execute(context, first, Pool.PROCESS)
        assert context.stopping.is_set()
        raise DeviceLost

    run(beside, work, end=lambda: ended.append("in order"))
    assert (row_of(first)["state"], row_of(first)["crash_count"], row_of(first)["attempt"]) == ("queued", 1, 1)
    assert (row_of(beside)["state"], row_of(beside)["crash_count"], row_of(beside)["attempt"]) == ("queued", 0, 0)
    assert ended == ["in order"]


def test_a_job_that_loses_the_device_again_and_again_is_given_up(run: Any, queued: Queued, row_of: RowOf) -> None:
    job = queued(crash_count=2)
    run(job, raising(DeviceLost()), end=lambda: None)
    assert (row_of(job)["state"], row_of(job)["error_type"]) == ("dead", "worker-lost")


def test_a_cancelled_job_stops_at_its_next_step(
    run: Any,
    service: Service,
    queued: Queued,
    row_of: RowOf,
) -> None:
    job = queued()

    def work(context: Context, held: Claim, keeper: Keeper) -> None:
        with service.database.system() as connection:
            asked = func.clock_timestamp()
            connection.execute(update(jobs).where(jobs.c.id == job).values(cancel_requested_at=asked))
        step = 0
        while True:
            step += 1
            keeper("asr", step, 1_000_000)
            threading.Event().wait(0.01)

    run(job, work)
    assert row_of(job)["state"] == "cancelled"


def test_what_a_lost_worker_computed_is_not_written(
    run: Any,
    service: Service,
    queued: Queued,
    row_of: RowOf,
    lease_runs_out: Callable[[UUID], None],
) -> None:
    """While it works the lease ends, and another worker takes the job and is at it still."""
    job = queued()
    second: list[Claim | None] = []

    def work(context: Context, held: Claim, keeper: Keeper) -> None:
        lease_runs_out(job)
        with service.database.system() as connection:
            reap(connection)
            second.append(lease.claim(connection, job, Pool.PROCESS, "worker-2", context.rhythm.lease))
        succeeding(context, held, keeper)

    run(job, work)
    assert row_of(job)["state"] == "running"
    assert second[0] is not None
    assert row_of(job)["fence"] == second[0].fence


def test_a_commit_whose_answer_was_lost_is_found_to_have_happened(
    run: Any,
    queued: Queued,
    row_of: RowOf,
) -> None:
    job = queued()
    tries: list[int] = []

    def work(context: Context, held: Claim, keeper: Keeper) -> None:
        def write(connection: Connection) -> Outcome:
            outcome = lease.succeed(connection, held)
            tries.append(1)
            if len(tries) == 1:
                connection.commit()
                message = "the answer was lost"
                raise TemporarilyUnavailable(message)
            return outcome

        settle(context, held, write)

    run(job, work)
    assert (row_of(job)["state"], len(tries)) == ("succeeded", 1)


def test_settling_for_a_job_of_another_writes_nothing(run: Any, queued: Queued, row_of: RowOf) -> None:
    job = queued()

    def work(context: Context, held: Claim, keeper: Keeper) -> None:
        with context.service.database.system() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job).values(fence=held.fence + 1000))
        with pytest.raises(OwnershipLost):
            settle(context, held, lambda connection: lease.succeed(connection, held))

    run(job, work)
    assert row_of(job)["state"] == "running"
