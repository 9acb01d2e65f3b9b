"""The application: routes, what is around them, and the description of it all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.bootstrap import Service
from api.errors import NotFound
from api.http import health
from api.http.bodies import entries, schemas_of
from api.http.middleware import Around
from api.http.problems import (
    CATALOGUE,
    Invalid,
    MalformedJson,
    MethodNotAllowed,
    Problem,
    headers_of,
    of_error,
    response,
)
from api.http.routes import ROUTERS
from api.http.schemas import BODIES
from api.http.state import Shared
from api.http.webhook_schemas import BODIES as WEBHOOK_BODIES
from api.http.webhooks import router as webhooks
from api.logging import where
from pipeline.errors import HansardError

DESCRIPTION: Final = """Recordings in, who said what, when, out.

Submit a recording, follow its job, or be told by a webhook, then read the transcript in any of its formats. Errors are
`application/problem+json`; the last part of their `type` never changes.
"""

SILENT: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""The framework's own telemetry says what bodies and exceptions hold; ours (`api.tracing`) takes its place."""

log = structlog.get_logger()
_FRAMEWORK: Final[Mapping[int, type[HansardError]]] = {400: MalformedJson, 404: NotFound, 405: MethodNotAllowed}
"""What the framework's own errors are, by status."""


def create_app(service: Service) -> FastAPI:
    """Make the application around a service; nothing is opened before it starts."""
    parts = Shared.of(service)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:  # noqa: ARG001 - FastAPI's form
        parts.admitter.start()
        with parts.stopping.listening():
            yield
        await run_in_threadpool(parts.close)

    app = FastAPI(
        title="Hansard",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
        redirect_slashes=False,
        # Served from other people's servers.
        docs_url=None,
        redoc_url=None,
        telemetry=SILENT,
    )
    app.state.shared = parts
    for router in (*ROUTERS, webhooks, health.router):
        app.include_router(router)
    app.add_middleware(Around)
    app.add_exception_handler(HansardError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign] # FastAPI's own way to do it
    return app


def _operation_id(route: APIRoute) -> str:
    return f"{route.tags[0] if route.tags else 'service'}-{route.name}".replace(" ", "_")


def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, HansardError)  # noqa: S101 - registered for these
    if error.slug not in CATALOGUE:
        # The client is told nothing of it: whoever runs the service has to be.
        log.error("request.unforeseen", error=error.slug, where=where(error))
    return response(of_error(error, request.state.request_id), headers_of(error))


def _invalid(request: Request, error: Exception) -> Response:
    """What FastAPI found in parameters and bodies of its own."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for these
    found = error.errors()
    if found and found[0]["type"] == "json_invalid":
        return _ours(request, MalformedJson())
    # The first part of a place says which part of the request it is in: body, query, path, header.
    placed = [{**one, "loc": one["loc"][1:]} for one in found]
    return _ours(request, Invalid(entries(cast("list[ErrorDetails]", placed))))


def _http(request: Request, error: Exception) -> Response:
    """What the router has no route for, and what FastAPI could not read."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for these
    found = _FRAMEWORK.get(error.status_code, NotFound)()
    return response(of_error(found, request.state.request_id), error.headers or headers_of(found))


def _described(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = found.setdefault("components", {}).setdefault("schemas", {})
        for name, schema in schemas_of([Problem, *BODIES, *WEBHOOK_BODIES]).items():
            schemas.setdefault(name, schema)
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = found
    return app.openapi_schema
