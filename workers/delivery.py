"""Posting events to endpoints."""

from __future__ import annotations

from random import Random
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement

from api import tracing
from api.bootstrap import Service
from api.jobs.transition import NOW
from api.logging import where
from api.outbound.client import OutboundClient, Posted
from api.settings import Settings
from api.tracing import Kind, Span
from api.webhooks.announcing import STATEMENT, WINDOW, announce, due
from api.webhooks.body import body_of
from api.webhooks.deliveries import Claimed, claim, settle
from api.webhooks.endpoints import secret_box
from api.webhooks.schedule import Action, decide
from api.webhooks.secrets import SecretBox, SecretUnreadable
from api.webhooks.signing import headers
from workers.metrics import WEBHOOK_ATTEMPTS, WEBHOOK_SECONDS

log = structlog.get_logger()
_JSON: Final = {"content-type": "application/json"}
_INTERNAL: Final = "internal-error"
"""What an endpoint's owner is told of a surprise on this side."""


def deliver(
    service: Service, client: OutboundClient, delivery_id: UUID, random: Random, now: ColumnElement[Any] = NOW
) -> Action | None:
    """Make the next attempt of a delivery; what follows it. Nothing that happens on the way to the endpoint is raised.

    None where nothing was due, or where the outcome came too late: another worker has claimed the attempt since.

    Raises:
        TemporarilyUnavailable: the database does not answer; the attempt is made again when its lease ends.
    """
    with service.database.system() as connection:
        held = claim(connection, delivery_id, now)
    if held is None:
        return None
    bound = {
        "tenant_id": str(held.tenant_id),
        "endpoint_id": str(held.endpoint_id),
        "event_id": str(held.event_id),
        "delivery_id": str(held.delivery_id),
        "attempt": held.attempt,
    }
    with (
        tracing.span("webhook", parent=held.traceparent, kind=Kind.CLIENT, **bound) as span,
        structlog.contextvars.bound_contextvars(**bound, **tracing.log_fields()),
    ):
        return _attempt(service, client, held, random, now, span)


def _attempt(
    service: Service, client: OutboundClient, held: Claimed, random: Random, now: ColumnElement[Any], span: Span
) -> Action | None:
    posted = _posted(service.settings, client, held)
    decision = decide(held.attempt, posted, random)
    with service.database.system() as connection:
        settled = settle(connection, held, posted, decision, now)
    outcome = str(decision.action) if settled else "ownership-lost"
    WEBHOOK_ATTEMPTS.labels(outcome).inc()
    WEBHOOK_SECONDS.observe(posted.seconds)
    span.set(status=posted.status, outcome=outcome)
    if not posted.accepted:
        span.fail(posted.error or str(posted.status))
    log.info(
        "webhook.attempted",
        status=posted.status,
        error=posted.error,
        seconds=round(posted.seconds, 3),
        outcome=outcome,
    )
    return decision.action if settled else None


def send_due(service: Service, now: ColumnElement[Any] = STATEMENT) -> int:
    """Tell the workers which deliveries are due; how many they were told. For the dispatcher."""
    with service.database.system() as connection:
        waiting = due(connection, WINDOW, now)
    return announce(service.queue, waiting)


def _posted(settings: Settings, client: OutboundClient, held: Claimed) -> Posted:
    """Post; whatever prevents it is how the attempt ended, so that the schedule goes on and comes to an end."""
    try:
        return _post(settings, client, held)
    except SecretUnreadable as error:
        # Whoever took the key away has 75 hours to put it back.
        log.error("webhook.secret_unreadable", error=error.slug)  # noqa: TRY400 - the log takes no tracebacks
        return _not_sent(error.slug)
    except Exception as error:  # noqa: BLE001 - not settled, the same attempt would be made once a minute for ever
        log.error("webhook.failed", error=type(error).__name__, where=where(error))  # noqa: TRY400
        return _not_sent(_INTERNAL)


def _post(settings: Settings, client: OutboundClient, held: Claimed) -> Posted:
    body = body_of(held.kind, held.happened_at, held.data)
    secrets = _secrets(secret_box(settings), held)
    return client.post(held.url, body, _JSON | headers(str(held.event_id), held.at, body, secrets))


def _secrets(box: SecretBox, held: Claimed) -> list[str]:
    """What the post is signed with; raises `SecretUnreadable` where the newest secret does not open.

    One that was replaced may have been stored under a key that is gone: its receivers miss a signature that they need
    for a day at most, and must not keep the others waiting.
    """
    newest, *replaced = held.secrets
    opened = [box.open(newest, held.endpoint_id)]
    for sealed in replaced:
        try:
            opened.append(box.open(sealed, held.endpoint_id))
        except SecretUnreadable as error:
            log.warning("webhook.replaced_secret_unreadable", error=error.slug)
    return opened


def _not_sent(error: str) -> Posted:
    return Posted(status=None, retry_after=None, seconds=0.0, error=error)
