"""What was done, by whom: rows that nobody can change, and that go when they are old."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, select

from api.tables import audit_log

_BATCH: Final = 1000


def audit(
    connection: Connection, tenant_id: UUID, actor: str, action: str, subject: UUID, request_id: str | None
) -> None:
    """Note an action on something, in the transaction that does it.

    Ids alone: the row outlives what it tells of, and must not say what that was.
    """
    connection.execute(
        insert(audit_log).values(
            tenant_id=tenant_id, actor=actor, action=action, subject=subject, request_id=request_id
        )
    )


def forget_audit(connection: Connection, days: int) -> int:
    """Remove rows older than some days, for the dispatcher; how many, some at a time. 0 days keep everything."""
    if not days:
        return 0
    old = audit_log.c.at < func.statement_timestamp() - timedelta(days=days)
    first = select(audit_log.c.id).where(old).order_by(audit_log.c.at).limit(_BATCH).with_for_update(skip_locked=True)
    found = list(connection.execute(first).scalars())
    return connection.execute(delete(audit_log).where(audit_log.c.id.in_(found))).rowcount if found else 0
