"""From events to deliveries: one for every endpoint that wants the event.

No order is promised, neither between events nor between endpoints: a delivery that failed comes later than what
happened after it. A receiver that needs an order has the time of the event in the body, and the job to ask for.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Text, any_, case, cast, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from api.bootstrap import Service
from api.events import EventType
from api.jobs.transition import NOW
from api.tables import outbox, webhook_deliveries, webhook_endpoints
from api.webhooks.announcing import announce

BATCH: Final = 200
"""Events of one transaction."""


def fan_out(service: Service) -> list[UUID]:
    """Make the deliveries of all events that have none yet, and tell the workers; the deliveries' ids.

    Several may do this at once: an event is taken by one of them, and a delivery can be made only once.
    """
    made: list[UUID] = []
    events = BATCH
    while events == BATCH:
        with service.database.system() as connection:
            events, deliveries = fan_out_batch(connection)
        announce(service.queue, deliveries)
        made += deliveries
    return made


def fan_out_batch(connection: Connection) -> tuple[int, list[UUID]]:
    """Make the deliveries of the oldest events without; how many events there were, and the deliveries' ids."""
    waiting = list(
        connection.execute(
            select(outbox.c.id)
            .where(outbox.c.fanned_out_at.is_(None))
            .order_by(outbox.c.id)
            .limit(BATCH)
            .with_for_update(skip_locked=True, key_share=True)
        ).scalars()
    )
    if not waiting:
        return 0, []
    pairs = connection.execute(
        select(outbox.c.tenant_id, outbox.c.id.label("event_id"), webhook_endpoints.c.id.label("endpoint_id"))
        .join_from(outbox, webhook_endpoints, webhook_endpoints.c.tenant_id == outbox.c.tenant_id)
        .where(outbox.c.id.in_(waiting), is_meant())
        .where(webhook_endpoints.c.disabled_at.is_(None), webhook_endpoints.c.deleted_at.is_(None))
        # What happened before an endpoint was there is a matter of replay.
        .where(webhook_endpoints.c.created_at <= outbox.c.created_at)
    ).mappings()
    rows = [dict(pair) for pair in pairs]
    made: list[UUID] = []
    if rows:
        statement = insert(webhook_deliveries).on_conflict_do_nothing().returning(webhook_deliveries.c.id)
        made = list(connection.execute(statement, rows).scalars())
    connection.execute(update(outbox).where(outbox.c.id.in_(waiting)).values(fanned_out_at=NOW))
    return len(waiting), made


def is_meant() -> ColumnElement[bool]:
    """The condition that an event (`outbox`) is meant for an endpoint.

    A test is for the endpoint it names. A job that names `callback_endpoints` tells those, whatever they subscribe to,
    and no others. Everything else goes to the endpoints that subscribe to its type.
    """
    endpoint = cast(webhook_endpoints.c.id, Text)
    subscribed = or_(
        func.cardinality(webhook_endpoints.c.events) == 0, outbox.c.type == any_(webhook_endpoints.c.events)
    )
    return case(
        (outbox.c.type == EventType.ENDPOINT_TEST, outbox.c.data["endpoint_id"].astext == endpoint),
        (outbox.c.named_endpoints.is_not(None), webhook_endpoints.c.id == any_(outbox.c.named_endpoints)),
        else_=subscribed,
    )
