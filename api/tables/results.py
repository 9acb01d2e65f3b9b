"""Who said what, when: what downstream jobs read."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Computed,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REAL, TSVECTOR

from api.tables.metadata import METADATA, moment, tenant

transcripts = Table(
    "transcripts",
    METADATA,
    Column("job_id", Uuid(), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    tenant(),
    Column("recording_id", Uuid(), ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("language", Text, nullable=False),
    Column("language_confidence", Float),
    Column("duration", Float, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("words", Integer, nullable=False),
    Column("warnings", JSONB, nullable=False),
    Column("provenance", JSONB, nullable=False),
    # By name: object key, content type, digest, bytes.
    Column("artefacts", JSONB, nullable=False),
    # What a drift shows in: see `api.results.quality`.
    Column("quality", JSONB, nullable=False),
    # Only the latest result of a recording is current.
    Column("current", Boolean, nullable=False),
    moment("created_at"),
    Index("uq_transcripts_current", "recording_id", unique=True, postgresql_where="current"),
)

speakers = Table(
    "speakers",
    METADATA,
    Column("job_id", Uuid(), nullable=False),
    tenant(),
    Column("recording_id", Uuid(), nullable=False, index=True),
    Column("label", Text, nullable=False),
    # `agent`, `customer`, …; null where nobody said.
    Column("role", Text),
    Column("channel", Integer),
    Column("seconds", Float, nullable=False),
    Column("embedding", ARRAY(REAL)),
    PrimaryKeyConstraint("job_id", "label"),
    ForeignKeyConstraint(["job_id"], ["transcripts.job_id"], ondelete="CASCADE"),
)

turns = Table(
    "turns",
    METADATA,
    Column("job_id", Uuid(), nullable=False),
    tenant(),
    Column("recording_id", Uuid(), nullable=False, index=True),
    # From 0, in order of start.
    Column("number", Integer, nullable=False),
    Column("speaker", Text),
    Column("role", Text),
    Column("channel", Integer),
    Column("start_seconds", Float, nullable=False),
    Column("end_seconds", Float, nullable=False),
    Column("text", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    # Share of the turn during which somebody else speaks as well.
    Column("overlap", Float, nullable=False),
    Column("words", JSONB, nullable=False),
    # "simple" splits and folds words of any language and drops none.
    Column("search", TSVECTOR, Computed("to_tsvector('simple', text)", persisted=True)),
    PrimaryKeyConstraint("job_id", "number"),
    ForeignKeyConstraint(["job_id"], ["transcripts.job_id"], ondelete="CASCADE"),
    # Of the extension btree_gin: a common word of a large tenant's costs a small one nothing.
    Index("ix_turns_tenant_id_search", "tenant_id", "search", postgresql_using="gin"),
)
