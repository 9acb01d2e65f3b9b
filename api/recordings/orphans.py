"""Files on their way in, and what becomes of those whose recording never comes.

A file lies in the object store before its recording is entered. Until then a row says so, and the transaction that
enters the recording takes it away. Where that never happens the row is marked first, so that the recording cannot be
entered any more, then the file goes, then the row: no recording is ever without its file, and no file without a row.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from api.bootstrap import Service
from api.errors import TemporarilyUnavailable
from api.jobs.transition import NOW
from api.storage import recording_prefix
from api.tables import recordings, uploads

LOST_AFTER: Final = timedelta(hours=1)
"""A request that was not heard of for so long has died: one that lives says so every 20 s."""
_BATCH: Final = 100


def begin_upload(connection: Connection, tenant_id: UUID, recording_id: UUID) -> None:
    """Say that a file is on its way, before its first byte is stored."""
    connection.execute(insert(uploads).values(tenant_id=tenant_id, recording_id=recording_id))


def prolong_upload(connection: Connection, recording_id: UUID) -> None:
    """Say that the file still comes."""
    connection.execute(update(uploads).where(uploads.c.recording_id == recording_id).values(heard_at=NOW))


def end_upload(connection: Connection, recording_id: UUID) -> None:
    """Make sure of a file that is there, in the transaction that enters its recording.

    Raises:
        TemporarilyUnavailable: the file was given up; it has to be sent again.
    """
    mine = (uploads.c.recording_id == recording_id, uploads.c.given_up_at.is_(None))
    ended = connection.execute(delete(uploads).where(*mine).returning(uploads.c.recording_id))
    if ended.one_or_none() is None:
        message = "nothing was heard of the upload for too long, and its file was given up; send it again"
        raise TemporarilyUnavailable(message)


def abandon_upload(service: Service, tenant_id: UUID, recording_id: UUID) -> None:
    """Remove a file whose recording was not entered; where it was entered after all, leave everything as it is.

    Raises:
        TemporarilyUnavailable: not everything could be done; `remove_orphans` does the rest.
    """
    with service.database.tenant(tenant_id) as connection:
        # Waits for a transaction that enters the recording, of which nobody may have heard how it ended.
        connection.execute(update(uploads).where(uploads.c.recording_id == recording_id).values(given_up_at=NOW))
        found = select(recordings.c.id).where(recordings.c.id == recording_id)
        entered = connection.execute(found).one_or_none() is not None
    if not entered:
        _remove(service, tenant_id, recording_id)


def remove_orphans(service: Service) -> int:
    """Remove files whose recording will not come, for the dispatcher; how many. Several may try at once."""
    lost = or_(uploads.c.given_up_at.is_not(None), uploads.c.heard_at < func.statement_timestamp() - LOST_AFTER)
    chosen = select(uploads.c.recording_id).where(lost).limit(_BATCH).with_for_update(skip_locked=True)
    mark = (
        update(uploads)
        .where(uploads.c.recording_id.in_(chosen))
        .values(given_up_at=func.coalesce(uploads.c.given_up_at, NOW))
        .returning(uploads.c.tenant_id, uploads.c.recording_id)
    )
    with service.database.system() as connection:
        orphans = connection.execute(mark).all()
    for row in orphans:
        _remove(service, row.tenant_id, row.recording_id)
    return len(orphans)


def _remove(service: Service, tenant_id: UUID, recording_id: UUID) -> None:
    service.objects.delete_all(recording_prefix(tenant_id, recording_id))
    with service.database.tenant(tenant_id) as connection:
        connection.execute(delete(uploads).where(uploads.c.recording_id == recording_id))
