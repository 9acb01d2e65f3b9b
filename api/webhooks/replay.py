"""Sending events again, under the same webhook-id, to an endpoint that missed them or wants them once more.

Their rows are locked until the new deliveries are written, so that old ones are not forgotten in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, insert, or_, select

from api.errors import InvalidRequest, NotFound
from api.tables import outbox, webhook_deliveries, webhook_endpoints
from api.webhooks.deliveries import supersede
from api.webhooks.endpoints import EndpointDisabled, lock_own
from api.webhooks.fan_out import is_meant

MOST: Final = 10_000
"""Events of one replay."""


def replay_one(connection: Connection, tenant_id: UUID, endpoint_id: UUID, ident: UUID) -> list[UUID]:
    """Deliver one event again, named by its own id or by that of a delivery; the ids of the new deliveries.

    Raises:
        NotFound: there is no such endpoint, event or delivery.
        EndpointDisabled: the endpoint takes nothing at present.
    """
    _lock_enabled(connection, tenant_id, endpoint_id)
    delivered = select(webhook_deliveries.c.event_id).where(
        webhook_deliveries.c.id == ident, webhook_deliveries.c.endpoint_id == endpoint_id
    )
    events = list(
        connection.execute(
            select(outbox.c.id)
            .where(outbox.c.tenant_id == tenant_id, or_(outbox.c.id == ident, outbox.c.id.in_(delivered)))
            .with_for_update(read=True, key_share=True, of=outbox)
        ).scalars()
    )
    if not events:
        message = "There is no event of that id"
        raise NotFound(message)
    return _again(connection, tenant_id, endpoint_id, events)


def replay_range(
    connection: Connection, tenant_id: UUID, endpoint_id: UUID, after: datetime, before: datetime
) -> list[UUID]:
    """Deliver again what happened from `after` on and before `before`; the ids of the new deliveries.

    Only what is meant for this endpoint. What it never had, because it was disabled or did not exist yet, is delivered
    too.

    Raises:
        NotFound: there is no such endpoint.
        EndpointDisabled: the endpoint takes nothing at present.
        InvalidRequest: the range is empty, or holds too many events.
    """
    if after >= before:
        message = "The range ends before it begins"
        raise InvalidRequest(message, "/before")
    _lock_enabled(connection, tenant_id, endpoint_id)
    wanted = (outbox.c.tenant_id == tenant_id, outbox.c.created_at >= after, outbox.c.created_at < before)
    meant = (webhook_endpoints.c.id == endpoint_id, is_meant(), outbox.c.fanned_out_at.is_not(None))
    events = _ids(connection, *wanted, *meant)
    if len(events) > MOST:
        message = f"The range holds more than {MOST} events; narrow it"
        raise InvalidRequest(message, "/before")
    return _again(connection, tenant_id, endpoint_id, events)


def _lock_enabled(connection: Connection, tenant_id: UUID, endpoint_id: UUID) -> None:
    if not lock_own(connection, tenant_id, endpoint_id).enabled:
        raise EndpointDisabled


def _ids(connection: Connection, *which: ColumnElement[bool]) -> list[UUID]:
    statement = (
        select(outbox.c.id)
        .join_from(outbox, webhook_endpoints, webhook_endpoints.c.tenant_id == outbox.c.tenant_id)
        .where(*which)
        .order_by(outbox.c.id)
        .limit(MOST + 1)
        .with_for_update(read=True, key_share=True, of=outbox)
    )
    return list(connection.execute(statement).scalars())


def _again(connection: Connection, tenant_id: UUID, endpoint_id: UUID, events: Sequence[UUID]) -> list[UUID]:
    """New deliveries, in place of any that still try; the endpoint is locked, so that numbers cannot clash."""
    if not events:
        return []
    supersede(connection, endpoint_id, events)
    found = connection.execute(
        select(webhook_deliveries.c.event_id, func.max(webhook_deliveries.c.replay))
        .where(webhook_deliveries.c.endpoint_id == endpoint_id, webhook_deliveries.c.event_id.in_(list(events)))
        .group_by(webhook_deliveries.c.event_id)
    )
    numbers: dict[UUID, int] = {event: number for event, number in found}  # noqa: C416 - rows are not pairs to mypy
    # From 1: number 0 is the fan-out's, which may be about to take it.
    rows = [
        {"tenant_id": tenant_id, "endpoint_id": endpoint_id, "event_id": event, "replay": numbers.get(event, 0) + 1}
        for event in events
    ]
    statement = insert(webhook_deliveries).returning(webhook_deliveries.c.id)
    return list(connection.execute(statement, rows).scalars())
