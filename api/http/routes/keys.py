"""`/v1/api-keys`: keys of the tenant."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.http.answers import CursorText, Limit, Place, answer, page
from api.http.authentication import Principal, Scope, require
from api.http.bodies import json_body, request_body
from api.http.problems import responses
from api.http.routes.recordings import Parts
from api.http.schemas import ApiKey, ApiKeyList, ApiKeyRequest, NewApiKey
from api.keys import NewKey, issue_key, list_keys, revoke_key

router = APIRouter(prefix="/v1/api-keys", tags=["api keys"])
Holder = Annotated[Principal, Depends(require(Scope.KEYS))]
Wanted = Annotated[ApiKeyRequest, Depends(json_body(ApiKeyRequest))]


@router.post(
    "",
    status_code=201,
    response_model=NewApiKey,
    openapi_extra=request_body(ApiKeyRequest),
    responses=responses("malformed-json", "payload-too-large", "unsupported-media-type"),
)
def create(principal: Holder, parts: Parts, wanted: Wanted) -> Response:
    """Make a key, with no scopes that the asking key lacks. The key is shown this once."""
    with parts.service.database.tenant(principal.tenant_id) as connection:
        made = issue_key(
            connection, principal, principal.tenant_id, wanted.name, set(wanted.scopes), expires_at=wanted.expires_at
        )
    return answer(new_key(made), 201)


@router.get("", response_model=ApiKeyList, responses=responses("invalid-cursor"))
def list_all(principal: Holder, parts: Parts, limit: Limit = 50, cursor: CursorText = None) -> Response:
    """List keys, the newest first, revoked ones too."""
    place = Place(parts.cursors, principal, "api-keys")
    position = place.read(cursor)
    before = UUID(str(position[0])) if position else None
    with parts.service.database.tenant(principal.tenant_id) as connection:
        rows = list_keys(connection, before=before, limit=limit + 1)
    items, following = page(rows, limit, lambda row: [str(row["id"])], place.write)
    return answer(ApiKeyList(items=[ApiKey.of(row) for row in items], next_cursor=following))


@router.delete("/{key_id}", response_model=ApiKey, responses=responses("not-found"))
def revoke(key_id: UUID, principal: Holder, parts: Parts) -> Response:
    """End a key for good. It is refused within seconds."""
    with parts.service.database.tenant(principal.tenant_id) as connection:
        row = revoke_key(connection, principal, key_id)
    parts.keys.forget(row["prefix"])
    return answer(ApiKey.of(row))


def new_key(made: NewKey) -> NewApiKey:
    """Show a key that was just made."""
    return NewApiKey(**ApiKey.of(made.row).model_dump(), key=made.text)
