"""Options that several commands of the client share, with one meaning and one help text each."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

SERVICE, OUTPUT = "Service", "Output"

Url = Annotated[
    str | None,
    typer.Option("--url", envvar="HANSARD_URL", metavar="URL", help="Address of the API.", rich_help_panel=SERVICE),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="HANSARD_API_KEY",
        metavar="KEY",
        help="API key. Others on this machine see what stands on a command line: better in the environment.",
        rich_help_panel=SERVICE,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print json, one object a line.", rich_help_panel=OUTPUT)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Report nothing but failures.", rich_help_panel=OUTPUT)]
Formats = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        metavar="LIST",
        help="json, jsonl, whisperx, rttm, rttm-exclusive, ctm, stm, srt, vtt, txt, png or svg; several, separated by"
        " commas, with -o DIR.",
        rich_help_panel=OUTPUT,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        help="File for one transcript, folder for several; without it, or with -, they go to standard output.",
        rich_help_panel=OUTPUT,
    ),
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="At most so many, the newest.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

RecordingId = Annotated[UUID, typer.Argument(metavar="RECORDING", help="Id of a recording.", show_default=False)]
JobIds = Annotated[list[UUID], typer.Argument(metavar="JOB", help="Ids of jobs.", show_default=False)]
EndpointId = Annotated[UUID, typer.Argument(metavar="ENDPOINT", help="Id of an endpoint.", show_default=False)]


def parse_moment(text: str) -> datetime:
    """Read an ISO 8601 moment; one without a zone is of this machine's."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is no moment: write 2026-05-01, 2026-05-01T08:30 or 2026-05-01T08:30Z"
        raise typer.BadParameter(message) from None
    return found if found.tzinfo is not None else found.astimezone()


def parse_pairs(texts: list[str] | None) -> dict[str, str]:
    """Read `key=value` texts."""
    pairs: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            message = f"{text!r} is not of the form key=value"
            raise typer.BadParameter(message, param_hint="--metadata")
        pairs[name] = value
    return pairs
