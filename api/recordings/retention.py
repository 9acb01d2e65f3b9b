"""Recordings that were kept for as long as they were to be, and in the end what tells that they were there."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, delete, func, select

from api.bootstrap import Service
from api.errors import NotFound, RecordingDeleted
from api.recordings.erasure import mark_deleted
from api.tables import deletions, recordings

ACTOR: Final = "retention"
_BATCH: Final = 100
_MOST_FORGOTTEN: Final = 1000


def delete_expired(service: Service) -> int:
    """Delete recordings older than `retention_days`, some at a time; how many. 0 days keep everything.

    They are out of sight with that. `finish_deletions` erases them: here an object store that does not answer would
    hold everything else up.
    """
    days = service.settings.retention_days
    if not days:
        return 0
    statement = (
        select(recordings.c.tenant_id, recordings.c.id)
        # Not the clock's time: what changes within a statement is no condition of an index.
        .where(recordings.c.created_at < func.statement_timestamp() - timedelta(days=days))
        .where(recordings.c.deleted_at.is_(None))
        .order_by(recordings.c.created_at)
        .limit(_BATCH)
    )
    with service.database.system() as connection:
        expired = connection.execute(statement).all()
    for row in expired:
        # Where somebody else was faster, there is nothing left to do.
        with suppress(NotFound, RecordingDeleted), service.database.tenant(row.tenant_id) as connection:
            mark_deleted(connection, row.tenant_id, row.id, ACTOR)
    return len(expired)


def forget_deletions(connection: Connection, days: int) -> int:
    """Remove what tells of recordings that are gone for longer than some days, some at a time; how many.

    Their ids are then as unknown as any other. 0 days keep everything.
    """
    if not days:
        return 0
    first = (
        select(deletions.c.recording_id)
        .where(deletions.c.finished_at < func.statement_timestamp() - timedelta(days=days))
        .order_by(deletions.c.finished_at)
        .limit(_MOST_FORGOTTEN)
        .with_for_update(skip_locked=True)
    )
    found = list(connection.execute(first).scalars())
    return connection.execute(delete(deletions).where(deletions.c.recording_id.in_(found))).rowcount if found else 0
