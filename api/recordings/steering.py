"""What clients may do to a job: stop it, or run it once more."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, RowMapping, func, insert, update

from api.errors import JobAlreadyFinished, ResultNotReady
from api.events import record_end
from api.jobs.transition import NOW, transition
from api.keys import Principal
from api.progress import find_job
from api.quotas import QueueQuota
from api.recordings.reading import hold_recording
from api.states import TERMINAL, JobState, Pool
from api.tables import jobs
from api.tracing import traceparent


def cancel_job(connection: Connection, principal: Principal, job_id: UUID) -> RowMapping:
    """Stop a job: one that waits at once, one that runs when its worker next says that it is alive.

    Raises:
        NotFound: the tenant has no such job.
        JobAlreadyFinished: it has ended, whichever way.
    """
    job = find_job(connection, principal.tenant_id, job_id, lock=True)
    if job["state"] in TERMINAL:
        message = f"the job has ended already: {job['state']}"
        raise JobAlreadyFinished(message)
    asked = func.coalesce(jobs.c.cancel_requested_at, NOW)
    if job["state"] == JobState.RUNNING:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(cancel_requested_at=asked))
    else:
        ended = transition(connection, job_id, JobState.CANCELLED, cancel_requested_at=asked)
        if ended is not None:
            record_end(connection, ended)
    return find_job(connection, principal.tenant_id, job_id)


def requeue_job(connection: Connection, principal: Principal, quota: QueueQuota, job_id: UUID) -> RowMapping:
    """Run an ended job once more, as a new job of the same recording and options.

    Raises:
        NotFound: the tenant has no such job.
        RecordingDeleted: there is nothing left to run it on.
        ResultNotReady: it has not ended yet.
        QueueQuotaExceeded: the tenant has as many jobs waiting as it may.
    """
    job = find_job(connection, principal.tenant_id, job_id)
    if job["state"] not in TERMINAL:
        message = f"the job is {job['state']}; it can be run once more when it has ended"
        raise ResultNotReady(message)
    hold_recording(connection, principal.tenant_id, job["recording_id"])
    quota.check(connection, principal.tenant_id, principal.limits.max_queued)
    return connection.execute(
        insert(jobs)
        .values(
            tenant_id=principal.tenant_id,
            recording_id=job["recording_id"],
            previous_id=job_id,
            state=JobState.QUEUED,
            pool=Pool.INGEST,
            priority=job["priority"],
            options=job["options"],
            request_id=principal.request_id,
            traceparent=traceparent(),
            queued_at=NOW,
        )
        .returning(jobs)
    ).mappings().one()  # fmt: skip
