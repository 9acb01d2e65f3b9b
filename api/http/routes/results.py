"""`/v1/recordings/{id}/transcript` and `/turns`: who said what, when."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.http.answers import CursorText, Limit, Place, answer, page
from api.http.problems import responses
from api.http.routes.recordings import Parts, Reader
from api.http.schemas import Turn, TurnList
from api.results.reading import NATIVE, TRANSCRIPT_FORMATS, current_transcript, list_turns, read_transcript
from pipeline.formats import FORMATS
from pipeline.formats.registry import ALIASES

router = APIRouter(prefix="/v1/recordings/{recording_id}", tags=["results"])
FormatName = Literal[TRANSCRIPT_FORMATS]  # type: ignore[valid-type] # the names are the registry's
_NEEDS: Final = ("not-found", "recording-deleted", "result-not-ready")


def _contents() -> dict[str, Any]:
    types = {FORMATS[ALIASES.get(name, name)].media_type for name in TRANSCRIPT_FORMATS}
    return {name: {"schema": _schema(name)} for name in sorted(types)}


def _schema(media_type: str) -> dict[str, str]:
    if "json" in media_type:
        return {}
    return {"type": "string", "format": "binary"} if media_type.startswith("image/") else {"type": "string"}


@router.get(
    "/transcript",
    response_class=Response,
    responses={
        **responses(*_NEEDS),
        200: {
            "description": "The transcript as a file.",
            "content": _contents(),
            "headers": {"Content-Disposition": {"schema": {"type": "string"}}},
        },
    },
)
def transcript(
    recording_id: UUID,
    principal: Reader,
    parts: Parts,
    format_name: Annotated[FormatName, Query(alias="format", description="`json` holds everything.")] = NATIVE,
) -> Response:
    """Get the latest transcript of a recording."""
    found = read_transcript(parts.service, principal.tenant_id, recording_id, format_name)
    plain = found.file_name.encode("ascii", errors="replace").decode().replace("?", "_")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(found.file_name)}"
    return Response(found.content, 200, {"Content-Disposition": disposition}, found.media_type)


@router.get("/turns", response_model=TurnList, responses=responses(*_NEEDS, "invalid-cursor"))
def turns(
    recording_id: UUID, principal: Reader, parts: Parts, limit: Limit = 100, cursor: CursorText = None
) -> Response:
    """List the turns of a recording's latest transcript in order; all pages are of the same transcript."""
    place = Place(parts.cursors, principal, "turns", recording_id)
    position = place.read(cursor)
    with parts.service.database.tenant(principal.tenant_id) as connection:
        found = current_transcript(connection, principal.tenant_id, recording_id)
        job_id, after = (found["job_id"], None) if position is None else (UUID(str(position[0])), int(position[1]))
        rows = list_turns(connection, job_id, after=after, limit=limit + 1)
    items, following = page(rows, limit, lambda row: [str(row["job_id"]), row["number"]], place.write)
    return answer(TurnList(items=[Turn.model_validate(dict(row)) for row in items], next_cursor=following))
