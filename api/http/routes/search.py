"""`/v1/search`: turns by what was said."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.http.answers import CursorText, Limit, Place, answer, page
from api.http.problems import responses
from api.http.routes.recordings import Parts, Reader
from api.http.schemas import Turn, TurnList
from api.results.reading import search_turns

router = APIRouter(prefix="/v1/search", tags=["results"])


@router.get("", response_model=TurnList, responses=responses("invalid-cursor"))
def search(
    principal: Reader,
    parts: Parts,
    query: Annotated[
        str,
        Query(
            alias="q",
            min_length=1,
            max_length=500,
            pattern=r"^[^\x00]*$",
            description='Words that all have to be there; `"a phrase"`, `or` and `-not` as in web searches.',
        ),
    ],
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Response:
    """Find turns in the latest transcripts, of the newest recordings first."""
    place = Place(parts.cursors, principal, "search", query)
    position = place.read(cursor)
    before = (UUID(str(position[0])), int(position[1])) if position else None
    with parts.service.database.system() as connection:
        rows = search_turns(connection, principal.tenant_id, query, before=before, limit=limit + 1)
    items, following = page(rows, limit, lambda row: [str(row["recording_id"]), row["number"]], place.write)
    return answer(TurnList(items=[Turn.model_validate(dict(row)) for row in items], next_cursor=following))
