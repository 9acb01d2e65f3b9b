"""Telling the workers which deliveries are due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, select

from api.errors import TemporarilyUnavailable
from api.queue import WEBHOOKS, Queue
from api.tables import webhook_deliveries
from api.webhooks.deliveries import is_pending

STATEMENT: Final = func.statement_timestamp()
"""When the statement came. An index serves what is compared with it; the clock's time changes from row to row."""

WINDOW: Final = 1000
"""Deliveries that lie in Redis at once; the others wait in Postgres."""


def due(connection: Connection, limit: int, now: ColumnElement[Any] = STATEMENT) -> list[UUID]:
    """Deliveries whose next attempt is due, or whose worker was lost.

    Endpoints take turns, so that one with a long backlog does not keep the others waiting.
    """
    turn = func.row_number().over(
        partition_by=webhook_deliveries.c.endpoint_id, order_by=(webhook_deliveries.c.next_at, webhook_deliveries.c.id)
    )
    statement = (
        select(webhook_deliveries.c.id)
        .where(is_pending(), webhook_deliveries.c.next_at <= now)
        .order_by(turn, webhook_deliveries.c.next_at)
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


def announce(queue: Queue, ids: Sequence[UUID]) -> int:
    """Tell the workers about deliveries, as many as the window has room for; how many that were.

    The others, and all of them where Redis does not answer, are told by a later sweep, for they stay due. One that is
    told twice is claimed once.
    """
    try:
        told = ids[: max(WINDOW - queue.depth(WEBHOOKS), 0)] if ids else ()
        if told:
            queue.send(WEBHOOKS, told)
    except TemporarilyUnavailable:
        return 0
    return len(told)
