"""Routes of webhook endpoints."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, status
from sqlalchemy import Connection
from starlette.responses import Response

from api.audit import audit
from api.errors import TemporarilyUnavailable
from api.http.answers import CursorText, Limit, Place, answer, page
from api.http.authentication import Principal, Scope, require
from api.http.bodies import json_body, request_body
from api.http.problems import responses
from api.http.state import Shared, shared
from api.http.webhook_schemas import (
    DeliveryPage,
    DeliveryShown,
    EndpointChanges,
    EndpointList,
    EndpointShown,
    EndpointWithSecret,
    NewEndpoint,
    Replay,
    Replayed,
    ReplayOne,
    SentTest,
)
from api.webhooks import endpoints
from api.webhooks.announcing import announce
from api.webhooks.endpoints import Changes, Endpoint
from api.webhooks.fan_out import fan_out
from api.webhooks.history import history
from api.webhooks.replay import replay_one, replay_range

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["webhooks"])

Caller = Annotated[Principal, Depends(require(Scope.WEBHOOKS))]
Parts = Annotated[Shared, Depends(shared)]
_BODY = ("malformed-json", "payload-too-large", "unsupported-media-type")


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=EndpointWithSecret,
    openapi_extra=request_body(NewEndpoint),
    responses=responses("url-not-allowed", *_BODY),
)
def create_endpoint(
    caller: Caller, parts: Parts, wanted: Annotated[NewEndpoint, Depends(json_body(NewEndpoint))]
) -> Response:
    """Make an endpoint. Its secret is in this answer and in no other."""
    settings, database = parts.service.settings, parts.service.database
    with database.tenant(caller.tenant_id) as connection:
        made, secret = endpoints.create(
            connection,
            settings,
            caller.tenant_id,
            url=wanted.url,
            events=wanted.events,
            description=wanted.description,
        )
        _note(connection, caller, "created", made.id)
    return answer(_with_secret(made, secret), status.HTTP_201_CREATED)


@router.get("", response_model=EndpointList, responses=responses())
def list_endpoints(caller: Caller, parts: Parts) -> Response:
    """List all endpoints, the newest first."""
    with parts.service.database.tenant(caller.tenant_id) as connection:
        found = endpoints.every(connection, caller.tenant_id)
    return answer(EndpointList(items=[EndpointShown.of(endpoint) for endpoint in found]))


@router.get("/{endpoint_id}", response_model=EndpointShown, responses=responses("not-found"))
def get_endpoint(endpoint_id: UUID, caller: Caller, parts: Parts) -> Response:
    """Show one endpoint."""
    with parts.service.database.tenant(caller.tenant_id) as connection:
        return answer(EndpointShown.of(endpoints.get(connection, caller.tenant_id, endpoint_id)))


@router.patch(
    "/{endpoint_id}",
    response_model=EndpointShown,
    openapi_extra=request_body(EndpointChanges),
    responses=responses("not-found", "url-not-allowed", *_BODY),
)
def change_endpoint(
    endpoint_id: UUID,
    caller: Caller,
    parts: Parts,
    wanted: Annotated[EndpointChanges, Depends(json_body(EndpointChanges))],
) -> Response:
    """Change what is named, and leave the rest. Disabling drops what is on its way; a replay brings it later."""
    changes = Changes(url=wanted.url, events=wanted.events, description=wanted.description, enabled=wanted.enabled)
    settings, database = parts.service.settings, parts.service.database
    with database.tenant(caller.tenant_id) as connection:
        changed = endpoints.change(connection, settings, caller.tenant_id, endpoint_id, changes)
        _note(connection, caller, "changed", endpoint_id)
    return answer(EndpointShown.of(changed))


@router.delete("/{endpoint_id}", status_code=status.HTTP_204_NO_CONTENT, responses=responses("not-found"))
def delete_endpoint(endpoint_id: UUID, caller: Caller, parts: Parts) -> None:
    """Take an endpoint away, and drop what is on its way to it."""
    with parts.service.database.tenant(caller.tenant_id) as connection:
        endpoints.delete(connection, caller.tenant_id, endpoint_id)
        _note(connection, caller, "deleted", endpoint_id)


@router.post("/{endpoint_id}/rotate-secret", response_model=EndpointWithSecret, responses=responses("not-found"))
def rotate_secret(endpoint_id: UUID, caller: Caller, parts: Parts) -> Response:
    """Give it a new secret, in this answer and in no other; for 24 hours both sign."""
    settings, database = parts.service.settings, parts.service.database
    with database.tenant(caller.tenant_id) as connection:
        changed, secret = endpoints.rotate_secret(connection, settings, caller.tenant_id, endpoint_id)
        _note(connection, caller, "secret_rotated", endpoint_id)
    return answer(_with_secret(changed, secret))


@router.post(
    "/{endpoint_id}/test",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=SentTest,
    responses=responses("not-found", "endpoint-disabled"),
)
def send_test(endpoint_id: UUID, caller: Caller, parts: Parts) -> Response:
    """Send an event of the type `webhook.test` to this endpoint alone, tried again like any other."""
    with parts.service.database.tenant(caller.tenant_id) as connection:
        event_id = endpoints.send_test(connection, caller.tenant_id, endpoint_id)
    with suppress(TemporarilyUnavailable):  # the event is safe: the next sweep sends it
        fan_out(parts.service)
    return answer(SentTest(event_id=event_id), status.HTTP_202_ACCEPTED)


@router.get(
    "/{endpoint_id}/deliveries", response_model=DeliveryPage, responses=responses("not-found", "invalid-cursor")
)
def list_deliveries(
    endpoint_id: UUID, caller: Caller, parts: Parts, limit: Limit = 50, cursor: CursorText = None
) -> Response:
    """List what was sent to an endpoint, and what it answered; the newest first."""
    place = Place(parts.cursors, caller, "webhook-deliveries", endpoint_id)
    position = place.read(cursor)
    before = UUID(str(position[0])) if position else None
    with parts.service.database.tenant(caller.tenant_id) as connection:
        endpoints.get(connection, caller.tenant_id, endpoint_id)
        found = history(connection, caller.tenant_id, endpoint_id, limit=limit + 1, before=before)
    items, following = page(found, limit, lambda delivery: [str(delivery.id)], place.write)
    return answer(DeliveryPage(items=[DeliveryShown.of(delivery) for delivery in items], next_cursor=following))


@router.post(
    "/{endpoint_id}/replay",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=Replayed,
    openapi_extra=request_body(Replay),
    responses=responses("not-found", "endpoint-disabled", *_BODY),
)
def replay(
    endpoint_id: UUID, caller: Caller, parts: Parts, body: Annotated[Replay, Depends(json_body(Replay))]
) -> Response:
    """Deliver one event, or all of a stretch of time, once more; each under the same `webhook-id` as before."""
    wanted = body.root
    with parts.service.database.tenant(caller.tenant_id) as connection:
        if isinstance(wanted, ReplayOne):
            made = replay_one(connection, caller.tenant_id, endpoint_id, wanted.event_id)
        else:
            made = replay_range(connection, caller.tenant_id, endpoint_id, wanted.after, wanted.before)
        _note(connection, caller, "replayed", endpoint_id)
    announce(parts.service.queue, made)
    return answer(Replayed(deliveries=len(made)), status.HTTP_202_ACCEPTED)


def _with_secret(endpoint: Endpoint, secret: str) -> EndpointWithSecret:
    return EndpointWithSecret(**EndpointShown.of(endpoint).model_dump(), secret=secret)


def _note(connection: Connection, caller: Principal, what: str, endpoint_id: UUID) -> None:
    action = f"webhook_endpoint.{what}"
    audit(connection, caller.tenant_id, caller.key_prefix, action, endpoint_id, caller.request_id)
