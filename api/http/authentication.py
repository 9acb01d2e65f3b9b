"""Who asks, and whether they may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated

import structlog
from anyio import to_thread
from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from api.errors import Unauthorized
from api.http.parameters import refuse_unknown_parameters
from api.http.state import parts_of
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
    parts = parts_of(request)
    presented = credentials.credentials
    found = parts.keys.recall(presented)
    if found is None:
        # Whoever has no key must not take the connections of those who have; nor must these wait in one line with them.
        limiter = None if parts.keys.was_known(presented) else parts.lookups
        found = await to_thread.run_sync(parts.keys.look_up, presented, limiter=limiter)
    structlog.contextvars.bind_contextvars(tenant_id=str(found.tenant_id))
    parts.rates.take(found.tenant_id, found.limits.max_requests_per_minute)
    refuse_unknown_parameters(request)
    return replace(found, request_id=request.state.request_id)


def recheck(request: Request) -> Callable[[], None]:
    """Make a check that the request's key still is what it was, for an answer that goes on; raises `Unauthorized`."""
    keys = parts_of(request).keys
    _, presented = get_authorization_scheme_param(request.headers.get("authorization"))

    def check() -> None:
        if keys.recall(presented) is None:
            keys.look_up(presented)

    return check


def require(scope: Scope) -> Callable[..., Awaitable[Principal]]:
    """Make a dependency that gives the holder of the request's key, if the key has the scope."""

    async def allowed(principal: Annotated[Principal, Depends(authenticated)]) -> Principal:
        principal.demand(scope)
        return principal

    return allowed
