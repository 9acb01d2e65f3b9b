"""`hansard vad`, `overlap` and `changes`: what segmentation alone can tell."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import options as cli
from pipeline.cli.batch import Report, Source, Work
from pipeline.cli.destination import Content
from pipeline.cli.running import OutputChoice, given, parse_formats, run
from pipeline.cli.session import Choice, session
from pipeline.hooks import Hook

if TYPE_CHECKING:
    from pipeline.segmentation.segmenter import Segmentation
    from pipeline.waveform import Waveform

FORMATS = {"txt": ".txt", "json": ".json"}
"""Suffix of each format."""
Rows = Sequence[Mapping[str, float]]
Detect = Callable[["Segmentation"], Rows]

Probability = Annotated[float | None, typer.Option(min=0, max=1, metavar="P", help="Probability, 0 to 1.")]
Seconds = Annotated[float | None, typer.Option(min=0, metavar="S", help="In seconds.")]


def vad(
    context: typer.Context,
    recordings: cli.Recordings,
    onset: Probability = None,
    offset: Probability = None,
    min_silence: Seconds = None,
    min_speech: Seconds = None,
    pad: Seconds = None,
    output: cli.OutputFolder = None,
    formats: cli.Formats = None,
    overwrite: cli.Overwrite = False,
    device: cli.Device = "auto",
    threads: cli.Threads = None,
    quiet: cli.Quiet = False,
) -> None:
    """Find speech: when anyone speaks.

    Writes `start TAB end` lines (txt) or json, in seconds.
    """

    def detect(segmentation: Segmentation) -> Rows:
        from pipeline.options import VadOptions
        from pipeline.segmentation.vad import detect_speech

        options = given(
            VadOptions(), onset=onset, offset=offset, min_silence=min_silence, min_speech=min_speech, pad=pad
        )
        return [{"start": part.start, "end": part.end} for part in detect_speech(segmentation, options)]

    names = parse_formats(formats, FORMATS, "txt")
    target = OutputChoice(folder=output, suffixes=[FORMATS[name] for name in names], overwrite=overwrite, quiet=quiet)
    choice = Choice(device=device, threads=threads, quiet=quiet)
    run(context, recordings, target, lambda: _work(context, choice, detect, names))


def overlap(
    context: typer.Context,
    recordings: cli.Recordings,
    onset: Probability = None,
    offset: Probability = None,
    min_gap: Seconds = None,
    min_duration: Seconds = None,
    output: cli.OutputFolder = None,
    formats: cli.Formats = None,
    overwrite: cli.Overwrite = False,
    device: cli.Device = "auto",
    threads: cli.Threads = None,
    quiet: cli.Quiet = False,
) -> None:
    """Find overlapped speech: when two or more speak at once.

    Writes `start TAB end` lines (txt) or json, in seconds.
    """

    def detect(segmentation: Segmentation) -> Rows:
        from pipeline.options import OverlapOptions
        from pipeline.segmentation.overlap import detect_overlap

        options = given(OverlapOptions(), onset=onset, offset=offset, min_gap=min_gap, min_duration=min_duration)
        return [{"start": part.start, "end": part.end} for part in detect_overlap(segmentation, options)]

    names = parse_formats(formats, FORMATS, "txt")
    target = OutputChoice(folder=output, suffixes=[FORMATS[name] for name in names], overwrite=overwrite, quiet=quiet)
    choice = Choice(device=device, threads=threads, quiet=quiet)
    run(context, recordings, target, lambda: _work(context, choice, detect, names))


def changes(
    context: typer.Context,
    recordings: cli.Recordings,
    threshold: Probability = None,
    min_distance: Seconds = None,
    output: cli.OutputFolder = None,
    formats: cli.Formats = None,
    overwrite: cli.Overwrite = False,
    device: cli.Device = "auto",
    threads: cli.Threads = None,
    quiet: cli.Quiet = False,
) -> None:
    """Find speaker changes: when the floor passes from one voice to another.

    Writes `time TAB score` lines (txt) or json, in seconds.
    """

    def detect(segmentation: Segmentation) -> Rows:
        from pipeline.options import SpeakerChangeOptions
        from pipeline.segmentation.speaker_change import detect_changes

        options = given(SpeakerChangeOptions(), threshold=threshold, min_distance=min_distance)
        return [{"time": change.time, "score": change.score} for change in detect_changes(segmentation, options)]

    names = parse_formats(formats, FORMATS, "txt")
    target = OutputChoice(folder=output, suffixes=[FORMATS[name] for name in names], overwrite=overwrite, quiet=quiet)
    choice = Choice(device=device, threads=threads, quiet=quiet)
    run(context, recordings, target, lambda: _work(context, choice, detect, names))


def _work(context: typer.Context, choice: Choice, detect: Detect, names: Sequence[str]) -> Work:
    loader = session(context).loader
    segmenter = loader.segmenter(choice)

    def work(source: Source, hook: Hook) -> Report:
        waveform = loader.audio(source, hook)
        rows = detect(segmenter(waveform, hook))
        return Report(
            artefacts={FORMATS[name]: _render(name, waveform, rows) for name in names},
            seconds=waveform.duration,
            notices=tuple(notice.message for notice in waveform.notices),
        )

    return work


def _render(name: str, waveform: Waveform, rows: Rows) -> Content:
    rounded = [{name: round(value, 3) for name, value in row.items()} for row in rows]
    if name == "json":
        document = {"uri": waveform.uri, "duration": round(waveform.duration, 3), "items": rounded}
        return json.dumps(document, ensure_ascii=False) + "\n"
    return "".join("\t".join(f"{value:.3f}" for value in row.values()) + "\n" for row in rounded)
