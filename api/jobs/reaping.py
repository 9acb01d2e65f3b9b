"""Jobs whose worker was lost: back to the queue, or given up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, RowMapping, select

from api.errors import OwnershipLost
from api.events import record_end
from api.jobs.lease import Claim, Outcome, end_attempt
from api.jobs.transition import NOW, is_in, still_held, transition
from api.states import JobState
from api.tables import jobs
from pipeline.errors import HansardError

MAX_CRASHES: Final = 3
"""A job that was lost with its worker so often is dead: its recording may well be what kills them."""
_BATCH: Final = 500


def reap(connection: Connection) -> list[UUID]:
    """End the leases that have run out; the ids of their jobs. Several may sweep at once."""
    expired = connection.execute(
        select(jobs)
        .where(is_in(JobState.RUNNING), jobs.c.lease_until < NOW)
        .order_by(jobs.c.lease_until)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    ).mappings()
    return [job["id"] for job in expired.all() if _reaped(connection, job)]


def lose(connection: Connection, held: Claim, error: HansardError) -> Outcome:
    """End the attempt of a worker that knows that it is lost, as a sweep would once its lease had run out.

    Raises:
        OwnershipLost: the job is no longer this claim's, and nothing was written.
    """
    mine = select(jobs).where(jobs.c.id == held.job_id, is_in(JobState.RUNNING), still_held(held.fence))
    job = connection.execute(mine.with_for_update()).mappings().one_or_none()
    if job is None or not _reaped(connection, job, error):
        raise OwnershipLost
    return Outcome.LOST


def _reaped(connection: Connection, job: RowMapping, error: HansardError | None = None) -> bool:
    state, values = _next_state(job)
    row = transition(connection, job["id"], state, fence=job["fence"], **values)
    if row is None:
        return False
    end_attempt(connection, job["fence"], Outcome.LOST, error)
    record_end(connection, row)
    return True


def _next_state(job: RowMapping) -> tuple[JobState, Mapping[str, Any]]:
    crashes = job["crash_count"] + 1
    if job["cancel_requested_at"] is not None:
        return JobState.CANCELLED, {"crash_count": crashes}
    if crashes < MAX_CRASHES:
        return JobState.QUEUED, {"crash_count": crashes}
    detail = (
        f"the worker was lost {crashes} times while it ran this job; "
        "if other recordings pass, this one is at fault: look into the worker's log, then requeue it"
    )
    return JobState.DEAD, {"crash_count": crashes, "error_type": "worker-lost", "error_detail": detail}
