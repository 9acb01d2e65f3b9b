"""Whatever workers, clients and sweeps do to a job, in whatever order, its life is one of those that may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import Connection, func, select, text, update

from api.errors import JobAlreadyFinished, OwnershipLost
from api.jobs import lease
from api.jobs.lease import Claim
from api.jobs.reaping import MAX_CRASHES, reap
from api.keys import Principal, Scope
from api.recordings.steering import cancel_job
from api.states import TERMINAL, TRANSITIONS, JobState, Pool
from api.tables import attempts, jobs, outbox
from pipeline.errors import CorruptMedia

if TYPE_CHECKING:
    from api.bootstrap import Service

LEASE = timedelta(hours=1)
"""None ends by itself while the machine runs."""


@dataclass
class Job:
    """What the machine believes of a job."""

    id: UUID
    state: JobState = JobState.QUEUED
    pool: Pool = Pool.INGEST
    fence: int | None = None
    crashes: int = 0
    cancelling: bool = False
    progress: float = 0.0
    seen: list[JobState] = field(default_factory=lambda: [JobState.QUEUED])

    def goes(self, state: JobState) -> None:
        """Move on."""
        self.state = state
        self.seen.append(state)


class JobLife(RuleBasedStateMachine):
    """Clients, workers and sweeps on a few jobs. Claims are kept when they are lost, and used again."""

    claims = Bundle("claims")

    def __init__(self, service: Service, tenant: UUID, queued: Callable[..., UUID]) -> None:
        super().__init__()
        self.service = service
        self.principal = Principal(tenant_id=tenant, key_prefix="test", scopes=frozenset(Scope))
        self.queued = queued
        self.jobs: list[Job] = []

    @initialize(number=st.integers(1, 3))
    def submit(self, number: int) -> None:
        self.jobs = [Job(self.queued(pool=Pool.INGEST)) for _ in range(number)]

    @rule(target=claims, which=st.integers(0, 2), pool=st.sampled_from(Pool))
    def claim(self, which: int, pool: Pool) -> object:
        job = self.jobs[which % len(self.jobs)]
        with self.service.database.system() as connection:
            held = lease.claim(connection, job.id, pool, "worker", LEASE)
        assert (held is not None) == (job.state is JobState.QUEUED and job.pool is pool)
        if held is None:
            return multiple()
        assert held.fence > (job.fence or 0)
        job.fence = held.fence
        job.goes(JobState.RUNNING)
        return held

    @rule(held=claims, told=st.floats(0, 1))
    def heartbeat(self, held: Claim, told: float) -> None:
        job = self.job(held)
        if self.owns(held):
            with self.service.database.system() as connection:
                hold = lease.heartbeat(connection, held, LEASE, "asr", told)
            assert (hold is lease.Hold.CANCEL) == job.cancelling
            job.progress = max(job.progress, told)
        else:
            self.refused(lambda connection: lease.heartbeat(connection, held, LEASE, "asr", told))

    @rule(held=claims, way=st.sampled_from(["hand_on", "succeed", "fail", "cancel", "retry", "release"]))
    def leave(self, held: Claim, way: str) -> None:
        ways: dict[str, tuple[JobState, Callable[[Connection], object]]] = {
            "hand_on": (JobState.QUEUED, lambda c: lease.hand_on(c, held, Pool.PROCESS, audio_seconds=1.0)),
            "succeed": (JobState.SUCCEEDED, lambda c: lease.succeed(c, held)),
            "fail": (JobState.FAILED, lambda c: lease.fail(c, held, CorruptMedia())),
            "cancel": (JobState.CANCELLED, lambda c: lease.cancel(c, held)),
            "retry": (JobState.QUEUED, lambda c: lease.retry(c, held, timedelta(0), CorruptMedia())),
            "release": (JobState.QUEUED, lambda c: lease.release(c, held)),
        }
        state, write = ways[way]
        if not self.owns(held):
            self.refused(write)
            return
        job = self.job(held)
        with self.service.database.system() as connection:
            write(connection)
        if state is JobState.QUEUED and job.cancelling:
            job.goes(JobState.CANCELLED)
            return
        job.goes(state)
        if way == "hand_on":
            job.pool, job.crashes = Pool.PROCESS, 0
        if way == "succeed":
            job.progress = 1.0

    @rule(which=st.integers(0, 2))
    def ask_to_stop(self, which: int) -> None:
        job = self.jobs[which % len(self.jobs)]
        with self.service.database.tenant(self.principal.tenant_id) as connection:
            if job.state in TERMINAL:
                with pytest.raises(JobAlreadyFinished):
                    cancel_job(connection, self.principal, job.id)
                return
            cancel_job(connection, self.principal, job.id)
        if job.state is JobState.RUNNING:
            job.cancelling = True
        else:
            job.goes(JobState.CANCELLED)

    @rule(held=consumes(claims))
    def lose_a_worker(self, held: Claim) -> None:
        if not self.owns(held):
            return
        job = self.job(held)
        with self.service.database.system() as connection:
            ended = text("clock_timestamp() - interval '1 second'")
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(lease_until=ended))
        with self.service.database.system() as connection:
            assert reap(connection) == [job.id]
        job.crashes += 1
        if job.cancelling:
            job.goes(JobState.CANCELLED)
        else:
            job.goes(JobState.DEAD if job.crashes >= MAX_CRASHES else JobState.QUEUED)

    @invariant()
    def rows_are_as_believed(self) -> None:
        told = select(func.count()).where(outbox.c.job_id == jobs.c.id).scalar_subquery()
        unended = select(func.count()).where(attempts.c.job_id == jobs.c.id, attempts.c.outcome.is_(None))
        statement = select(jobs, told.label("told"), unended.scalar_subquery().label("unended"))
        with self.service.database.system() as connection:
            found = connection.execute(statement.where(jobs.c.id.in_([job.id for job in self.jobs]))).mappings().all()
        rows = {row["id"]: row for row in found}
        for job in self.jobs:
            row = rows[job.id]
            assert (row["state"], row["pool"], row["crash_count"]) == (job.state, job.pool, job.crashes)
            assert row["progress"] == pytest.approx(job.progress)
            assert row["told"] == (job.state in TERMINAL)
            assert row["unended"] == (job.state is JobState.RUNNING)
            assert all(after in TRANSITIONS[before] for before, after in pairwise(job.seen))

    def job(self, held: Claim) -> Job:
        return next(job for job in self.jobs if job.id == held.job_id)

    def owns(self, held: Claim) -> bool:
        job = self.job(held)
        return job.state is JobState.RUNNING and job.fence == held.fence

    def refused(self, write: Callable[[Connection], object]) -> None:
        with pytest.raises(OwnershipLost), self.service.database.system() as connection:
            write(connection)


def test_a_job_lives_one_of_the_lives_that_may_be(service: Service, tenant: UUID, queued: Callable[..., UUID]) -> None:
    class Machine(JobLife):
        def __init__(self) -> None:
            super().__init__(service, tenant, queued)

    run_machine(Machine, settings=hypothesis_settings(max_examples=25, stateful_step_count=25, deadline=None))
