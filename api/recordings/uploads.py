"""Files that clients send to the object store by themselves, past the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, func, select

from api.bootstrap import Service
from api.errors import ObjectNotFound
from api.events import record_end
from api.jobs.transition import is_in, transition
from api.keys import Principal
from api.progress import find_job
from api.recordings.reading import Latest, get_recording
from api.states import JobState
from api.storage import UploadForm
from api.storage.keys import source_key
from api.tables import jobs
from pipeline.errors import SourceNotFound

FORM_VALID: Final = timedelta(hours=1)
"""An upload has to have begun by then."""
ABANDONED_AFTER: Final = timedelta(hours=24)
_BATCH: Final = 500


def upload_form(service: Service, tenant_id: UUID, recording_id: UUID) -> UploadForm:
    """Let the client write the file of a recording; raises `StorageUnavailable`."""
    key = source_key(tenant_id, recording_id)
    return service.objects.upload_form(key, max_bytes=service.settings.max_upload_bytes, valid=FORM_VALID)


def complete_upload(service: Service, principal: Principal, recording_id: UUID) -> Latest:
    """Queue the job of a recording whose file is there now; a second time changes nothing.

    Raises:
        NotFound, RecordingDeleted: there is no such recording.
        SourceNotFound: the file is not there yet.
    """
    tenant_id = principal.tenant_id
    with service.database.tenant(tenant_id) as connection:
        found = get_recording(connection, tenant_id, recording_id)
    if found.job["state"] != JobState.AWAITING_UPLOAD:
        return found
    try:
        service.objects.size(source_key(tenant_id, recording_id))
    except ObjectNotFound:
        message = "the file is not there yet; send it with the form that came with the upload, then try again"
        raise SourceNotFound(message) from None
    with service.database.tenant(tenant_id) as connection:
        # Locked: a job that another request has queued meanwhile may be running, and must not be queued again.
        job = find_job(connection, tenant_id, found.job["id"], lock=True)
        if job["state"] == JobState.AWAITING_UPLOAD:
            transition(connection, job["id"], JobState.QUEUED)
        return get_recording(connection, tenant_id, recording_id)


def expire_uploads(connection: Connection) -> int:
    """Cancel jobs whose file never came, for the dispatcher; how many."""
    late = (is_in(JobState.AWAITING_UPLOAD), jobs.c.created_at < func.statement_timestamp() - ABANDONED_AFTER)
    statement = select(jobs.c.id).where(*late).limit(_BATCH).with_for_update(skip_locked=True)
    expired = connection.execute(statement).scalars().all()
    for job_id in expired:
        row = transition(connection, job_id, JobState.CANCELLED)
        if row is not None:
            record_end(connection, row)
    return len(expired)
