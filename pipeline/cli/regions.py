"""`hansard vad`, `overlap` and `changes`: what segmentation alone can tell."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli import options as cli
from pipeline.cli.batch import Report, Work
from pipeline.cli.destination import Content
from pipeline.cli.recordings import Recording
from pipeline.cli.running import OutputChoice, parse_formats, run
from pipeline.cli.session import Choice, session
from pipeline.hooks import Hook
from pipeline.options import OverlapOptions, SpeakerChangeOptions, VadOptions

if TYPE_CHECKING:
    from pipeline.segmentation.segmenter import Segmentation
    from pipeline.waveform import Waveform

FORMATS = {"txt": ".txt", "json": ".json"}
"""Suffix of each format."""
Rows = Sequence[Mapping[str, float]]
Detect = Callable[["Segmentation"], Rows]
Slide = Callable[["Waveform", Hook], "Segmentation"]

VAD, OVERLAP, CHANGES = VadOptions(), OverlapOptions(), SpeakerChangeOptions()


def _probability(meaning: str) -> Any:  # noqa: ANN401 - what typer gives
    return typer.Option(min=0, max=1, metavar="P", help=meaning)


def _seconds(meaning: str) -> Any:  # noqa: ANN401 - what typer gives
    return typer.Option(min=0, metavar="S", help=f"{meaning}, in seconds.")


def _offset_meaning(default: float) -> str:
    return f"Probability below which it ends. Default: {default}, or the onset where that is lower."


def vad(
    context: typer.Context,
    recordings: cli.Recordings,
    onset: Annotated[float, _probability("Probability of speech at which a stretch begins.")] = VAD.onset,
    offset: Annotated[float | None, _probability(_offset_meaning(VAD.offset))] = None,
    min_silence: Annotated[float, _seconds("Shorter pauses are closed")] = VAD.min_silence,
    min_speech: Annotated[float, _seconds("Shorter stretches are dropped")] = VAD.min_speech,
    pad: Annotated[float, _seconds("Added to both sides of a stretch")] = VAD.pad,
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
    options = VadOptions(
        onset=onset, offset=_offset(offset, VAD.offset, onset), min_silence=min_silence, min_speech=min_speech, pad=pad
    )

    def detect(segmentation: Segmentation) -> Rows:
        from pipeline.segmentation.vad import detect_speech

        return [{"start": part.start, "end": part.end} for part in detect_speech(segmentation, options)]

    names = parse_formats(formats, FORMATS, "txt")
    target = OutputChoice(folder=output, suffixes=[FORMATS[name] for name in names], overwrite=overwrite, quiet=quiet)
    choice = Choice(device=device, threads=threads, quiet=quiet)
    run(context, recordings, target, lambda: _work(context, choice, detect, names, speech_only=True))


def overlap(
    context: typer.Context,
    recordings: cli.Recordings,
    onset: Annotated[float, _probability("Probability of overlap at which a stretch begins.")] = OVERLAP.onset,
    offset: Annotated[float | None, _probability(_offset_meaning(OVERLAP.offset))] = None,
    min_gap: Annotated[float, _seconds("Shorter gaps are closed")] = OVERLAP.min_gap,
    min_duration: Annotated[float, _seconds("Shorter stretches are dropped")] = OVERLAP.min_duration,
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
    options = OverlapOptions(
        onset=onset, offset=_offset(offset, OVERLAP.offset, onset), min_gap=min_gap, min_duration=min_duration
    )

    def detect(segmentation: Segmentation) -> Rows:
        from pipeline.segmentation.overlap import detect_overlap

        return [{"start": part.start, "end": part.end} for part in detect_overlap(segmentation, options)]

    names = parse_formats(formats, FORMATS, "txt")
    target = OutputChoice(folder=output, suffixes=[FORMATS[name] for name in names], overwrite=overwrite, quiet=quiet)
    choice = Choice(device=device, threads=threads, quiet=quiet)
    run(context, recordings, target, lambda: _work(context, choice, detect, names))


def changes(
    context: typer.Context,
    recordings: cli.Recordings,
    threshold: Annotated[float, _probability("Lowest score of a change; higher finds fewer.")] = CHANGES.threshold,
    min_distance: Annotated[float, _seconds("Shortest time between two changes")] = CHANGES.min_distance,
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
    options = SpeakerChangeOptions(threshold=threshold, min_distance=min_distance)

    def detect(segmentation: Segmentation) -> Rows:
        from pipeline.segmentation.speaker_change import detect_changes

        return [{"time": change.time, "score": change.score} for change in detect_changes(segmentation, options)]

    names = parse_formats(formats, FORMATS, "txt")
    target = OutputChoice(folder=output, suffixes=[FORMATS[name] for name in names], overwrite=overwrite, quiet=quiet)
    choice = Choice(device=device, threads=threads, quiet=quiet)
    run(context, recordings, target, lambda: _work(context, choice, detect, names))


def _offset(asked: float | None, default: float, onset: float) -> float:
    return min(default, onset) if asked is None else asked


def _work(
    context: typer.Context, choice: Choice, detect: Detect, names: Sequence[str], *, speech_only: bool = False
) -> Work:
    loader = session(context).loader
    segmenter = loader.segmenter(choice)
    slide: Slide = segmenter.for_speech if speech_only else segmenter

    def work(recording: Recording, hook: Hook) -> Report:
        waveform = loader.audio(recording, hook)
        rows = detect(slide(waveform, hook))
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
