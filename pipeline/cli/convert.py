"""`hansard convert`: a saved result in another format. No model is loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import typer

from pipeline.cli import options as cli
from pipeline.cli.batch import Report, Work
from pipeline.cli.recordings import Recording
from pipeline.cli.running import parse_formats, run, to_standard_output
from pipeline.cli.transcripts import report, target
from pipeline.errors import InvalidOption, SourceNotFound
from pipeline.hooks import Hook


def convert(
    context: typer.Context,
    results: cli.Results,
    output: cli.OutputFolder = None,
    formats: cli.Formats = None,
    overwrite: cli.Overwrite = False,
    quiet: cli.Quiet = False,
) -> None:
    """Write saved results (json) in other formats.

    Without -o the transcript is printed to be read. With -o DIR, NAME.srt and NAME.vtt are written there.

    Formats for -f: json, jsonl, whisperx, rttm, rttm-exclusive, ctm, stm, srt, vtt, txt, png, svg.
    """
    from pipeline.formats import FORMATS
    from pipeline.formats.native import parse

    for path in results:
        if path.is_dir():
            message = f"{path} is a folder: name the files in it, for example {path}/*.json"
            raise InvalidOption(message)
    names = parse_formats(formats, FORMATS, "txt" if to_standard_output(output) else "srt,vtt")
    chosen = [FORMATS[name] for name in names]

    def work(recording: Recording, hook: Hook) -> Report:  # noqa: ARG001 - done before there is anything to show
        # Notices were told when the result was made; they are still in it.
        return replace(report(parse(_read(recording)), chosen), notices=())

    def load() -> Work:
        return work

    run(context, results, target(output, chosen, overwrite=overwrite, quiet=quiet), load)


def _read(recording: Recording) -> bytes:
    source = recording.source
    try:
        return source.read_bytes() if isinstance(source, Path) else source.read()
    except OSError as error:
        message = f"cannot be read: {recording.path} ({error.strerror})"
        raise SourceNotFound(message) from error
