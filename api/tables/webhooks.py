"""What consumers are told, and how that went."""

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
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from api.tables.metadata import METADATA, identity, moment, tenant

outbox = Table(
    "outbox",
    METADATA,
    # The webhook-id of every attempt at every endpoint.
    identity(),
    tenant(),
    Column("type", Text, nullable=False),
    # No foreign keys: an event outlives what it tells of.
    Column("recording_id", Uuid()),
    Column("job_id", Uuid()),
    Column("data", JSONB, nullable=False),
    # Whom the job named to be told, whatever becomes of its row; null for all that subscribe.
    Column("named_endpoints", ARRAY(Uuid())),
    moment("created_at"),
    # When its deliveries were made.
    moment("fanned_out_at", nullable=True),
    Index("ix_outbox_tenant_id_id", "tenant_id", "id"),
    Index("ix_outbox_waiting", "id", postgresql_where=text("fanned_out_at IS NULL")),
    Index("ix_outbox_fanned_out", "created_at", postgresql_where=text("fanned_out_at IS NOT NULL")),
    # A job ends once, and is said to have ended once.
    Index("uq_outbox_job_id_type", "job_id", "type", unique=True, postgresql_where=text("job_id IS NOT NULL")),
)

webhook_endpoints = Table(
    "webhook_endpoints",
    METADATA,
    identity(),
    tenant(index=True),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=text("''")),
    # Types of events it wants; empty for all.
    Column("events", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("secret", LargeBinary, nullable=False),
    # The secret before the last rotation; signs as well until then.
    Column("previous_secret", LargeBinary),
    moment("previous_secret_until", nullable=True),
    moment("created_at"),
    moment("disabled_at", nullable=True),
    Column("disabled_reason", Text),
    moment("deleted_at", nullable=True),
    # A sealed secret begins with the id of its key: those of an old key are a range.
    Index("ix_webhook_endpoints_secret", "secret"),
    Index(
        "ix_webhook_endpoints_previous_secret", "previous_secret", postgresql_where=text("previous_secret IS NOT NULL")
    ),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    METADATA,
    identity(),
    tenant(),
    Column("endpoint_id", Uuid(), ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), nullable=False),
    Column("event_id", Uuid(), ForeignKey("outbox.id", ondelete="CASCADE"), nullable=False),
    # 0 for the first time an event goes to an endpoint, 1, 2, … for replays.
    Column("replay", Integer, nullable=False, server_default=text("0")),
    Column("state", Text, nullable=False, server_default=text("'pending'")),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    # When the next attempt is due; a lease while one runs.
    moment("next_at"),
    Column("fence", BigInteger),
    moment("created_at"),
    moment("finished_at", nullable=True),
    CheckConstraint("state IN ('pending', 'delivered', 'failed', 'dropped')", name="state"),
    UniqueConstraint("endpoint_id", "event_id", "replay"),
    Index("ix_webhook_deliveries_due", "next_at", postgresql_where=text("state = 'pending'")),
    Index("ix_webhook_deliveries_event_id", "event_id"),
    Index("ix_webhook_deliveries_endpoint_id_id", "endpoint_id", "id"),
)

webhook_attempts = Table(
    "webhook_attempts",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    tenant(),
    Column("delivery_id", Uuid(), ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    moment("at"),
    # What the endpoint answered; null where nothing came.
    Column("status", SmallInteger),
    Column("error", Text),
    Column("seconds", Float, nullable=False),
)
