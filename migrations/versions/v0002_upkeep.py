"""What keeps a service that runs for years in shape: named endpoints with events, and indexes that sweeps need."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns and indexes, and fill the columns of rows that are there."""
    op.add_column("outbox", sa.Column("named_endpoints", postgresql.ARRAY(sa.Uuid()), nullable=True))
    for name in ("next_try_at", "quiet_at"):
        now = sa.text("clock_timestamp()")
        op.add_column("deletions", sa.Column(name, sa.DateTime(timezone=True), server_default=now, nullable=False))
    _fill()
    _index_deletions()
    op.create_index(
        "ix_outbox_fanned_out", "outbox", ["created_at"], postgresql_where=sa.text("fanned_out_at IS NOT NULL")
    )
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
    op.create_index("ix_webhook_endpoints_secret", "webhook_endpoints", ["secret"])
    op.create_index(
        "ix_webhook_endpoints_previous_secret",
        "webhook_endpoints",
        ["previous_secret"],
        postgresql_where=sa.text("previous_secret IS NOT NULL"),
    )
    op.create_index("ix_jobs_previous_id", "jobs", ["previous_id"], postgresql_where=sa.text("previous_id IS NOT NULL"))
    # What comes with Postgres, and may be made by whoever may make tables.
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    op.create_index("ix_turns_tenant_id_search", "turns", ["tenant_id", "search"], postgresql_using="gin")
    op.drop_index("ix_turns_search", "turns")


def downgrade() -> None:
    """Take it back. The extension stays: something else in the database may use it."""
    op.create_index("ix_turns_search", "turns", ["search"], postgresql_using="gin")
    op.drop_index("ix_turns_tenant_id_search", "turns")
    op.drop_index("ix_jobs_previous_id", "jobs")
    op.drop_index("ix_webhook_endpoints_previous_secret", "webhook_endpoints")
    op.drop_index("ix_webhook_endpoints_secret", "webhook_endpoints")
    op.drop_index("ix_audit_log_at", "audit_log")
    op.drop_index("ix_outbox_fanned_out", "outbox")
    op.drop_index("ix_deletions_finished", "deletions")
    op.drop_index("ix_deletions_unfinished", "deletions")
    op.create_index(
        "ix_deletions_unfinished", "deletions", ["requested_at"], postgresql_where=sa.text("finished_at IS NULL")
    )
    op.drop_column("deletions", "quiet_at")
    op.drop_column("deletions", "next_try_at")
    op.drop_column("outbox", "named_endpoints")


def _fill() -> None:
    # Row level security is forced on the owner as well, who would see no row.
    op.execute("SET LOCAL ROLE hansard_system")
    op.execute(
        """
        UPDATE outbox SET named_endpoints = ARRAY(
            SELECT jsonb_array_elements_text(job.options -> 'callback_endpoints')::uuid
        )
        FROM jobs job
        WHERE job.id = outbox.job_id AND jsonb_typeof(job.options -> 'callback_endpoints') = 'array'
          AND job.options -> 'callback_endpoints' <> '[]'
        """
    )
    # What was deleted a moment ago may still be written to for as long as an upload form is valid.
    op.execute("UPDATE deletions SET quiet_at = requested_at + interval '70 minutes' WHERE finished_at IS NULL")
    op.execute("RESET ROLE")


def _index_deletions() -> None:
    op.drop_index("ix_deletions_unfinished", "deletions")
    op.create_index(
        "ix_deletions_unfinished", "deletions", ["next_try_at"], postgresql_where=sa.text("finished_at IS NULL")
    )
    op.create_index(
        "ix_deletions_finished", "deletions", ["finished_at"], postgresql_where=sa.text("finished_at IS NOT NULL")
    )
