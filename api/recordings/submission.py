"""A recording comes in: its row and its first job, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, RowMapping, func, insert, select
from uuid_utils.compat import uuid7

from api.errors import InvalidRequest
from api.jobs.transition import NOW
from api.keys import Principal
from api.options import SubmissionOptions, display_name, recognizers
from api.quotas import QueueQuota
from api.recordings.orphans import end_upload
from api.settings import Settings
from api.sources import SourceKind
from api.states import JobState, Pool
from api.tables import jobs, recordings, webhook_endpoints
from api.tracing import traceparent

# Made once: to make a statement anew takes as long as to execute it.
_RECORDING: Final = insert(recordings).returning(recordings)
_JOB: Final = insert(jobs).returning(jobs)
_QUEUED_JOB: Final = insert(jobs).values(queued_at=NOW).returning(jobs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What came in."""

    recording_id: UUID
    kind: SourceKind
    options: SubmissionOptions
    file_name: str
    """What it is called where the options give no name."""
    source: str | None = None
    """The address to fetch it from."""
    size: int | None = None
    """Bytes, where they are known already."""
    sha256: bytes | None = None
    awaits_upload: bool = False
    """The client will send the file to the object store by itself."""

    @property
    def was_sent(self) -> bool:
        """The file came with the request, and lies in the object store."""
        return self.kind == SourceKind.UPLOAD and not self.awaits_upload


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A recording with its latest job."""

    recording: RowMapping
    job: RowMapping


def new_recording_id() -> UUID:
    """An id for a recording that is to come; in order of time."""
    return uuid7()


def check_model(options: SubmissionOptions, settings: Settings) -> None:
    """Raise `InvalidRequest` where the options name a model that workers do not have."""
    name = options.model
    if name is not None and name not in recognizers() and name != settings.asr_model:
        message = f"no recognizer is called {name!r}; known are {', '.join(sorted(recognizers()))}"
        raise InvalidRequest(message, "/model")


def enter(connection: Connection, principal: Principal, quota: QueueQuota, submission: Submission) -> Entry:
    """Write the recording and its job.

    Raises:
        QueueQuotaExceeded: the tenant has as many jobs waiting as it may.
        InvalidRequest: a callback endpoint is not one of the tenant's.
        TemporarilyUnavailable: the file that came with the request is not kept any more.
    """
    tenant_id, options = principal.tenant_id, submission.options
    if submission.was_sent:
        end_upload(connection, submission.recording_id)
    quota.check(connection, tenant_id, principal.limits.max_queued)
    _check_endpoints(connection, principal, options)
    recording = {
        "id": submission.recording_id,
        "tenant_id": tenant_id,
        "name": display_name(options.name or submission.file_name),
        "source_kind": submission.kind,
        "source": submission.source,
        "metadata": options.metadata,
        "bytes": submission.size,
        "sha256": submission.sha256,
    }
    job = {
        "tenant_id": tenant_id,
        "recording_id": submission.recording_id,
        "state": JobState.AWAITING_UPLOAD if submission.awaits_upload else JobState.QUEUED,
        "pool": Pool.INGEST,
        "priority": options.priority,
        "options": options.job_options(),
        "request_id": principal.request_id,
        "traceparent": traceparent(),
    }
    return Entry(
        recording=connection.execute(_RECORDING, recording).mappings().one(),
        job=connection.execute(_JOB if submission.awaits_upload else _QUEUED_JOB, job).mappings().one(),
    )


def _check_endpoints(connection: Connection, principal: Principal, options: SubmissionOptions) -> None:
    wanted = set(options.callback_endpoints)
    if not wanted:
        return
    mine = (webhook_endpoints.c.tenant_id == principal.tenant_id, webhook_endpoints.c.deleted_at.is_(None))
    found = select(func.count()).select_from(webhook_endpoints).where(webhook_endpoints.c.id.in_(wanted), *mine)
    if connection.execute(found).scalar_one() != len(wanted):
        message = "not all of these are webhook endpoints of this tenant"
        raise InvalidRequest(message, "/callback_endpoints")
