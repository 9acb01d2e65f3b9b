"""`hansard transcript`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from api.cli import options as cli

if TYPE_CHECKING:
    from api.client import Client

MISSING = 404


def transcript(
    ident: Annotated[UUID, typer.Argument(metavar="ID", help="Id of a recording or of a job.", show_default=False)],
    url: cli.Url = None,
    key: cli.Key = None,
    formats: cli.Formats = None,
    output: cli.Output = None,
) -> None:
    """Get the latest transcript of a recording: as text, unless -f says otherwise.

    With -o DIR, files are named after the id.
    """
    from api.cli.connecting import connect
    from api.cli.delivery import delivery

    target = delivery(formats, output, default="txt", several=False)
    with connect(url, key) as client:
        target.deliver(client, _recording_of(client, ident), str(ident))


def _recording_of(client: Client, ident: UUID) -> str:
    from api.client import ApiError

    try:
        return str(client.recording(ident)["recording"]["id"])
    except ApiError as error:
        if error.status != MISSING:
            raise
    return str(client.job(ident)["recording_id"])
