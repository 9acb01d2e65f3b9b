"""`/v1/tenants`: those who share the installation; for its administrators."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.responses import Response

from api.audit import audit
from api.http.answers import CursorText, Limit, Place, answer, page
from api.http.authentication import Principal, Scope, require
from api.http.bodies import json_body, request_body
from api.http.problems import responses
from api.http.routes.keys import Wanted as WantedKey
from api.http.routes.keys import new_key
from api.http.routes.recordings import Parts
from api.http.schemas import ApiKeyRequest, NewApiKey, Tenant, TenantList, TenantRequest, TenantUpdate
from api.http.state import Shared
from api.keys import issue_key
from api.tenants import TenantChanges, add_tenant, check_buckets, list_tenants, update_tenant

router = APIRouter(prefix="/v1/tenants", tags=["tenants"])
Administrator = Annotated[Principal, Depends(require(Scope.ADMIN))]
Wanted = Annotated[TenantRequest, Depends(json_body(TenantRequest))]
Update = Annotated[TenantUpdate, Depends(json_body(TenantUpdate))]
_BODY = ("malformed-json", "payload-too-large", "unsupported-media-type")


@router.post(
    "",
    status_code=201,
    response_model=Tenant,
    openapi_extra=request_body(TenantRequest),
    responses=responses(*_BODY),
)
def create(principal: Administrator, parts: Parts, wanted: Wanted) -> Response:
    """Make a tenant; then make it a key."""
    changes = _changes(wanted, parts)
    with parts.service.database.system() as connection:
        row = add_tenant(connection, wanted.name, changes)
        _note(connection, principal, "created", row["id"])
    return answer(Tenant.of(row), 201)


@router.get("", response_model=TenantList, responses=responses("invalid-cursor"))
def list_all(principal: Administrator, parts: Parts, limit: Limit = 50, cursor: CursorText = None) -> Response:
    """List tenants, the oldest first."""
    place = Place(parts.cursors, principal, "tenants")
    position = place.read(cursor)
    after = UUID(str(position[0])) if position else None
    with parts.service.database.system() as connection:
        rows = list_tenants(connection, after=after, limit=limit + 1)
    items, following = page(rows, limit, lambda row: [str(row["id"])], place.write)
    return answer(TenantList(items=[Tenant.of(row) for row in items], next_cursor=following))


@router.patch(
    "/{tenant_id}",
    response_model=Tenant,
    openapi_extra=request_body(TenantUpdate),
    responses=responses("not-found", *_BODY),
)
def update(tenant_id: UUID, principal: Administrator, parts: Parts, wanted: Update) -> Response:
    """Change weight, quotas or buckets; acts within seconds."""
    changes = _changes(wanted, parts)
    with parts.service.database.system() as connection:
        row = update_tenant(connection, tenant_id, changes)
        _note(connection, principal, "changed", tenant_id)
    return answer(Tenant.of(row))


@router.post(
    "/{tenant_id}/api-keys",
    status_code=201,
    response_model=NewApiKey,
    openapi_extra=request_body(ApiKeyRequest),
    responses=responses("not-found", *_BODY),
)
def create_key(tenant_id: UUID, principal: Administrator, parts: Parts, wanted: WantedKey) -> Response:
    """Make a key for a tenant: its first, as a rule. The key is shown this once."""
    with parts.service.database.system() as connection:
        made = issue_key(
            connection, principal, tenant_id, wanted.name, set(wanted.scopes), expires_at=wanted.expires_at
        )
    return answer(new_key(made), 201)


def _changes(wanted: TenantUpdate, parts: Shared) -> TenantChanges:
    changes = TenantChanges(**{name: getattr(wanted, name) for name in TenantUpdate.model_fields})
    check_buckets(changes, parts.service.settings)
    return changes


def _note(connection: Connection, administrator: Principal, what: str, tenant_id: UUID) -> None:
    audit(connection, tenant_id, administrator.key_prefix, f"tenant.{what}", tenant_id, administrator.request_id)
