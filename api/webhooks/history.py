"""What was sent to an endpoint, and what it answered."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, case, select

from api.tables import outbox, webhook_attempts, webhook_deliveries
from api.webhooks.deliveries import DeliveryState


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One post."""

    number: int
    at: datetime
    status: int | None
    """What the endpoint answered; None where nothing came."""
    error: str | None
    """What stopped it, in a word."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one endpoint."""

    id: UUID
    event_id: UUID
    """The webhook-id."""
    type: str
    replay: int
    state: DeliveryState
    next_attempt_at: datetime | None
    """None once it has ended."""
    created_at: datetime
    finished_at: datetime | None
    attempts: tuple[Attempt, ...]


def history(
    connection: Connection, tenant_id: UUID, endpoint_id: UUID, *, limit: int, before: UUID | None = None
) -> list[Delivery]:
    """Deliveries to an endpoint with their attempts, the newest first; those older than `before`, if it is given."""
    pending = webhook_deliveries.c.state == DeliveryState.PENDING
    statement = (
        select(
            *(
                webhook_deliveries.c[name]
                for name in ("id", "event_id", "replay", "state", "created_at", "finished_at")
            ),
            case((pending, webhook_deliveries.c.next_at)).label("next_attempt_at"),
            outbox.c.type,
        )
        .join(outbox, outbox.c.id == webhook_deliveries.c.event_id)
        .where(webhook_deliveries.c.tenant_id == tenant_id, webhook_deliveries.c.endpoint_id == endpoint_id)
        .order_by(webhook_deliveries.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(webhook_deliveries.c.id < before)
    rows = connection.execute(statement).mappings().all()
    made = _attempts(connection, [row["id"] for row in rows])
    return [Delivery(**(dict(row) | {"state": DeliveryState(row["state"])}), attempts=made[row["id"]]) for row in rows]


def _attempts(connection: Connection, deliveries: list[UUID]) -> defaultdict[UUID, tuple[Attempt, ...]]:
    rows = connection.execute(
        select(webhook_attempts).where(webhook_attempts.c.delivery_id.in_(deliveries)).order_by(webhook_attempts.c.id)
    )
    made: defaultdict[UUID, tuple[Attempt, ...]] = defaultdict(tuple)
    for row in rows.mappings():
        made[row["delivery_id"]] += (
            Attempt(
                number=row["number"], at=row["at"], status=row["status"], error=row["error"], seconds=row["seconds"]
            ),
        )
    return made
