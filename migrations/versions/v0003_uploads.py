"""Files that are on their way in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, guarded like every table of a tenant's."""
    op.create_table(
        "uploads",
        sa.Column("recording_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("given_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_uploads_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_uploads")),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON uploads TO hansard_tenant, hansard_system")
    op.execute("ALTER TABLE uploads ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE uploads FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON uploads TO hansard_tenant "
        "USING (tenant_id = NULLIF(current_setting('hansard.tenant_id', true), '')::uuid)"
    )
    op.execute("CREATE POLICY system ON uploads TO hansard_system USING (true)")


def downgrade() -> None:
    """Forget which files are on their way: those that never arrive stay in the object store."""
    op.drop_table("uploads")
