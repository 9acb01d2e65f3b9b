"""What came in, and what was taken out again."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Float, Index, Integer, LargeBinary, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from api.sources import SourceKind
from api.tables.metadata import METADATA, identity, moment, one_of, tenant

recordings = Table(
    "recordings",
    METADATA,
    identity(),
    tenant(),
    # For people only: never a path, a key or an argument.
    Column("name", Text, nullable=False),
    Column("source_kind", Text, nullable=False),
    # The address it is fetched from; null for an upload.
    Column("source", Text),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'")),
    # What was found in it, once it was ingested.
    Column("bytes", BigInteger),
    Column("sha256", LargeBinary),
    Column("duration", Float),
    Column("channels", Integer),
    Column("media", JSONB),
    moment("created_at"),
    moment("deleted_at", nullable=True),
    CheckConstraint(one_of("source_kind", SourceKind), name="source_kind"),
    Index("ix_recordings_tenant_id_id", "tenant_id", "id"),
    Index("ix_recordings_metadata", "metadata", postgresql_using="gin", postgresql_ops={"metadata": "jsonb_path_ops"}),
    Index("ix_recordings_created_at", "created_at", postgresql_where=text("deleted_at IS NULL")),
)

uploads = Table(
    "uploads",
    METADATA,
    # No foreign key: the recording is entered when its file is there, and this row goes then.
    Column("recording_id", Uuid(), primary_key=True),
    tenant(),
    # When the request that brings the file was last heard of.
    moment("heard_at"),
    # From then on the file must not become a recording any more.
    moment("given_up_at", nullable=True),
)

deletions = Table(
    "deletions",
    METADATA,
    # No foreign key: this row stays when the recording is gone.
    Column("recording_id", Uuid(), primary_key=True),
    tenant(),
    moment("requested_at"),
    Column("requested_by", Text, nullable=False),
    moment("finished_at", nullable=True),
    Column("objects", Integer),
    # When its turn comes to be swept: put off before every try, so that one that fails keeps no other waiting.
    moment("next_try_at"),
    # From then on nothing can be written for the recording any more.
    moment("quiet_at"),
    Index("ix_deletions_unfinished", "next_try_at", postgresql_where=text("finished_at IS NULL")),
    Index("ix_deletions_finished", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
)
