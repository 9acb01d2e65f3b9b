"""Ready answers, and pages of lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar

from fastapi import Query
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.responses import Response

from api.cursors import Cursors
from api.http.bodies import JSON
from api.idempotency import Answer
from api.keys import Principal

REPLAYED: Final = "Idempotent-Replayed"
Limit = Annotated[int, Query(ge=1, le=200, description="Most items of a page.")]
CursorText = Annotated[str | None, Query(max_length=1024, description="`next_cursor` of the page before.")]
Item = TypeVar("Item")


def answer(content: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Write a model. It was valid when it was made: FastAPI would check it a second time."""
    return Response(content.model_dump_json(), status, dict(headers or {}), JSON)


def kept_answer(kept: Answer, headers: Mapping[str, str] | None = None) -> Response:
    """Write what may have been answered before, and say so if it was."""
    told = dict(headers or {}) | ({REPLAYED: "true"} if kept.replayed else {})
    return Response(to_json(kept.body), kept.status, told, JSON)


def page(
    found: Sequence[Item], limit: int, position: Callable[[Item], Sequence[str | int]], write: Callable[[Any], str]
) -> tuple[Sequence[Item], str | None]:
    """Cut what was found, one more than `limit` where there is more, into a page and the cursor of the next."""
    if len(found) <= limit:
        return found, None
    return found[:limit], write(position(found[limit - 1]))


class Place:
    """Where a request stands in a list."""

    def __init__(self, cursors: Cursors, principal: Principal, *view: object) -> None:
        self._cursors = cursors
        self._tenant_id = principal.tenant_id
        self._view = view

    def read(self, cursor: str | None) -> list[str | int] | None:
        """The position in a cursor; raises `InvalidCursor`."""
        return None if cursor is None else self._cursors.read(cursor, self._tenant_id, self._view)

    def write(self, position: Sequence[str | int]) -> str:
        """The cursor of a position."""
        return self._cursors.make(self._tenant_id, self._view, position)
