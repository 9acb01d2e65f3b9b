"""Deliveries: one event on its way to one endpoint, over up to ten attempts.

An attempt is claimed, made outside any transaction, and then settled. The claim is a lease: the delivery of a worker
that was lost is due again when it ends, as the same attempt and under the same webhook-id, by which receivers know
what they have had. The settlement names the fence of its claim, and finds no row where another claim has come since.

Whoever locks an endpoint and its deliveries locks the endpoint first: two workers that get a 410 at once would
otherwise wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, insert, literal_column, select, update

from api.jobs.transition import NOW
from api.outbound.client import Posted
from api.tables import jobs, outbox, webhook_attempts, webhook_deliveries, webhook_endpoints
from api.tables.jobs import FENCES
from api.webhooks.schedule import Action, Decision

LEASE: Final = timedelta(seconds=60)
"""A post is given 15 s as a whole; the rest is for a database that is slow to take the outcome."""
_GONE: Final = "the endpoint answered 410 Gone"


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    """Waits for its next attempt, or one is being made."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """The last attempt failed, or the endpoint wants no more."""
    DROPPED = "dropped"
    """The endpoint was disabled or deleted, or a replay took its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """All that one attempt needs."""

    delivery_id: UUID
    tenant_id: UUID
    endpoint_id: UUID
    event_id: UUID
    attempt: int
    """From 1."""
    fence: int
    at: datetime
    """When it was claimed, by the database's clock."""
    url: str
    secrets: tuple[str, ...]
    """Sealed; the newest first, then the one before it for as long as it signs along."""
    kind: str
    happened_at: datetime
    data: Mapping[str, Any]
    traceparent: str | None = None
    """The span of the request whose job this tells of, where it was traced."""


def is_pending() -> ColumnElement[bool]:
    """The condition that a delivery is pending, as a literal: a prepared statement still finds the partial index."""
    return webhook_deliveries.c.state == literal_column(f"'{DeliveryState.PENDING}'")


def claim(connection: Connection, delivery_id: UUID, now: ColumnElement[Any] = NOW) -> Claimed | None:
    """Take the next attempt of a delivery; None where none is due: another worker has it, or it has ended."""
    taken = connection.execute(
        update(webhook_deliveries)
        .where(webhook_deliveries.c.id == delivery_id, webhook_deliveries.c.state == DeliveryState.PENDING)
        .where(webhook_deliveries.c.next_at <= now)
        .values(fence=FENCES.next_value(), next_at=now + LEASE)
        .returning(webhook_deliveries, now.label("at"))
    ).mappings().one_or_none()  # fmt: skip
    if taken is None:
        return None
    told = connection.execute(
        select(
            webhook_endpoints,
            (webhook_endpoints.c.previous_secret_until > now).label("both_sign"),
            outbox.c.type,
            outbox.c.data,
            outbox.c.created_at.label("happened_at"),
            jobs.c.traceparent,
        )
        .join_from(webhook_endpoints, outbox, webhook_endpoints.c.tenant_id == outbox.c.tenant_id)
        .outerjoin(jobs, jobs.c.id == outbox.c.job_id)
        .where(webhook_endpoints.c.id == taken["endpoint_id"], outbox.c.id == taken["event_id"])
    ).mappings().one()  # fmt: skip
    if told["disabled_at"] is not None or told["deleted_at"] is not None:
        # Made while the endpoint was being disabled.
        _drop(connection, webhook_deliveries.c.id == delivery_id)
        return None
    sealed = (told["secret"], told["previous_secret"]) if told["both_sign"] else (told["secret"],)
    return Claimed(
        delivery_id=delivery_id,
        tenant_id=taken["tenant_id"],
        endpoint_id=taken["endpoint_id"],
        event_id=taken["event_id"],
        attempt=taken["attempt"] + 1,
        fence=taken["fence"],
        at=taken["at"],
        url=told["url"],
        secrets=tuple(secret.decode("ascii", "replace") for secret in sealed),
        kind=told["type"],
        happened_at=told["happened_at"],
        data=told["data"],
        traceparent=told["traceparent"],
    )


def settle(
    connection: Connection, held: Claimed, posted: Posted, decision: Decision, now: ColumnElement[Any] = NOW
) -> bool:
    """Note an attempt and what follows it; False, and nothing is written, where another claim has come since."""
    if decision.action is Action.DISABLE:
        lock_endpoint(connection, held.endpoint_id)
    mine = (webhook_deliveries.c.id == held.delivery_id, webhook_deliveries.c.fence == held.fence)
    state = connection.execute(select(webhook_deliveries.c.state).where(*mine).with_for_update()).scalar_one_or_none()
    if state is None:
        return False
    connection.execute(
        insert(webhook_attempts).values(
            tenant_id=held.tenant_id,
            delivery_id=held.delivery_id,
            number=held.attempt,
            at=held.at,
            status=posted.status,
            error=posted.error,
            seconds=posted.seconds,
        )
    )
    # Dropped while the attempt was made: that it was made is noted, and nothing follows.
    follows = _consequence(decision, now) if state == DeliveryState.PENDING else {}
    connection.execute(update(webhook_deliveries).where(*mine).values(attempt=held.attempt, fence=None, **follows))
    if decision.action is Action.DISABLE:
        stop(connection, held.endpoint_id, _GONE)
    return True


def stop(connection: Connection, endpoint_id: UUID, reason: str) -> None:
    """Disable an endpoint and drop what is still on its way to it; the first reason stays."""
    lock_endpoint(connection, endpoint_id)
    connection.execute(
        update(webhook_endpoints)
        .where(webhook_endpoints.c.id == endpoint_id, webhook_endpoints.c.disabled_at.is_(None))
        .values(disabled_at=NOW, disabled_reason=reason)
    )
    _drop(connection, webhook_deliveries.c.endpoint_id == endpoint_id)


def supersede(connection: Connection, endpoint_id: UUID, events: Sequence[UUID]) -> None:
    """Drop what is still on its way to an endpoint about some events; the endpoint is locked."""
    _drop(connection, webhook_deliveries.c.endpoint_id == endpoint_id, webhook_deliveries.c.event_id.in_(list(events)))


def lock_endpoint(connection: Connection, endpoint_id: UUID) -> None:
    """Hold an endpoint's row to the end of the transaction; new deliveries can refer to it meanwhile."""
    connection.execute(
        select(webhook_endpoints.c.id).where(webhook_endpoints.c.id == endpoint_id).with_for_update(key_share=True)
    )


def _drop(connection: Connection, *which: ColumnElement[bool]) -> None:
    connection.execute(
        update(webhook_deliveries)
        .where(webhook_deliveries.c.state == DeliveryState.PENDING, *which)
        .values(state=DeliveryState.DROPPED, finished_at=NOW)
    )


def _consequence(decision: Decision, now: ColumnElement[Any]) -> Mapping[str, Any]:
    if decision.delay is not None:
        return {"next_at": now + timedelta(seconds=decision.delay)}
    state = DeliveryState.DELIVERED if decision.action is Action.DELIVERED else DeliveryState.FAILED
    return {"state": state, "finished_at": now}
