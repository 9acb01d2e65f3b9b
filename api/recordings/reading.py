"""Recordings as they stand: one, or a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, RowMapping, Select, select, true

from api.errors import NotFound, RecordingDeleted
from api.progress import JOB
from api.states import JobState
from api.tables import deletions, jobs, recordings

_JOB_PREFIX: Final = "job_"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFilter:
    """Which recordings a list holds."""

    status: JobState | None = None
    """State of the latest job."""
    created_after: datetime | None = None
    created_before: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Keys that must have these values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """A recording with its latest job."""

    recording: Mapping[str, Any]
    job: Mapping[str, Any]


def find_recording(connection: Connection, tenant_id: UUID, recording_id: UUID) -> RowMapping:
    """A recording of a tenant.

    Raises:
        NotFound: the tenant never had it.
        RecordingDeleted: it was deleted.
    """
    mine = (recordings.c.id == recording_id, recordings.c.tenant_id == tenant_id)
    row = connection.execute(select(recordings).where(*mine)).mappings().one_or_none()
    if row is not None and row["deleted_at"] is None:
        return row
    if row is not None or _was_deleted(connection, tenant_id, recording_id):
        raise RecordingDeleted
    raise NotFound


def hold_recording(connection: Connection, tenant_id: UUID, recording_id: UUID) -> None:
    """Keep a recording from being deleted until the transaction ends; raises like `find_recording`."""
    mine = (recordings.c.id == recording_id, recordings.c.tenant_id == tenant_id)
    connection.execute(select(recordings.c.id).where(*mine).with_for_update(read=True))
    find_recording(connection, tenant_id, recording_id)


def get_recording(connection: Connection, tenant_id: UUID, recording_id: UUID) -> Latest:
    """A recording with its latest job; raises like `find_recording`."""
    found = connection.execute(_latest(tenant_id).where(recordings.c.id == recording_id)).mappings().one_or_none()
    if found is None:
        find_recording(connection, tenant_id, recording_id)
        raise NotFound
    return _apart(found)


def list_recordings(
    connection: Connection, tenant_id: UUID, wanted: RecordingFilter, *, before: UUID | None, limit: int
) -> list[Latest]:
    """Recordings with their latest jobs, the newest first, those before `before`."""
    statement = _latest(tenant_id).order_by(recordings.c.id.desc()).limit(limit)
    latest = statement.selected_columns
    if before is not None:
        statement = statement.where(recordings.c.id < before)
    if wanted.status is not None:
        statement = statement.where(latest[f"{_JOB_PREFIX}state"] == wanted.status)
    if wanted.created_after is not None:
        statement = statement.where(recordings.c.created_at >= wanted.created_after)
    if wanted.created_before is not None:
        statement = statement.where(recordings.c.created_at < wanted.created_before)
    if wanted.metadata:
        statement = statement.where(recordings.c.metadata.contains(dict(wanted.metadata)))
    return [_apart(row) for row in connection.execute(statement).mappings()]


def list_jobs(
    connection: Connection,
    tenant_id: UUID,
    *,
    state: JobState | None,
    recording_id: UUID | None,
    before: UUID | None,
    limit: int,
) -> Sequence[RowMapping]:
    """Jobs of a tenant, the newest first, those before `before`."""
    statement = (
        select(*JOB)
        .join(recordings, recordings.c.id == jobs.c.recording_id)
        .where(jobs.c.tenant_id == tenant_id, recordings.c.deleted_at.is_(None))
        .order_by(jobs.c.id.desc())
        .limit(limit)
    )
    if state is not None:
        statement = statement.where(jobs.c.state == state)
    if recording_id is not None:
        statement = statement.where(jobs.c.recording_id == recording_id)
    if before is not None:
        statement = statement.where(jobs.c.id < before)
    return connection.execute(statement).mappings().all()


def _latest(tenant_id: UUID) -> Select[Any]:
    job = (
        select(*(column.label(f"{_JOB_PREFIX}{column.name}") for column in JOB))
        .where(jobs.c.recording_id == recordings.c.id)
        .order_by(jobs.c.id.desc())
        .limit(1)
        .lateral("latest")
    )
    return (
        select(*recordings.c, *job.c)
        .join(job, true())
        .where(recordings.c.tenant_id == tenant_id, recordings.c.deleted_at.is_(None))
    )


def _apart(row: RowMapping) -> Latest:
    job = {name.removeprefix(_JOB_PREFIX): value for name, value in row.items() if name.startswith(_JOB_PREFIX)}
    recording = {column.name: row[column.name] for column in recordings.c}
    return Latest(recording=recording, job=job)


def _was_deleted(connection: Connection, tenant_id: UUID, recording_id: UUID) -> bool:
    mine = (deletions.c.recording_id == recording_id, deletions.c.tenant_id == tenant_id)
    return connection.execute(select(deletions.c.recording_id).where(*mine)).one_or_none() is not None
