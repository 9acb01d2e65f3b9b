"""A recording goes: at once for everyone who asks, and soon after from every place that held it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from api.audit import audit
from api.bootstrap import Service
from api.errors import DatabaseUnavailable, StorageUnavailable, TemporarilyUnavailable
from api.events import EventType, record, record_end
from api.jobs.lease import Outcome
from api.jobs.transition import NOW, transition
from api.logging import where
from api.recordings.reading import find_recording
from api.recordings.uploads import FORM_VALID
from api.sources import SourceKind
from api.states import TERMINAL, JobState
from api.storage import recording_prefix
from api.tables import attempts, deletions, jobs, recordings

LAST_WRITES: Final = FORM_VALID + timedelta(minutes=10)
"""So long a client with an upload form may still write, and a worker that has not noticed that it lost its job."""
AGAIN: Final = timedelta(minutes=5)
"""After a try that failed."""
SWEEP_SECONDS: Final = 20.0
"""Of a round: the rest of the upkeep waits meanwhile, and a thousand recordings may be due at once."""
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
    connection: Connection, tenant_id: UUID, recording_id: UUID, actor: str, request_id: str | None = None
) -> bool:
    """Take a recording out of sight, end its jobs and say so; whether nobody can still write for it.

    Raises:
        NotFound, RecordingDeleted: there is no such recording.
    """
    find_recording(connection, tenant_id, recording_id)
    marked = (
        update(recordings)
        .where(recordings.c.id == recording_id, recordings.c.deleted_at.is_(None))
        .values(deleted_at=NOW)
        .returning(recordings.c.id)
    )
    if connection.execute(marked).one_or_none() is None:
        find_recording(connection, tenant_id, recording_id)  # another request was faster: this says so
    quiet = _end_jobs(connection, recording_id) and _is_quiet(connection, recording_id)
    connection.execute(
        insert(deletions).values(
            recording_id=recording_id,
            tenant_id=tenant_id,
            requested_by=actor,
            quiet_at=NOW if quiet else NOW + LAST_WRITES,
        )
    )
    data = {"recording_id": str(recording_id)}
    record(connection, tenant_id, EventType.RECORDING_DELETED, data, recording_id=recording_id)
    audit(connection, tenant_id, actor, "recording.deleted", recording_id, request_id)
    return quiet


def finish_deletions(service: Service, clock: Callable[[], float] = time.monotonic) -> int:
    """Erase what is not erased yet, for the dispatcher; how many deletions are done with it. Several may try at once.

    Each is swept as soon as it can be, and once more when nothing can be written any longer. One that fails waits for
    its next turn, and lets others pass.

    Raises:
        StorageUnavailable: the object store does not answer at all.
    """
    done, until = 0, clock() + SWEEP_SECONDS
    for _ in range(_BATCH):
        row = _take(service) if clock() < until else None
        if row is None:
            break
        done += _tried(service, row)
    return done


def _end_jobs(connection: Connection, recording_id: UUID) -> bool:
    """Cancel what is open; whether none of it ran."""
    mine = (jobs.c.recording_id == recording_id, jobs.c.state.in_(_OPEN))
    found = connection.execute(select(jobs.c.id, jobs.c.state).where(*mine).with_for_update()).all()
    for job in found:
        ended = transition(connection, job.id, JobState.CANCELLED, cancel_requested_at=NOW)
        if ended is not None:
            record_end(connection, ended)
    return not any(job.state == JobState.RUNNING for job in found)


def _is_quiet(connection: Connection, recording_id: UUID) -> bool:
    """Whether no form for the recording's file is valid any more, and no worker may come back from a long pause."""
    # A form stays valid whatever becomes of the job, and nothing tells it from a file that came through the API.
    form = select(recordings.c.id).where(
        recordings.c.id == recording_id,
        recordings.c.source_kind == SourceKind.UPLOAD,
        recordings.c.created_at > NOW - LAST_WRITES,
    )
    lost = (
        select(attempts.c.id)
        .join(jobs, jobs.c.id == attempts.c.job_id)
        .where(jobs.c.recording_id == recording_id, attempts.c.outcome == Outcome.LOST)
        .where(attempts.c.ended_at > NOW - LAST_WRITES)
    )
    loud: bool = connection.execute(select(form.exists() | lost.exists())).scalar_one()
    return not loud


def _take(service: Service) -> RowMapping | None:
    """The deletion whose turn it is, put off before it is tried: whatever comes of that, the next take another."""
    now = func.statement_timestamp()
    first = (
        select(deletions.c.recording_id)
        .where(deletions.c.finished_at.is_(None), deletions.c.next_try_at <= now)
        .order_by(deletions.c.next_try_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(deletions)
        .where(deletions.c.recording_id.in_(first))
        .values(next_try_at=now + AGAIN)
        .returning(deletions.c.tenant_id, deletions.c.recording_id, (deletions.c.quiet_at <= now).label("quiet"))
    )
    with service.database.system() as connection:
        return connection.execute(taken).mappings().one_or_none()


def _tried(service: Service, row: RowMapping) -> bool:
    """Whether a deletion is done with; raises where others have no prospect either."""
    try:
        _erase(service, row["tenant_id"], row["recording_id"], last=row["quiet"])
    except DatabaseUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - one that cannot be erased must not keep the others
        log.error(  # noqa: TRY400 - the log takes no tracebacks
            "deletion.failed", recording_id=str(row["recording_id"]), error=type(error).__name__, where=where(error)
        )
        if isinstance(error, StorageUnavailable):
            service.objects.check()
        return False
    return bool(row["quiet"])


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
                finished_at=func.coalesce(deletions.c.finished_at, NOW) if last else deletions.c.finished_at,
                next_try_at=deletions.c.quiet_at,
            )
        )
