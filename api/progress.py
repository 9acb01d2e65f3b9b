"""How far a job is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, RowMapping, Select, func, select

from api.errors import NotFound, RecordingDeleted
from api.states import JobState
from api.tables import jobs, recordings

TELLING: Final = 0.02
"""Below this share of the work nothing can be said about the rest."""
_ELAPSED = func.extract("epoch", func.clock_timestamp() - jobs.c.started_at)
JOB: Final[tuple[Any, ...]] = (*jobs.c, _ELAPSED.label("elapsed"))
"""A job's columns, and the seconds since it was first taken, by the database's clock."""


def eta_seconds(job: Mapping[Any, Any]) -> float | None:
    """Seconds until a running job is likely to be done, if it goes on as it did; None where nothing can be said."""
    elapsed, progress = job.get("elapsed"), float(job["progress"])
    if job["state"] != JobState.RUNNING or elapsed is None or progress < TELLING:
        return None
    return round(max(0.0, float(elapsed) * (1.0 - progress) / progress), 1)


def job_query(job_id: UUID) -> Select[Any]:
    """A job, with what tells whether its recording was deleted."""
    return (
        select(*JOB, recordings.c.deleted_at)
        .join(recordings, recordings.c.id == jobs.c.recording_id)
        .where(jobs.c.id == job_id)
    )


def find_job(connection: Connection, tenant_id: UUID, job_id: UUID, *, lock: bool = False) -> RowMapping:
    """A job of a tenant as it stands.

    Raises:
        NotFound: the tenant has no such job.
        RecordingDeleted: its recording was deleted.
    """
    statement = job_query(job_id).where(jobs.c.tenant_id == tenant_id)
    if lock:
        statement = statement.with_for_update(of=jobs)
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound
    if row["deleted_at"] is not None:
        raise RecordingDeleted
    return row
