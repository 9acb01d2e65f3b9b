"""`/healthz`, `/readyz`, `/metrics`: for those who run the service."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.responses import Response

from api.errors import TemporarilyUnavailable
from api.http.problems import responses
from api.http.readiness import PATIENCE_SECONDS
from api.http.state import Shared, shared

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    """All is well."""

    status: str


@router.get("/healthz", response_model=Health)
async def healthz() -> Health:
    """Whether the process answers."""
    return Health(status="ok")


@router.get(
    "/readyz",
    response_model=Health,
    responses={503: responses()[503]},
)
def readyz(parts: Annotated[Shared, Depends(shared)]) -> Health:
    """Whether database, queue and object store answer."""
    silent = parts.readiness.silent()
    if silent:
        message = f"no answer within {PATIENCE_SECONDS:.0f} s, or a refusal, from: {', '.join(silent)}"
        raise TemporarilyUnavailable(message)
    return Health(status="ok")


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {CONTENT_TYPE_LATEST: {"schema": {"type": "string"}}}}},
)
def metrics() -> Response:
    """Counters of this process, for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
