"""What the API answers with, and the bodies that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.http.moments import Moment
from api.keys import Scope
from api.options import JobOptions, Storable, Strict, SubmissionOptions
from api.progress import eta_seconds
from api.recordings.reading import Latest
from api.recordings.sources import LONGEST_ADDRESS, shown_source
from api.sources import SourceKind
from api.states import JobState, Pool, Priority

Row = Mapping[Any, Any]
"""A row of the database, by column."""


class Shown(BaseModel):
    """An answer: every field is always there."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class JobError(Shown):
    """Why a job has no result."""

    type: str = Field(description="A slug that never changes.")
    detail: str | None


class JobLinks(Shown):
    """Where to go from a job."""

    self: str
    events: str
    recording: str
    transcript: str | None = Field(description="Where the job has succeeded.")


class Job(Shown):
    """The work on a recording."""

    id: UUID
    recording_id: UUID
    previous_id: UUID | None = Field(description="The job that this one runs once more.")
    state: JobState
    pool: Pool = Field(description="Which workers it needs next, or had last.")
    stage: str | None
    progress: float = Field(ge=0, le=1, description="Of the whole job; never falls.")
    eta_seconds: float | None = Field(description="Until it is likely to be done; null where nothing can be said.")
    priority: Priority
    attempt: int
    options: dict[str, Any] = Field(description="As they were given.")
    error: JobError | None
    cancel_requested_at: datetime | None
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    links: JobLinks

    @classmethod
    def of(cls, row: Row) -> Self:
        """Show a job's row."""
        links = JobLinks(
            self=f"/v1/jobs/{row['id']}",
            events=f"/v1/jobs/{row['id']}/events",
            recording=f"/v1/recordings/{row['recording_id']}",
            transcript=f"/v1/recordings/{row['recording_id']}/transcript" if row["state"] == "succeeded" else None,
        )
        error = JobError(type=row["error_type"], detail=row["error_detail"]) if row["error_type"] else None
        same = {name: row[name] for name in cls.model_fields if name in row}
        return cls(**same, eta_seconds=eta_seconds(row), error=error, links=links)


class RecordingSource(Shown):
    """Where a recording came from."""

    kind: SourceKind
    url: str | None = Field(description="Without its query, which may hold a signature; null for an upload.")


class Recording(Shown):
    """What came in."""

    id: UUID
    name: str
    source: RecordingSource
    metadata: dict[str, str]
    bytes: int | None = Field(description="Null until it was fetched.")
    sha256: str | None
    duration: float | None = Field(description="Seconds; null until it was decoded.")
    channels: int | None
    created_at: datetime

    @classmethod
    def of(cls, row: Row) -> Self:
        """Show a recording's row."""
        source = RecordingSource(kind=row["source_kind"], url=row["source"] and shown_source(row["source"]))
        digest = row["sha256"].hex() if row["sha256"] is not None else None
        same = {name: row[name] for name in ("id", "name", "metadata", "bytes", "duration", "channels", "created_at")}
        return cls(**same, source=source, sha256=digest)


class RecordingWithJob(Shown):
    """A recording and its latest job."""

    recording: Recording
    job: Job

    @classmethod
    def of(cls, latest: Latest) -> Self:
        """Show both rows."""
        return cls(recording=Recording.of(latest.recording), job=Job.of(latest.job))


class UploadTarget(Shown):
    """A form to send the file with: POST it as multipart/form-data, the fields first, then the file as `file`."""

    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_at: datetime


class UploadStarted(RecordingWithJob):
    """A recording that waits for its file."""

    upload: UploadTarget


class RecordingList(Shown):
    """A page of recordings."""

    items: list[RecordingWithJob]
    next_cursor: str | None = Field(description="Null on the last page.")


class JobList(Shown):
    """A page of jobs."""

    items: list[Job]
    next_cursor: str | None = Field(description="Null on the last page.")


class DeletionShown(Shown):
    """A recording that was deleted."""

    recording_id: UUID
    requested_at: datetime
    finished_at: datetime | None = Field(
        description="When nothing of it was left; null while something may still be written, and removed again."
    )


class Turn(Shown):
    """One utterance."""

    recording_id: UUID
    job_id: UUID
    number: int
    speaker: str | None
    role: str | None
    channel: int | None
    start_seconds: float
    end_seconds: float
    text: str
    confidence: float
    overlap: float = Field(description="Share of the turn during which somebody else speaks as well.")
    words: list[dict[str, Any]]


class TurnList(Shown):
    """A page of turns."""

    items: list[Turn]
    next_cursor: str | None = Field(description="Null on the last page.")


class UrlSubmission(SubmissionOptions):
    """A recording to be fetched."""

    url: Annotated[Storable, Field(min_length=1, max_length=LONGEST_ADDRESS)] = Field(
        description="`https://…`, or `s3://bucket/key` from a bucket of the tenant's."
    )


class ApiKey(Shown):
    """A key, without its secret."""

    id: UUID
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")

    @classmethod
    def of(cls, row: Row) -> Self:
        """Show a key's row."""
        return cls(**{name: row[name] for name in ApiKey.model_fields})


class NewApiKey(ApiKey):
    """A key that was just made."""

    key: str = Field(description="Shown this once.")


class ApiKeyList(Shown):
    """A page of keys."""

    items: list[ApiKey]
    next_cursor: str | None = Field(description="Null on the last page.")


class ApiKeyRequest(Strict):
    """A key to be made."""

    name: Annotated[Storable, Field(min_length=1, max_length=200)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=10)]
    expires_at: Moment | None = Field(None, description="By default never.")


class Tenant(Shown):
    """One of those who share the installation."""

    id: UUID
    name: str
    weight: float = Field(description="Of two with work waiting, one of twice the weight gets twice the audio through.")
    max_queued: int
    max_requests_per_minute: int
    source_buckets: list[str]
    created_at: datetime

    @classmethod
    def of(cls, row: Row) -> Self:
        """Show a tenant's row."""
        return cls(**{name: row[name] for name in cls.model_fields})


class TenantList(Shown):
    """A page of tenants."""

    items: list[Tenant]
    next_cursor: str | None = Field(description="Null on the last page.")


# What waits is divided by it: next to nothing would be more than a number can be.
Weight = Annotated[float, Field(ge=0.001, le=1000)]
Count = Annotated[int, Field(ge=0, le=2_000_000_000)]
Buckets = Annotated[list[Annotated[Storable, Field(min_length=1, max_length=63)]], Field(max_length=100)]


class TenantUpdate(Strict):
    """What is to change; what is left out, or null, stays as it is."""

    weight: Weight | None = None
    max_queued: Count | None = None
    max_requests_per_minute: Count | None = None
    source_buckets: Buckets | None = None


class TenantRequest(TenantUpdate):
    """A tenant to be made."""

    name: Annotated[Storable, Field(min_length=1, max_length=200)]


BODIES: tuple[type[BaseModel], ...] = (
    *(UrlSubmission, SubmissionOptions, JobOptions),
    *(ApiKeyRequest, TenantRequest, TenantUpdate),
)
