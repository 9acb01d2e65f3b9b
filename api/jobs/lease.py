"""A worker's hold on a job: claimed, kept by heartbeats, given up in one of six ways.

Every write names the fence of the claim, which is its number among all claims. Where another worker has claimed the job
since, the write finds no row and `OwnershipLost` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Interval, bindparam, func, insert, or_, select, update

from api.errors import OwnershipLost
from api.events import record_end
from api.jobs.transition import NOW, still_held, transition
from api.states import JobState, Pool, Priority
from api.tables import attempts, jobs
from api.tables.jobs import FENCES
from pipeline.errors import HansardError

SHOWN_CHARACTERS: Final = 2000
"""Of an error's message, at most, in the row that clients see."""


class Outcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    HANDED_ON = "handed_on"
    """Its pool's part is done; the next pool's waits."""
    RELEASED = "released"
    """The worker was told to stop; nothing is charged."""
    RETRIED = "retried"
    """Failed for a reason that may pass."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """The worker was not heard of for as long as the lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a worker knows of the job that it holds."""

    job_id: UUID
    tenant_id: UUID
    recording_id: UUID
    pool: Pool
    attempt: int
    fence: int
    options: Mapping[str, Any]
    crash_count: int
    """Workers that were lost with this job."""
    priority: Priority
    request_id: str | None
    traceparent: str | None
    """The span of the request that made the job, where it was traced."""


class Hold(StrEnum):
    """What a heartbeat finds."""

    HELD = "held"
    CANCEL = "cancel"
    """Still held, and somebody wants it to stop."""


# Made once: to make a statement anew takes as long as to execute it.
_TAKEN: Final = (
    update(jobs)
    .where(jobs.c.id == bindparam("job"), jobs.c.state == JobState.QUEUED, jobs.c.pool == bindparam("of_pool"))
    .where(or_(jobs.c.not_before.is_(None), jobs.c.not_before <= NOW))
    .values(
        state=JobState.RUNNING,
        attempt=jobs.c.attempt + 1,
        fence=FENCES.next_value(),
        lease_owner=bindparam("worker"),
        lease_until=NOW + bindparam("lease", type_=Interval),
        not_before=None,
        started_at=func.coalesce(jobs.c.started_at, NOW),
    )
    .returning(jobs)
    .cte("taken")
)
_NOTED: Final = (
    insert(attempts)
    .from_select(
        ["tenant_id", "job_id", "number", "pool", "fence", "worker"],
        select(*(_TAKEN.c[name] for name in ("tenant_id", "id", "attempt", "pool", "fence", "lease_owner"))),
    )
    .cte("noted")
)
_CLAIM: Final = select(
    _TAKEN.c.id.label("job_id"),
    *(_TAKEN.c[field.name] for field in fields(Claim) if field.name != "job_id"),
).add_cte(_NOTED)
_ATTEMPT_ENDED: Final = update(attempts).where(attempts.c.fence == bindparam("of_fence")).values(ended_at=NOW)


def claim(connection: Connection, job_id: UUID, pool: Pool, worker: str, lease: timedelta) -> Claim | None:
    """Take a queued job of this pool; None where there is nothing to take, which is no error: messages repeat."""
    told = {"job": job_id, "of_pool": pool, "worker": worker, "lease": lease}
    taken = connection.execute(_CLAIM, told).mappings().one_or_none()
    return None if taken is None else Claim(**{**taken, "pool": pool, "priority": Priority(taken["priority"])})


def heartbeat(connection: Connection, held: Claim, lease: timedelta, stage: str | None, progress: float) -> Hold:
    """Prolong the lease and tell how far the work is, 0..1 of the whole job; what is told never falls.

    Raises:
        OwnershipLost: the job is no longer this claim's.
    """
    found = connection.execute(
        update(jobs)
        .where(jobs.c.id == held.job_id, jobs.c.state == JobState.RUNNING, still_held(held.fence))
        .values(
            lease_until=NOW + lease,
            stage=func.coalesce(stage, jobs.c.stage),
            progress=func.greatest(jobs.c.progress, min(max(progress, 0.0), 1.0)),
        )
        .returning(jobs.c.cancel_requested_at)
    ).one_or_none()
    if found is None:
        raise OwnershipLost
    return Hold.HELD if found.cancel_requested_at is None else Hold.CANCEL


def still_owned(connection: Connection, held: Claim) -> bool:
    """Whether a write of this claim may go on; the job's row stays locked until the transaction ends."""
    statement = select(jobs.c.id).where(
        jobs.c.id == held.job_id, jobs.c.state == JobState.RUNNING, still_held(held.fence)
    )
    return connection.execute(statement.with_for_update()).one_or_none() is not None


def hand_on(connection: Connection, held: Claim, to: Pool, *, audio_seconds: float) -> Outcome:
    """Queue the job for the next pool; the count of crashes begins anew."""
    return _leave(connection, held, JobState.QUEUED, Outcome.HANDED_ON, pool=to, audio_seconds=audio_seconds,
           crash_count=0, failure_count=0)  # fmt: skip


def succeed(connection: Connection, held: Claim) -> Outcome:
    """End the job; its result is written in the same transaction."""
    return _leave(connection, held, JobState.SUCCEEDED, Outcome.SUCCEEDED, progress=1.0, stage=None)


def fail(connection: Connection, held: Claim, error: HansardError) -> Outcome:
    """End the job with an error that will not pass."""
    told = {"error_type": error.slug, "error_detail": str(error)[:SHOWN_CHARACTERS]}
    return _leave(connection, held, JobState.FAILED, Outcome.FAILED, error, **told)


def cancel(connection: Connection, held: Claim) -> Outcome:
    """End the job because that was asked for."""
    return _leave(connection, held, JobState.CANCELLED, Outcome.CANCELLED)


def retry(connection: Connection, held: Claim, after: timedelta, error: HansardError) -> Outcome:
    """Queue the job again, not before some time has passed."""
    return _leave(connection, held, JobState.QUEUED, Outcome.RETRIED, error, not_before=NOW + after,
           failure_count=jobs.c.failure_count + 1)  # fmt: skip


def send_back(connection: Connection, held: Claim, to: Pool, error: HansardError) -> Outcome:
    """Queue the job for an earlier pool, whose output is gone."""
    return _leave(connection, held, JobState.QUEUED, Outcome.RETRIED, error, pool=to,
           failure_count=jobs.c.failure_count + 1)  # fmt: skip


def failures_of(connection: Connection, held: Claim, error: HansardError) -> int:
    """How often the job has failed in its pool for this passing reason: others do not count against it."""
    same = (attempts.c.pool == held.pool, attempts.c.outcome == Outcome.RETRIED, attempts.c.error_type == error.slug)
    statement = select(func.count()).select_from(attempts).where(attempts.c.job_id == held.job_id, *same)
    return connection.execute(statement).scalar_one()


def release(connection: Connection, held: Claim) -> Outcome:
    """Queue the job again for another worker, as if this one had not had it."""
    return _leave(connection, held, JobState.QUEUED, Outcome.RELEASED, attempt=jobs.c.attempt - 1)


def end_attempt(connection: Connection, fence: int, outcome: Outcome, error: HansardError | None = None) -> None:
    """Note how an attempt ended."""
    told = {"error_type": error.slug, "error_detail": str(error)[:SHOWN_CHARACTERS]} if error else {}
    connection.execute(_ATTEMPT_ENDED, {"of_fence": fence, "outcome": outcome, **told})


def _leave(
    connection: Connection, held: Claim, to: JobState, outcome: Outcome, error: HansardError | None = None,
    **values: object,
) -> Outcome:  # fmt: skip
    """Give the job up, and say how; every way out goes through here, so that none forgets the fence.

    A job that somebody asked to stop goes back to no queue: it ends here.

    Raises:
        OwnershipLost: the job is no longer this claim's, and nothing was written.
    """
    row = transition(connection, held.job_id, to, fence=held.fence, asked=False, **values)
    if row is None and to is JobState.QUEUED:
        outcome, error = Outcome.CANCELLED, None
        row = transition(connection, held.job_id, JobState.CANCELLED, fence=held.fence, asked=True)
    if row is None:
        raise OwnershipLost
    end_attempt(connection, held.fence, outcome, error)
    record_end(connection, row)
    return outcome
