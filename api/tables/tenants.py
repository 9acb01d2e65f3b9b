"""Who may do what, and what was done."""

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
    SmallInteger,
    String,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from api.tables.metadata import METADATA, identity, moment, tenant

tenants = Table(
    "tenants",
    METADATA,
    identity(),
    Column("name", Text, nullable=False, unique=True),
    # Of two tenants with work waiting, one of twice the weight gets twice the audio through.
    Column("weight", Float, nullable=False, server_default=text("1")),
    Column("max_queued", Integer, nullable=False, server_default=text("200000")),
    Column("max_requests_per_minute", Integer, nullable=False, server_default=text("60000")),
    # Buckets that recordings may be taken from by s3:// address.
    Column("source_buckets", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    moment("created_at"),
    CheckConstraint("weight > 0", name="weight"),
)

api_keys = Table(
    "api_keys",
    METADATA,
    identity(),
    tenant(index=True),
    Column("name", Text, nullable=False),
    # The part of the key that may be seen, and that it is found by.
    Column("prefix", String(16), nullable=False, unique=True),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    moment("created_at"),
    moment("expires_at", nullable=True),
    moment("revoked_at", nullable=True),
    moment("last_used_at", nullable=True),
)

idempotency_keys = Table(
    "idempotency_keys",
    METADATA,
    tenant(),
    Column("key", String(255), nullable=False),
    Column("request_sha256", LargeBinary, nullable=False),
    # What was answered; null while the request is being worked on.
    Column("status", SmallInteger),
    Column("response", JSONB),
    # What was answered goes when the recording goes.
    Column("recording_id", Uuid(), ForeignKey("recordings.id", ondelete="CASCADE"), index=True),
    moment("created_at"),
    moment("expires_at"),
    PrimaryKeyConstraint("tenant_id", "key"),
    Index("ix_idempotency_keys_expires_at", "expires_at"),
)

audit_log = Table(
    "audit_log",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    tenant(),
    # The prefix of an API key, or the part of the service that acted.
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Uuid()),
    Column("request_id", Text),
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),
    moment("at"),
    Index("ix_audit_log_tenant_id_id", "tenant_id", "id"),
    Index("ix_audit_log_at", "at"),
)
