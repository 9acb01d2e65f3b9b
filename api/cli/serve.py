"""`hansard serve api`."""

from __future__ import annotations

from typing import Annotated

import typer


def serve_api(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
) -> None:
    """The HTTP API."""
    from api.http.server import serve
    from api.settings import Settings

    serve(Settings.from_environment(), host=host, port=port, workers=workers)
