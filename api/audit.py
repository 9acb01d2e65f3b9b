"""What was done, by whom: rows that nobody can change."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, insert

from api.tables import audit_log


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
