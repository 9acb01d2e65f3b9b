"""How long events are kept, with their deliveries and every attempt of those."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, delete, exists, func, select

from api.tables import outbox, webhook_deliveries
from api.webhooks.deliveries import is_pending

BATCH: Final = 500
"""Events of one round. Each may take a hundred deliveries of ten attempts with it."""


def forget_events(connection: Connection, days: int) -> int:
    """Remove events older than some days, for the dispatcher; how many. 0 days keep everything.

    None goes before its deliveries were made, or while one of them still tries.
    """
    if not days:
        return 0
    tries = exists().where(webhook_deliveries.c.event_id == outbox.c.id, is_pending())
    old = (
        select(outbox.c.id)
        .where(outbox.c.created_at < func.statement_timestamp() - timedelta(days=days))
        .where(outbox.c.fanned_out_at.is_not(None), ~tries)
        .order_by(outbox.c.created_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    found = list(connection.execute(old).scalars())
    # Asked once more: a replay may have come between the question and the lock, and none comes after that.
    return connection.execute(delete(outbox).where(outbox.c.id.in_(found), ~tries)).rowcount if found else 0
