"""Recordings that were kept for as long as they were to be."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from api.bootstrap import Service
from api.errors import NotFound, RecordingDeleted
from api.jobs.transition import NOW
from api.recordings.erasure import delete_recording
from api.tables import recordings

ACTOR: Final = "retention"
_BATCH: Final = 100


def delete_expired(service: Service) -> int:
    """Delete recordings older than `retention_days`, some at a time; how many. 0 days keep everything."""
    days = service.settings.retention_days
    if not days:
        return 0
    statement = (
        select(recordings.c.tenant_id, recordings.c.id)
        .where(recordings.c.deleted_at.is_(None), recordings.c.created_at < NOW - timedelta(days=days))
        .order_by(recordings.c.created_at)
        .limit(_BATCH)
    )
    with service.database.system() as connection:
        expired = connection.execute(statement).all()
    for row in expired:
        with suppress(NotFound, RecordingDeleted):  # somebody else was faster
            delete_recording(service, row.tenant_id, row.id, actor=ACTOR)
    return len(expired)
