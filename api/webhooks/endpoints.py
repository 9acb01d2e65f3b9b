"""Endpoints: where a tenant wants to be told, about what, and signed with which secret.

Every function works in a transaction of the tenant, and names the tenant all the same: row level security is the
second lock, not the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, RowMapping, func, insert, select, update
from uuid_utils.compat import uuid7

from api.errors import InvalidRequest, NotFound
from api.events import EventType, record
from api.jobs.transition import NOW
from api.outbound.rules import url_rules
from api.outbound.urls import parse_url
from api.settings import Settings
from api.tables import webhook_endpoints
from api.webhooks.deliveries import lock_endpoint, stop
from api.webhooks.secrets import SecretBox
from api.webhooks.signing import make_secret
from pipeline.errors import PermanentError

BOTH_SIGN: Final = timedelta(hours=24)
"""So long after a rotation the secret before it signs as well."""
MOST_ENDPOINTS: Final = 100
"""Of a tenant: every event is matched against all of them, and a list of them is one page."""
SUBSCRIBABLE: Final = tuple(kind for kind in EventType if kind is not EventType.ENDPOINT_TEST)
"""A test goes to the endpoint that is tested, whatever it subscribes to."""
_BY_HAND: Final = "disabled by its owner"
_DELETED: Final = "deleted"


class EndpointDisabled(PermanentError):
    """The webhook endpoint is disabled; enable it first."""

    slug = "endpoint-disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A place that events are posted to."""

    id: UUID
    url: str
    description: str
    events: tuple[EventType, ...]
    """Types it wants; empty for all."""
    enabled: bool
    disabled_reason: str | None
    previous_secret_until: datetime | None
    """Until then the secret before the last rotation signs as well."""
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to be otherwise; None leaves as it is."""

    url: str | None = None
    description: str | None = None
    events: Sequence[str] | None = None
    enabled: bool | None = None


def secret_box(settings: Settings) -> SecretBox:
    """What seals and opens the secrets."""
    return SecretBox([key.get_secret_value() for key in settings.secret_keys])


def create(
    connection: Connection, settings: Settings, tenant_id: UUID, *, url: str, events: Sequence[str] = (),
    description: str = "",
) -> tuple[Endpoint, str]:  # fmt: skip
    """Make an endpoint; with its secret, which is not shown again.

    Raises:
        UrlNotAllowed: the service does not connect to such a URL.
        InvalidRequest: there is no such event, or there are too many endpoints.
    """
    checked = {"url": _url(url, settings), "events": _events(events), "description": description}
    own = (webhook_endpoints.c.tenant_id == tenant_id, webhook_endpoints.c.deleted_at.is_(None))
    count = connection.execute(select(func.count()).select_from(webhook_endpoints).where(*own)).scalar_one()
    if count >= MOST_ENDPOINTS:
        message = f"There are {MOST_ENDPOINTS} webhook endpoints already; delete one first"
        raise InvalidRequest(message, "")
    ident, secret = uuid7(), make_secret()
    sealed = secret_box(settings).seal(secret, ident).encode("ascii")
    row = connection.execute(
        insert(webhook_endpoints)
        .values(id=ident, tenant_id=tenant_id, secret=sealed, **checked)
        .returning(webhook_endpoints)
    )
    return _endpoint(row.mappings().one()), secret


def every(connection: Connection, tenant_id: UUID) -> list[Endpoint]:
    """All endpoints, the newest first."""
    rows = connection.execute(
        select(webhook_endpoints)
        .where(webhook_endpoints.c.tenant_id == tenant_id, webhook_endpoints.c.deleted_at.is_(None))
        .order_by(webhook_endpoints.c.id.desc())
    )
    return [_endpoint(row) for row in rows.mappings()]


def get(connection: Connection, tenant_id: UUID, endpoint_id: UUID) -> Endpoint:
    """One endpoint.

    Raises:
        NotFound: there is none of that id.
    """
    row = connection.execute(
        select(webhook_endpoints).where(
            webhook_endpoints.c.id == endpoint_id,
            webhook_endpoints.c.tenant_id == tenant_id,
            webhook_endpoints.c.deleted_at.is_(None),
        )
    )
    found = row.mappings().one_or_none()
    if found is None:
        message = "There is no webhook endpoint of that id"
        raise NotFound(message)
    return _endpoint(found)


def lock_own(connection: Connection, tenant_id: UUID, endpoint_id: UUID) -> Endpoint:
    """One endpoint, which nobody else changes before the end of the transaction.

    Raises:
        NotFound: there is none of that id.
    """
    get(connection, tenant_id, endpoint_id)
    lock_endpoint(connection, endpoint_id)
    return get(connection, tenant_id, endpoint_id)


def change(
    connection: Connection, settings: Settings, tenant_id: UUID, endpoint_id: UUID, changes: Changes
) -> Endpoint:
    """Change an endpoint. Disabling drops what is on its way; after enabling it again, `replay_range` brings it.

    Raises:
        NotFound: there is none of that id.
        UrlNotAllowed: the service does not connect to such a URL.
        InvalidRequest: there is no such event.
    """
    values: dict[str, Any] = {}
    if changes.url is not None:
        values["url"] = _url(changes.url, settings)
    if changes.events is not None:
        values["events"] = _events(changes.events)
    if changes.description is not None:
        values["description"] = changes.description
    if changes.enabled:
        values |= {"disabled_at": None, "disabled_reason": None}
    lock_own(connection, tenant_id, endpoint_id)
    if changes.enabled is False:
        stop(connection, endpoint_id, _BY_HAND)
    if values:
        connection.execute(update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id).values(**values))
    return get(connection, tenant_id, endpoint_id)


def rotate_secret(
    connection: Connection, settings: Settings, tenant_id: UUID, endpoint_id: UUID
) -> tuple[Endpoint, str]:
    """Give an endpoint a new secret, which is not shown again.

    The one before it signs along for 24 hours; one that was replaced earlier does not any more.

    Raises:
        NotFound: there is none of that id.
    """
    lock_own(connection, tenant_id, endpoint_id)
    secret = make_secret()
    connection.execute(
        update(webhook_endpoints)
        .where(webhook_endpoints.c.id == endpoint_id)
        .values(
            previous_secret=webhook_endpoints.c.secret,
            previous_secret_until=NOW + BOTH_SIGN,
            secret=secret_box(settings).seal(secret, endpoint_id).encode("ascii"),
        )
    )
    return get(connection, tenant_id, endpoint_id), secret


def delete(connection: Connection, tenant_id: UUID, endpoint_id: UUID) -> None:
    """Take an endpoint away: what is on its way is dropped and its secrets are forgotten. Its past deliveries stay.

    Raises:
        NotFound: there is none of that id.
    """
    lock_own(connection, tenant_id, endpoint_id)
    stop(connection, endpoint_id, _DELETED)
    forgotten = {"secret": b"", "previous_secret": None, "previous_secret_until": None}
    connection.execute(
        update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id).values(deleted_at=NOW, **forgotten)
    )


def send_test(connection: Connection, tenant_id: UUID, endpoint_id: UUID) -> UUID:
    """Put an event into the outbox that goes to this endpoint alone; its id, which will be the webhook-id.

    Raises:
        NotFound: there is none of that id.
        EndpointDisabled: it takes nothing at present.
    """
    if not get(connection, tenant_id, endpoint_id).enabled:
        raise EndpointDisabled
    event_id = uuid7()
    record(connection, tenant_id, EventType.ENDPOINT_TEST, {"endpoint_id": str(endpoint_id)}, event_id=event_id)
    return event_id


def _url(url: str, settings: Settings) -> str:
    return str(parse_url(url, url_rules(settings)))


def _events(names: Sequence[str]) -> list[str]:
    for number, name in enumerate(names):
        if name not in SUBSCRIBABLE:
            message = f"There is no event {name!r}; there are {', '.join(SUBSCRIBABLE)}"
            raise InvalidRequest(message, f"/events/{number}")
    return list(dict.fromkeys(map(str, names)))


def _endpoint(row: RowMapping) -> Endpoint:
    return Endpoint(
        id=row["id"],
        url=row["url"],
        description=row["description"],
        events=tuple(EventType(name) for name in row["events"]),
        enabled=row["disabled_at"] is None,
        disabled_reason=row["disabled_reason"],
        previous_secret_until=row["previous_secret_until"],
        created_at=row["created_at"],
    )
