from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import RowMapping, select

from api.errors import OwnershipLost
from api.jobs import lease
from api.jobs.lease import Claim, Hold
from api.jobs.reaping import MAX_CRASHES, reap
from api.states import JobState, Pool
from api.tables import attempts, outbox
from pipeline.errors import CorruptMedia

if TYPE_CHECKING:
    from api.bootstrap import Service

MINUTE = timedelta(seconds=60)
Queued = Callable[..., UUID]
RowOf = Callable[[UUID], RowMapping]


def take(service: Service, job: UUID, worker: str = "worker-1") -> Claim | None:
    with service.database.system() as connection:
        return lease.claim(connection, job, Pool.PROCESS, worker, MINUTE)


def taken(service: Service, job: UUID) -> Claim:
    held = take(service, job)
    assert held is not None
    return held


def events(service: Service, job: UUID) -> list[str]:
    with service.database.system() as connection:
        return list(connection.execute(select(outbox.c.type).where(outbox.c.job_id == job)).scalars())


def outcomes(service: Service, job: UUID) -> list[str | None]:
    statement = select(attempts.c.outcome).where(attempts.c.job_id == job).order_by(attempts.c.id)
    with service.database.system() as connection:
        return list(connection.execute(statement).scalars())


def test_a_claimed_job_runs_under_a_lease(service: Service, queued: Queued, row_of: RowOf) -> None:
    job = queued()
    held = taken(service, job)
    row = row_of(job)
    assert (row["state"], row["attempt"], row["lease_owner"], row["fence"]) == ("running", 1, "worker-1", held.fence)
    assert outcomes(service, job) == [None]


@pytest.mark.parametrize("values", [{"pool": Pool.INGEST}, {"state": JobState.AWAITING_UPLOAD}])
def test_a_job_of_another_pool_or_state_is_not_taken(service: Service, queued: Queued, values: dict[str, Any]) -> None:
    assert take(service, queued(**values)) is None


def test_a_job_that_is_not_there_is_not_taken(service: Service) -> None:
    assert take(service, uuid4()) is None


def test_a_job_is_not_taken_before_its_time(service: Service, queued: Queued, row_of: RowOf) -> None:
    job = queued()
    with service.database.system() as connection:
        lease.retry(connection, _claimed(connection, job), timedelta(hours=1), CorruptMedia())
    assert row_of(job)["state"] == JobState.QUEUED
    assert take(service, job) is None


def test_of_many_that_claim_at_once_one_gets_the_job(service: Service, queued: Queued) -> None:
    job = queued()
    with ThreadPoolExecutor(8) as threads:
        claims = list(threads.map(lambda number: take(service, job, f"worker-{number}"), range(24)))
    assert sum(claim is not None for claim in claims) == 1


def test_progress_never_falls(service: Service, queued: Queued, row_of: RowOf) -> None:
    job = queued()
    held = taken(service, job)
    for told in (0.4, 0.2, 7.0):
        with service.database.system() as connection:
            assert lease.heartbeat(connection, held, MINUTE, "asr", told) is Hold.HELD
    assert (row_of(job)["progress"], row_of(job)["stage"]) == (1.0, "asr")


def test_a_worker_taken_for_lost_can_write_nothing(
    service: Service, queued: Queued, row_of: RowOf, lease_runs_out: Callable[[UUID], None]
) -> None:
    """The second claim has another fence; every way of the first worker to write finds no row."""
    job = queued()
    stale = taken(service, job)
    lease_runs_out(job)
    with service.database.system() as connection:
        assert reap(connection) == [job]
    current = taken(service, job)
    writes: list[Callable[[Any], object]] = [
        lambda connection: lease.heartbeat(connection, stale, MINUTE, "asr", 0.5),
        lambda connection: lease.succeed(connection, stale),
        lambda connection: lease.fail(connection, stale, CorruptMedia()),
        lambda connection: lease.cancel(connection, stale),
        lambda connection: lease.release(connection, stale),
        lambda connection: lease.retry(connection, stale, MINUTE, CorruptMedia()),
        lambda connection: lease.hand_on(connection, stale, Pool.INGEST, audio_seconds=1.0),
    ]
    for write in writes:
        with pytest.raises(OwnershipLost), service.database.system() as connection:
            write(connection)
    with service.database.system() as connection:
        assert not lease.still_owned(connection, stale)
        assert lease.still_owned(connection, current)
    assert row_of(job)["fence"] == current.fence
    assert outcomes(service, job) == ["lost", None]


def test_a_worker_that_handed_a_job_on_can_write_nothing_more(service: Service, queued: Queued, row_of: RowOf) -> None:
    """The row waits with that worker's fence still on it."""
    job = queued()
    held = taken(service, job)
    with service.database.system() as connection:
        lease.hand_on(connection, held, Pool.INGEST, audio_seconds=1.0)
    for write in (lease.cancel, lambda connection, held: lease.fail(connection, held, CorruptMedia())):
        with pytest.raises(OwnershipLost), service.database.system() as connection:
            write(connection, held)
    assert row_of(job)["state"] == JobState.QUEUED


def test_a_job_ends_once_and_is_told_once(service: Service, queued: Queued) -> None:
    job = queued()
    held = taken(service, job)
    with service.database.system() as connection:
        lease.succeed(connection, held)
    with pytest.raises(OwnershipLost), service.database.system() as connection:
        lease.fail(connection, held, CorruptMedia())
    assert events(service, job) == ["job.succeeded"]
    assert take(service, job) is None


def test_a_failed_job_says_why(service: Service, queued: Queued, row_of: RowOf) -> None:
    job = queued()
    held = taken(service, job)
    with service.database.system() as connection:
        lease.fail(connection, held, CorruptMedia("the audio is damaged"))
    row = row_of(job)
    assert (row["state"], row["error_type"], row["error_detail"]) == ("failed", "corrupt-media", "the audio is damaged")
    assert events(service, job) == ["job.failed"]


def test_a_released_job_is_not_charged(service: Service, queued: Queued, row_of: RowOf) -> None:
    job = queued()
    with service.database.system() as connection:
        lease.release(connection, _claimed(connection, job))
    row = row_of(job)
    assert (row["state"], row["attempt"], row["crash_count"]) == ("queued", 0, 0)


def test_a_job_that_takes_its_worker_with_it_dies_at_the_third_start(
    service: Service, queued: Queued, row_of: RowOf, lease_runs_out: Callable[[UUID], None]
) -> None:
    job = queued()
    for _ in range(MAX_CRASHES):
        assert take(service, job) is not None
        lease_runs_out(job)
        with service.database.system() as connection:
            reap(connection)
    assert take(service, job) is None
    assert (row_of(job)["state"], row_of(job)["error_type"]) == ("dead", "worker-lost")
    assert outcomes(service, job) == ["lost"] * MAX_CRASHES
    assert events(service, job) == ["job.dead"]


def test_a_lease_that_runs_on_is_left_alone(service: Service, queued: Queued) -> None:
    taken(service, queued())
    with service.database.system() as connection:
        assert reap(connection) == []


def _claimed(connection: Any, job: UUID) -> Claim:
    held = lease.claim(connection, job, Pool.PROCESS, "worker-1", MINUTE)
    assert held is not None
    return held
