"""A recording goes: at once for everyone who asks, and soon after from every place that held it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Connection, RowMapping, delete, func, insert, or_, select, update

from api.audit import audit
from api.bootstrap import Service
from api.errors import TemporarilyUnavailable
from api.events import EventType, record, record_end
from api.jobs.transition import NOW, transition
from api.recordings.reading import find_recording
from api.recordings.uploads import FORM_VALID
from api.states import TERMINAL, JobState
from api.storage import recording_prefix
from api.tables import deletions, jobs, recordings

LAST_WRITES: Final = FORM_VALID + timedelta(minutes=10)
"""After a deletion a worker that has not noticed, or a client with an upload form, may still write for so long."""
_BATCH: Final = 100
_OPEN: Final = frozenset(JobState) - TERMINAL
log = structlog.get_logger()


def delete_recording(
    service: Service, tenant_id: UUID, recording_id: UUID, *, actor: str, request_id: str | None = None
) -> RowMapping:
    """Delete a recording, its jobs and results; the row that tells of it, with `finished_at` where all is gone.

    Where the object store does not answer, or something may still be written, `finish_deletions` does the rest.

    Raises:
        NotFound, RecordingDeleted: there is no such recording.
    """
    with service.database.tenant(tenant_id) as connection:
        quiet = mark_deleted(connection, tenant_id, recording_id, actor, request_id)
    try:
        _erase(service, tenant_id, recording_id, last=quiet)
    except TemporarilyUnavailable:
        log.warning("deletion.postponed", recording_id=str(recording_id))
    with service.database.tenant(tenant_id) as connection:
        return connection.execute(select(deletions).where(deletions.c.recording_id == recording_id)).mappings().one()


def mark_deleted(
    connection: Connection, tenant_id: UUID, recording_id: UUID, actor: str, request_id: str | None
) -> bool:
    """Take a recording out of sight, end its jobs and say so; whether nobody can still write for it."""
    find_recording(connection, tenant_id, recording_id)
    marked = (
        update(recordings)
        .where(recordings.c.id == recording_id, recordings.c.deleted_at.is_(None))
        .values(deleted_at=NOW)
        .returning(recordings.c.id)
    )
    if connection.execute(marked).one_or_none() is None:
        find_recording(connection, tenant_id, recording_id)  # another request was faster: this says so
    mine = (jobs.c.recording_id == recording_id, jobs.c.state.in_(_OPEN))
    found = connection.execute(select(jobs.c.id, jobs.c.state).where(*mine).with_for_update()).all()
    for job in found:
        ended = transition(connection, job.id, JobState.CANCELLED, cancel_requested_at=NOW)
        if ended is not None:
            record_end(connection, ended)
    connection.execute(insert(deletions).values(recording_id=recording_id, tenant_id=tenant_id, requested_by=actor))
    data = {"recording_id": str(recording_id)}
    record(connection, tenant_id, EventType.RECORDING_DELETED, data, recording_id=recording_id)
    audit(connection, tenant_id, actor, "recording.deleted", recording_id, request_id)
    return not any(job.state in {JobState.RUNNING, JobState.AWAITING_UPLOAD} for job in found)


def finish_deletions(service: Service) -> int:
    """Erase what is not erased yet, for the dispatcher; how many deletions are done with it. Several may try at once.

    Each is swept as soon as it can be, and once more when nothing can be written any longer.
    """
    due = or_(deletions.c.objects.is_(None), deletions.c.requested_at < NOW - LAST_WRITES)
    ripe = (deletions.c.requested_at < NOW - LAST_WRITES).label("ripe")
    statement = (
        select(deletions.c.tenant_id, deletions.c.recording_id, ripe)
        .where(deletions.c.finished_at.is_(None), due)
        .order_by(deletions.c.requested_at)
        .limit(_BATCH)
    )
    with service.database.system() as connection:
        waiting = connection.execute(statement).all()
    for row in waiting:
        _erase(service, row.tenant_id, row.recording_id, last=row.ripe)
    return sum(row.ripe for row in waiting)


def _erase(service: Service, tenant_id: UUID, recording_id: UUID, *, last: bool) -> None:
    """Remove objects first: while the row that names them is there, a failure is found and tried again."""
    removed = service.objects.delete_all(recording_prefix(tenant_id, recording_id))
    with service.database.tenant(tenant_id) as connection:
        # Jobs, results, turns and kept answers to requests go with it.
        connection.execute(delete(recordings).where(recordings.c.id == recording_id))
        connection.execute(
            update(deletions)
            .where(deletions.c.recording_id == recording_id)
            .values(
                objects=func.coalesce(deletions.c.objects, 0) + removed,
                finished_at=func.coalesce(deletions.c.finished_at, NOW) if last else None,
            )
        )
