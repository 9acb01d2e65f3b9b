"""`hansard transcribe` and `hansard diarize`: recordings in, transcripts and diarizations out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.cli import options as cli
from pipeline.cli.batch import Report, Work
from pipeline.cli.recordings import Recording
from pipeline.cli.running import OutputChoice, given, parse_formats, run, to_standard_output
from pipeline.cli.session import Choice, session
from pipeline.hooks import Hook
from pipeline.options import AsrOptions, DiarizationOptions, PipelineOptions, SpeakerCount

if TYPE_CHECKING:
    from pipeline.formats import Format
    from pipeline.types import Transcript

WORDLESS_FORMATS = ("rttm", "rttm-exclusive", "json", "png", "svg")
"""What can show turns without words."""


def transcribe(
    context: typer.Context,
    recordings: cli.Recordings,
    output: cli.OutputFolder = None,
    formats: cli.Formats = None,
    overwrite: cli.Overwrite = False,
    quiet: cli.Quiet = False,
    model: cli.Model = None,
    embedding: cli.Embedding = "campplus",
    device: cli.Device = "auto",
    threads: cli.Threads = None,
    num_speakers: cli.NumSpeakers = None,
    min_speakers: cli.MinSpeakers = None,
    max_speakers: cli.MaxSpeakers = None,
    strict: cli.Strict = False,
    threshold: cli.Threshold = None,
    channels: cli.Channels = "auto",
    language: cli.Language = None,
    task: cli.TaskOption = "transcribe",
    prompt: cli.Prompt = None,
    hotwords: cli.Hotwords = None,
    beam_size: cli.BeamSize = None,
) -> None:
    """Transcribe recordings: who said what, when.

    Without -o the transcript is printed to be read. With -o DIR, NAME.json and NAME.rttm are written there.

    Formats for -f: json, jsonl, whisperx, rttm, rttm-exclusive, ctm, stm, srt, vtt, txt, png, svg.
    """
    from pipeline.formats import FORMATS

    names = parse_formats(formats, FORMATS, "txt" if to_standard_output(output) else "json,rttm")
    chosen = [FORMATS[name] for name in names]
    options = PipelineOptions(
        channels=channels,
        speakers=SpeakerCount(exactly=num_speakers, at_least=min_speakers, at_most=max_speakers, strict=strict),
        diarization=given(DiarizationOptions(), threshold=threshold),
        asr=given(
            AsrOptions(), language=language, task=task, initial_prompt=prompt, hotwords=hotwords, beam_size=beam_size
        ),
    )
    choice = Choice(model=model, embedding=embedding, device=device, threads=threads, quiet=quiet)

    def load() -> Work:
        from pipeline.audio import display_name

        pipeline = session(context).loader.transcription(choice, options)

        def work(recording: Recording, hook: Hook) -> Report:
            # Decoded by the pipeline, which times it. It knows the file alone, not the others it must differ from.
            transcript = pipeline(recording.source, hook)
            return report(replace(transcript, uri=display_name(recording.name)), chosen)

        return work

    run(context, recordings, target(output, chosen, overwrite=overwrite, quiet=quiet), load)


def diarize(
    context: typer.Context,
    recordings: cli.Recordings,
    output: cli.OutputFolder = None,
    formats: cli.Formats = None,
    overwrite: cli.Overwrite = False,
    quiet: cli.Quiet = False,
    embedding: cli.Embedding = "campplus",
    device: cli.Device = "auto",
    threads: cli.Threads = None,
    num_speakers: cli.NumSpeakers = None,
    min_speakers: cli.MinSpeakers = None,
    max_speakers: cli.MaxSpeakers = None,
    strict: cli.Strict = False,
    threshold: cli.Threshold = None,
    channels: cli.Channels = "auto",
) -> None:
    """Diarize recordings: who spoke when, without words.

    Formats for -f: rttm (the default), rttm-exclusive, json, png, svg.
    """
    from pipeline.formats import FORMATS

    chosen = [FORMATS[name] for name in parse_formats(formats, WORDLESS_FORMATS, "rttm")]
    options = PipelineOptions(
        channels=channels,
        speakers=SpeakerCount(exactly=num_speakers, at_least=min_speakers, at_most=max_speakers, strict=strict),
        diarization=given(DiarizationOptions(), threshold=threshold),
    )
    choice = Choice(embedding=embedding, device=device, threads=threads, quiet=quiet)

    def load() -> Work:
        loader = session(context).loader
        pipeline = loader.diarization(choice, options)

        def work(recording: Recording, hook: Hook) -> Report:
            return replace(report(pipeline(loader.decode(recording, hook), hook), chosen), words=None)

        return work

    run(context, recordings, target(output, chosen, overwrite=overwrite, quiet=quiet), load)


def target(output: Path | None, formats: Sequence[Format], *, overwrite: bool, quiet: bool) -> OutputChoice:
    """Where results of these formats go."""
    suffixes = [entry.suffix for entry in formats]
    return OutputChoice(folder=output, suffixes=suffixes, overwrite=overwrite, quiet=quiet)


def report(transcript: Transcript, formats: Sequence[Format]) -> Report:
    """Write a transcript in these formats, and sum it up."""
    return Report(
        artefacts={entry.suffix: entry.encode(transcript) for entry in formats},
        seconds=transcript.duration,
        speakers=len(transcript.diarization.speakers),
        words=len(transcript.words),
        notices=tuple(notice.message for notice in transcript.notices),
    )
