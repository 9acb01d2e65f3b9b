"""`hansard recordings`."""

from __future__ import annotations

import sys
from datetime import datetime
from itertools import islice
from typing import Annotated, Any
from uuid import UUID

import typer

from api.cli import options as cli
from api.cli.jobs import State
from pipeline.errors import InvalidOption

app = typer.Typer(help="See and delete recordings.", no_args_is_help=True)

Moment = Annotated[
    datetime | None,
    typer.Option(parser=cli.parse_moment, metavar="TIME", help="ISO 8601; without a zone, of this machine's."),
]


@app.command("list")
def list_recordings(
    url: cli.Url = None,
    key: cli.Key = None,
    state: State = None,
    after: Moment = None,
    before: Moment = None,
    metadata: Annotated[
        list[str] | None, typer.Option("--metadata", metavar="KEY=VALUE", help="What they must hold; may be repeated.")
    ] = None,
    limit: cli.Limit = 50,
    as_json: cli.AsJson = False,
) -> None:
    """List recordings with their latest jobs, the newest first."""
    from api.cli.connecting import connect
    from api.cli.showing import print_json, print_table

    pairs = cli.parse_pairs(metadata)
    with connect(url, key) as client:
        found = islice(
            client.recordings(status=state, created_after=after, created_before=before, metadata=pairs), limit
        )
        if as_json:
            for item in found:
                print_json(item)
            return
        rows = [_row(item["recording"], item["job"]) for item in found]
    print_table(("id", "name", "length", "created (UTC)", "job", "state", "error"), rows)


@app.command()
def show(recording_id: cli.RecordingId, url: cli.Url = None, key: cli.Key = None, as_json: cli.AsJson = False) -> None:
    """Show a recording and its latest job."""
    from api.cli.connecting import connect
    from api.cli.showing import print_fields, print_json

    with connect(url, key) as client:
        found = client.recording(recording_id)
    print_json(found) if as_json else print_fields(found)


@app.command()
def delete(
    recording_ids: Annotated[
        list[UUID], typer.Argument(metavar="RECORDING", help="Ids of recordings.", show_default=False)
    ],
    url: cli.Url = None,
    key: cli.Key = None,
    yes: cli.Yes = False,
    as_json: cli.AsJson = False,
) -> None:
    """Delete recordings with their jobs and results, for good."""
    from api.cli.connecting import connect
    from api.cli.showing import print_json

    many = len(recording_ids) > 1
    if not yes:
        if not sys.stdin.isatty():
            message = "nobody is there to be asked: say --yes"
            raise InvalidOption(message)
        typer.confirm(f"Delete {f'{len(recording_ids)} recordings' if many else 'the recording'} for good?", abort=True)
    with connect(url, key) as client:
        for recording_id in recording_ids:
            deleted = client.delete(recording_id)
            if as_json:
                print_json(deleted)
            else:
                done = "" if deleted["finished_at"] else "; the last of its files go within the next hours"
                typer.echo(f"{recording_id}: deleted{done}")


def _row(recording: dict[str, Any], job: dict[str, Any]) -> tuple[object, ...]:
    from api.cli.showing import when
    from pipeline.cli.summary import clock

    length = "" if recording["duration"] is None else clock(recording["duration"])
    error = job["error"] and job["error"]["type"]
    return recording["id"], recording["name"], length, when(recording["created_at"]), job["id"], job["state"], error
