"""One module a resource."""

from fastapi import APIRouter

from api.http.routes import jobs, keys, recordings, results, search, tenants, uploads

ROUTERS: tuple[APIRouter, ...] = (
    recordings.router,
    uploads.router,
    results.router,
    search.router,
    jobs.router,
    keys.router,
    tenants.router,
)
"""In the order in which they are described."""
