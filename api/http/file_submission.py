"""A recording that is sent as a file: into the object store first, then its rows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog
from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from api.errors import DatabaseUnavailable, NotFound, RecordingDeleted, TemporarilyUnavailable
from api.http.authentication import Principal
from api.http.beat import beating
from api.http.schemas import Job, Recording, RecordingWithJob
from api.http.state import Shared
from api.http.upload import Received, receive
from api.idempotency import Answer, Kept, Taken, finish, give_up, prolong, take
from api.recordings.orphans import abandon_upload, begin_upload, prolong_upload
from api.recordings.reading import Latest, get_recording
from api.recordings.submission import Entry, Submission, enter, new_recording_id
from api.sources import SourceKind

PROLONGED_EVERY: Final = 20.0
"""Seconds."""
log = structlog.get_logger()


async def submit_file(request: Request, parts: Shared, principal: Principal, key: str | None) -> Answer:
    """Take the file in the body of a request; whatever fails, the file goes again.

    Raises:
        QueueQuotaExceeded: the tenant has as many jobs waiting as it may.
        IdempotencyKeyReused, RequestInProgress: the key belongs to another request, or to one that is not done.
        TemporarilyUnavailable: the database or the object store does not answer.
        Invalid, PayloadTooLarge, BodyTooSlow, ClientDisconnect: as `receive` has it.
    """
    recording_id = new_recording_id()
    held = await run_in_threadpool(_prepare, parts, principal, key, recording_id)
    if isinstance(held, Kept):
        received = await receive(request, parts, principal.tenant_id, recording_id, store=False)
        return held.for_request(received.digest())
    upload = _Upload(parts, principal, recording_id, held)
    try:
        async with beating(upload.prolong, PROLONGED_EVERY):
            received = await receive(request, parts, principal.tenant_id, recording_id, store=True)
            return await run_in_threadpool(upload.enter, received)
    except BaseException:
        await run_in_threadpool(upload.undo)
        raise


def accepted(entry: Entry | Latest) -> Answer:
    """What is answered to a submission."""
    shown = RecordingWithJob(recording=Recording.of(entry.recording), job=Job.of(entry.job))
    return Answer(status=202, body=shown.model_dump(mode="json"), recording_id=entry.recording["id"])


def _prepare(parts: Shared, principal: Principal, key: str | None, recording_id: UUID) -> Taken | Kept | None:
    """Refuse before the file is sent what would be refused after it, and say that a file is on its way."""
    database, tenant_id = parts.service.database, principal.tenant_id
    held = take(database, tenant_id, key) if key is not None else None
    if isinstance(held, Kept):
        return held
    try:
        with database.tenant(tenant_id) as connection:
            parts.quota.check(connection, tenant_id, principal.limits.max_queued)
            begin_upload(connection, tenant_id, recording_id)
    except BaseException:
        if held is not None:
            with suppress(TemporarilyUnavailable):  # then it lapses
                give_up(database, held)
        raise
    return held


@dataclass(frozen=True, slots=True)
class _Upload:
    """A file on its way, with the idempotency key that it holds."""

    parts: Shared
    principal: Principal
    recording_id: UUID
    held: Taken | None

    def prolong(self) -> None:
        """Say that the file still comes."""
        with self.parts.service.database.tenant(self.principal.tenant_id) as connection:
            prolong_upload(connection, self.recording_id)
            if self.held is not None:
                prolong(connection, self.held)

    def enter(self, received: Received) -> Answer:
        """Make it a recording with a job."""
        try:
            return self._enter(received)
        except DatabaseUnavailable:
            # It may be the answer to the COMMIT that was lost: what counts is whether the recording is there.
            with suppress(NotFound, RecordingDeleted):
                return accepted(self._entered())
            raise

    def undo(self) -> None:
        """Leave nothing behind, or leave it to the dispatcher."""
        service, tenant_id = self.parts.service, self.principal.tenant_id
        self._try(lambda: abandon_upload(service, tenant_id, self.recording_id))
        held = self.held
        if held is not None:
            self._try(lambda: give_up(service.database, held))

    def _enter(self, received: Received) -> Answer:
        submission = Submission(
            recording_id=self.recording_id,
            kind=SourceKind.UPLOAD,
            options=received.options,
            file_name=received.file_name,
            size=received.size,
            sha256=received.sha256,
        )
        with self.parts.service.database.tenant(self.principal.tenant_id) as connection:
            told = accepted(enter(connection, self.principal, self.parts.quota, submission))
            if self.held is not None:
                finish(connection, self.held, received.digest(), told)
        return told

    def _entered(self) -> Latest:
        tenant_id = self.principal.tenant_id
        with self.parts.service.database.tenant(tenant_id) as connection:
            return get_recording(connection, tenant_id, self.recording_id)

    def _try(self, act: Callable[[], None]) -> None:
        """Do it if possible: the client is told what went wrong first, not that this did too."""
        try:
            act()
        except TemporarilyUnavailable as error:
            log.warning("upload.undo_postponed", recording_id=str(self.recording_id), error=type(error).__name__)
