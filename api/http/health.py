"""`/healthz`, `/readyz`, `/metrics`: for those who run the service."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.errors import TemporarilyUnavailable
from api.http.problems import responses
from api.http.readiness import DATABASE, PATIENCE_SECONDS
from api.http.state import Shared, shared
from api.settings import shared_metrics

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    """All is well."""

    status: str


class Ready(BaseModel):
    """Requests can be answered, if not all of them."""

    status: Literal["ok", "degraded"]
    silent: list[str] = Field(description="Parts that do not answer; what needs them waits, or is refused.")


@router.get("/healthz", response_model=Health)
async def healthz() -> Health:
    """Whether the process answers."""
    return Health(status="ok")


@router.get(
    "/readyz",
    response_model=Ready,
    responses={503: responses()[503]},
)
def readyz(parts: Annotated[Shared, Depends(shared)]) -> Ready:
    """Whether the database answers. Where queue or object store do not, every replica still serves what it can."""
    silent = parts.readiness.silent()
    if DATABASE in silent:
        message = f"no answer within {PATIENCE_SECONDS:.0f} s, or a refusal, from: {', '.join(silent)}"
        raise TemporarilyUnavailable(message)
    return Ready(status="degraded" if silent else "ok", silent=silent)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {CONTENT_TYPE_LATEST: {"schema": {"type": "string"}}}}},
)
def metrics() -> Response:
    """Counters of this server, its processes together, for Prometheus."""
    return Response(generate_latest(_counted()), media_type=CONTENT_TYPE_LATEST)


def _counted() -> CollectorRegistry:
    folder = shared_metrics()
    if folder is None:
        return REGISTRY
    together = CollectorRegistry()
    MultiProcessCollector(together, folder)  # type: ignore[no-untyped-call] # it has no annotations
    return together
