"""The work: one row a job, one an attempt, one a finished stage."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from api.states import TERMINAL, JobState, Pool, Priority
from api.tables.metadata import METADATA, identity, moment, one_of, tenant

FENCES = Sequence("fence_seq", metadata=METADATA)
"""Every claim takes the next number; a write with an older one finds no row."""
_ENDED = ", ".join(repr(str(state)) for state in sorted(TERMINAL))

jobs = Table(
    "jobs",
    METADATA,
    identity(),
    tenant(),
    Column("recording_id", Uuid(), ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False, index=True),
    # The job that this one runs once more.
    Column("previous_id", Uuid(), ForeignKey("jobs.id", ondelete="SET NULL")),
    Column("state", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("options", JSONB, nullable=False, server_default=text("'{}'")),
    # Seconds of audio: the measure of fairness, 0 until the recording was decoded.
    Column("audio_seconds", Float, nullable=False, server_default=text("0")),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    # Workers that were lost with it, and attempts that failed for a passing reason.
    Column("crash_count", Integer, nullable=False, server_default=text("0")),
    Column("failure_count", Integer, nullable=False, server_default=text("0")),
    Column("fence", BigInteger),
    Column("lease_owner", Text),
    moment("lease_until", nullable=True),
    moment("not_before", nullable=True),
    # When its id was last sent to the workers; null while it waits its turn.
    moment("admitted_at", nullable=True),
    # When its id was sent ahead of others, as it had waited for hours; `admitted_at` is later where it was sent again.
    moment("promoted_at", nullable=True),
    moment("cancel_requested_at", nullable=True),
    Column("stage", Text),
    # 0..1 of the whole job; never falls.
    Column("progress", Float, nullable=False, server_default=text("0")),
    Column("error_type", Text),
    Column("error_detail", Text),
    # The request that made it, for the logs.
    Column("request_id", Text),
    # The span of that request, for traces.
    Column("traceparent", Text),
    moment("created_at"),
    moment("queued_at", nullable=True),
    moment("started_at", nullable=True),
    moment("finished_at", nullable=True),
    CheckConstraint(one_of("state", JobState), name="state"),
    CheckConstraint(one_of("pool", Pool), name="pool"),
    CheckConstraint(one_of("priority", Priority), name="priority"),
    CheckConstraint(
        "(state = 'running') = (lease_until IS NOT NULL AND lease_owner IS NOT NULL)", name="only_running_is_leased"
    ),
    CheckConstraint("state <> 'running' OR fence IS NOT NULL", name="running_is_fenced"),
    CheckConstraint(f"(state IN ({_ENDED})) = (finished_at IS NOT NULL)", name="ended_has_an_end"),
    CheckConstraint("(error_type IS NOT NULL) = (state IN ('failed', 'dead'))", name="only_failures_have_errors"),
    Index("ix_jobs_tenant_id_id", "tenant_id", "id"),
    Index(
        "ix_jobs_waiting",
        *("tenant_id", "pool", "priority", "id"),
        postgresql_where=text("state = 'queued' AND admitted_at IS NULL"),
    ),
    Index("ix_jobs_admitted", "pool", "id", postgresql_where=text("state = 'queued' AND admitted_at IS NOT NULL")),
    Index("ix_jobs_awaiting_upload", "tenant_id", "created_at", postgresql_where=text("state = 'awaiting_upload'")),
    Index("ix_jobs_leased", "lease_until", postgresql_where=text("state = 'running'")),
    # For whom a job that is deleted was the previous one.
    Index("ix_jobs_previous_id", "previous_id", postgresql_where=text("previous_id IS NOT NULL")),
)

attempts = Table(
    "attempts",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    tenant(),
    Column("job_id", Uuid(), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("pool", Text, nullable=False),
    Column("fence", BigInteger, nullable=False, unique=True),
    Column("worker", Text, nullable=False),
    moment("started_at"),
    moment("ended_at", nullable=True),
    # `succeeded`, `handed_on`, `released`, `retried`, `failed`, `cancelled`, `lost`; null while it runs.
    Column("outcome", Text),
    Column("error_type", Text),
    Column("error_detail", Text),
    Index("ix_attempts_job_id_number", "job_id", "number"),
)

stage_outputs = Table(
    "stage_outputs",
    METADATA,
    Column("job_id", Uuid(), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    tenant(),
    Column("recording_id", Uuid(), ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("stage", Text, nullable=False),
    # Digest of all that the stage's output depends on; another one makes the row worthless.
    Column("input_hash", Text, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("object_key", Text, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    moment("created_at"),
    PrimaryKeyConstraint("job_id", "stage"),
)
