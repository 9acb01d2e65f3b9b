"""The application behind a port."""

from __future__ import annotations

from functools import partial
from tempfile import TemporaryDirectory
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from api import logging, tracing
from api.bootstrap import connect
from api.http.app import create_app
from api.settings import Settings, share_metrics

GRACE_SECONDS: Final = 30
"""For requests under way when the server is told to stop; uploads that take longer are broken off."""
KEEP_ALIVE_SECONDS: Final = 75
"""Longer than load balancers keep idle connections (60 s), so that none is closed while a request is on its way."""


def serve(settings: Settings, host: str, port: int, workers: int = 1) -> None:
    """Serve until told to stop (SIGTERM, SIGINT), then let requests under way end.

    Each of several processes is an application of its own, with its own connections, limits of rate and uploads; what
    they count is added up.
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
        uvicorn.run(application(settings), **options)
        return
    logging.configure()
    config = uvicorn.Config(partial(application, settings), factory=True, workers=workers, **options)
    with TemporaryDirectory(prefix="hansard-metrics-") as folder:
        share_metrics(folder)
        Multiprocess(config, sockets=[config.bind_socket()]).run()


def application(settings: Settings) -> FastAPI:
    """Make the application of this process."""
    logging.configure()
    tracing.configure(settings, "hansard-api")
    return create_app(connect(settings))
