"""The application behind a port."""

from __future__ import annotations

from typing import Any, Final

import uvicorn
from fastapi import FastAPI

from api import logging, tracing
from api.bootstrap import connect
from api.http.app import create_app
from api.settings import Settings

GRACE_SECONDS: Final = 30
"""For requests under way when the server is told to stop; uploads that take longer are broken off."""
KEEP_ALIVE_SECONDS: Final = 75
"""Longer than load balancers keep idle connections (60 s), so that none is closed while a request is on its way."""


def application() -> FastAPI:
    """Make the application from the environment: what each of several server processes calls."""
    return _application(Settings.from_environment())


def serve(settings: Settings, host: str, port: int, workers: int = 1) -> None:
    """Serve until told to stop (SIGTERM, SIGINT), then let requests under way end.

    More than one process read their settings from the environment, each for itself.
    """
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": GRACE_SECONDS,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
    }
    if workers == 1:
        uvicorn.run(_application(settings), **options)
    else:
        uvicorn.run("api.http.server:application", factory=True, workers=workers, **options)


def _application(settings: Settings) -> FastAPI:
    logging.configure()
    tracing.configure(settings, "hansard-api")
    return create_app(connect(settings))
