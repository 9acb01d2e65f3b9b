"""Who asks, and whether they may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated

import structlog
from fastapi import Depends, Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.errors import Unauthorized
from api.http.parameters import refuse_unknown_parameters
from api.http.state import shared
from api.keys import Principal, Scope

__all__ = ["Principal", "Scope", "authenticated", "require"]

_BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    bearerFormat="hs_live_<prefix>_<secret>",
    description="An API key. Each route names the scope that the key needs.",
)


async def authenticated(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
) -> Principal:
    """Dependency: the holder of the request's key, whose tenant has requests left.

    A key of a moment ago costs neither a query nor a thread.

    Raises:
        Unauthorized: there is no usable key.
        RateLimited: the tenant has asked too often.
        Invalid: the request has a parameter that the route does not know.
    """
    if credentials is None:
        raise Unauthorized
    parts = shared(request)
    presented = credentials.credentials
    found = parts.keys.recall(presented)
    if found is None:
        found = await run_in_threadpool(parts.keys.look_up, presented)
    structlog.contextvars.bind_contextvars(tenant_id=str(found.tenant_id))
    parts.rates.take(found.tenant_id, found.limits.max_requests_per_minute)
    refuse_unknown_parameters(request)
    return replace(found, request_id=request.state.request_id)


def require(scope: Scope) -> Callable[..., Awaitable[Principal]]:
    """Make a dependency that gives the holder of the request's key, if the key has the scope."""

    async def allowed(principal: Annotated[Principal, Depends(authenticated)]) -> Principal:
        principal.demand(scope)
        return principal

    return allowed
