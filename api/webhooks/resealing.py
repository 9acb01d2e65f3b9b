"""Secrets that were stored under an old key are stored anew under the newest, so that the old one can be taken away."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Column, ColumnElement, Connection, RowMapping, and_, or_, select, update

from api.bootstrap import Service
from api.tables import webhook_endpoints
from api.webhooks.endpoints import secret_box
from api.webhooks.secrets import SecretBox, SecretUnreadable

BATCH: Final = 200
"""Endpoints of one round."""
_COLUMNS: Final = (webhook_endpoints.c.secret, webhook_endpoints.c.previous_secret)
log = structlog.get_logger()


def reseal_secrets(service: Service) -> int:
    """Seal secrets anew that are sealed with an old key, for the dispatcher; how many, of some endpoints at a time.

    Those whose key is not configured any more are not looked at: nothing opens them.
    """
    box = secret_box(service.settings)
    if not box.old_key_ids:
        return 0
    old = or_(*(_sealed_with(key_id, column) for key_id in box.old_key_ids for column in _COLUMNS))
    statement = select(webhook_endpoints.c.id, *_COLUMNS).where(old).limit(BATCH)
    with service.database.system() as connection:
        found = connection.execute(statement).mappings().all()
        return sum(_reseal(connection, box, row, column) for row in found for column in _COLUMNS)


def _sealed_with(key_id: str, column: Column[bytes]) -> ColumnElement[bool]:
    """The condition that a sealed secret begins with a key's id and a full stop: a range, which an index finds."""
    return and_(column >= f"{key_id}.".encode(), column < f"{key_id}/".encode())


def _reseal(connection: Connection, box: SecretBox, row: RowMapping, column: Column[bytes]) -> bool:
    """Seal one secret anew, unless it was replaced meanwhile."""
    endpoint_id: UUID = row["id"]
    sealed: bytes | None = row[column.name]
    text = (sealed or b"").decode("ascii", "replace")
    if not text or not box.needs_resealing(text):
        return False
    try:
        anew = box.seal(box.open(text, endpoint_id), endpoint_id)
    except SecretUnreadable as error:
        log.warning("webhook.secret_not_resealed", endpoint_id=str(endpoint_id), error=error.slug)
        return False
    unchanged = update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id, column == sealed)
    return connection.execute(unchanged.values({column: anew.encode("ascii")})).rowcount > 0
