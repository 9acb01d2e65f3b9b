"""`hansard submit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from api.cli import options as cli
from pipeline.cli.failures import ExitCode
from pipeline.cli.options import (
    RECOGNITION,
    Channels,
    Language,
    MaxSpeakers,
    MinSpeakers,
    NumSpeakers,
    Prompt,
    Strict,
    TaskOption,
)
from pipeline.errors import InvalidOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.cli.delivery import Delivery
    from api.cli.sources import Source

JOB = "Job"


def submit(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Recordings, folders of recordings, https:// or s3:// addresses.",
            show_default=False,
        ),
    ],
    url: cli.Url = None,
    key: cli.Key = None,
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Stay until the jobs have ended; also meant by -f and -o.")
    ] = False,
    formats: cli.Formats = None,
    output: cli.Output = None,
    as_json: cli.AsJson = False,
    quiet: cli.Quiet = False,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="NAME", help="Default: the installation's.", rich_help_panel=JOB),
    ] = None,
    language: Language = None,
    task: TaskOption = "transcribe",
    num_speakers: NumSpeakers = None,
    min_speakers: MinSpeakers = None,
    max_speakers: MaxSpeakers = None,
    strict: Strict = False,
    channels: Channels = "auto",
    prompt: Prompt = None,
    hints: Annotated[
        list[str] | None,
        typer.Option(
            "--hint",
            metavar="WORD",
            help="A word or name that is likely; may be repeated.",
            rich_help_panel=RECOGNITION,
        ),
    ] = None,
    priority: Annotated[
        Literal["interactive", "backfill"],
        typer.Option("--priority", help="backfill waits for whatever is interactive.", rich_help_panel=JOB),
    ] = "interactive",
    metadata: Annotated[
        list[str] | None,
        typer.Option("--metadata", metavar="KEY=VALUE", help="May be repeated.", rich_help_panel=JOB),
    ] = None,
    endpoints: Annotated[
        list[str] | None,
        typer.Option(
            "--endpoint",
            metavar="ID",
            help="Webhook endpoint that is told; may be repeated. Default: all.",
            rich_help_panel=JOB,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="TEXT", help="Default: the file's name.", rich_help_panel=JOB),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            "--idempotency-key",
            metavar="TEXT",
            help="The same key with the same recording and options is one job, for 24 hours.",
            rich_help_panel=JOB,
        ),
    ] = None,
) -> None:
    """Hand recordings to a service, and print the ids of their jobs; or, with -f or -o, their transcripts.

    The exit code is 1 where one could not be submitted, or its job was waited for and did not succeed.
    """
    wanted: dict[str, Any] = {
        "model": model,
        "language": language,
        "task": None if task == "transcribe" else task,
        "num_speakers": num_speakers,
        "min_speakers": min_speakers,
        "max_speakers": max_speakers,
        "strict": strict or None,
        "channels": None if channels == "auto" else channels,
        "prompt": prompt,
        "vocabulary": hints or None,
        "priority": None if priority == "interactive" else priority,
        "metadata": cli.parse_pairs(metadata) or None,
        "callback_endpoints": endpoints or None,
        "name": name,
    }
    given: Any = {field: value for field, value in wanted.items() if value is not None}
    from api.cli.connecting import connect
    from api.cli.sources import find_sources

    found = find_sources(sources)
    if len(found) > 1 and (idempotency_key is not None or name is not None):
        message = "--name and --idempotency-key belong to one recording"
        raise InvalidOption(message)
    target = _target(found, formats, output, as_json=as_json)
    with connect(url, key) as client:
        from api.cli.progress import reporter
        from api.cli.submission import Submission

        with reporter(quiet=quiet) as shown:
            batch = Submission(client=client, reporter=shown, delivery=target, as_json=as_json)
            failed = batch.run(found, given, idempotency_key, wait=wait or target is not None)
    if failed:
        raise typer.Exit(int(ExitCode.FAILED))


def _target(sources: Sequence[Source], formats: str | None, output: Path | None, *, as_json: bool) -> Delivery | None:
    """Where transcripts go; None where none are asked for."""
    from api.cli.delivery import delivery

    if formats is None and output is None:
        return None
    paths = [source.path for source in sources if source.path is not None]
    target = delivery(formats, output, default="txt", several=len(sources) > 1, sources=paths)
    if as_json and target.file is None and target.folder is None:
        message = "--json and a transcript cannot share standard output: say where the transcript goes, -o PATH"
        raise InvalidOption(message)
    return target
