"""What a command line runs on: where models come from. The one place that imports them, and only when asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from pipeline.cli.recordings import Recording
from pipeline.hooks import Hook
from pipeline.options import DeviceName

if TYPE_CHECKING:
    from pipeline.embedding import SpeakerEncoder
    from pipeline.models import ModelStore
    from pipeline.options import PipelineOptions
    from pipeline.segmentation.segmenter import Segmenter
    from pipeline.transcription import TranscriptionPipeline
    from pipeline.waveform import Waveform


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which models run, and on what."""

    model: str | None = None
    """Recognizer; None takes the one that suits the machine."""
    embedding: str = "campplus"
    device: DeviceName = "auto"
    threads: int | None = None
    """CPU threads, as `TranscriptionPipeline.from_pretrained` takes them."""
    quiet: bool = False
    """Fetch models without telling."""


class Loader:
    """Loads models as the command line chooses them."""

    def transcription(self, choice: Choice, options: PipelineOptions) -> TranscriptionPipeline:
        """Everything from a recording to a transcript."""
        from pipeline.transcription import TranscriptionPipeline

        return TranscriptionPipeline.from_pretrained(
            choice.model,
            embedding=choice.embedding,
            device=choice.device,
            threads=choice.threads,
            options=options,
            store=self.store(quiet=choice.quiet),
        )

    def diarization(self, choice: Choice, options: PipelineOptions) -> TranscriptionPipeline:
        """Who spoke when, without words."""
        from pipeline.transcription import TranscriptionPipeline

        return TranscriptionPipeline.without_words(
            embedding=choice.embedding,
            device=choice.device,
            threads=choice.threads,
            options=options,
            store=self.store(quiet=choice.quiet),
        )

    def segmenter(self, choice: Choice) -> Segmenter:
        """Who of a window's voices is active when."""
        from pipeline.cores import default_threads
        from pipeline.device import bound_threads, resolve_device
        from pipeline.segmentation.segmenter import Segmenter

        bound_threads()
        return Segmenter.from_pretrained(
            self.store(quiet=choice.quiet),
            device=resolve_device(choice.device),
            threads=choice.threads or default_threads(),
        )

    def encoder(self, choice: Choice) -> SpeakerEncoder:
        """From a voice to a vector."""
        from pipeline.cores import default_threads
        from pipeline.device import bound_threads, resolve_device
        from pipeline.embedding import SpeakerEncoder

        bound_threads()
        return SpeakerEncoder.from_pretrained(
            self.store(quiet=choice.quiet),
            name=choice.embedding,
            device=resolve_device(choice.device),
            threads=choice.threads or default_threads(),
        )

    def decode(self, recording: Recording, hook: Hook) -> Waveform:
        """Decode a recording, all channels kept, under the name that tells it from the others."""
        from pipeline.audio import decode

        return decode(recording.source, uri=recording.name, hook=hook)

    def audio(self, recording: Recording, hook: Hook) -> Waveform:
        """Decode a recording into one channel."""
        from pipeline.audio import downmix

        return downmix(self.decode(recording, hook))

    def store(self, *, quiet: bool = False) -> ModelStore:
        """Weights on this machine, fetched on first use."""
        from pipeline.cli.downloads import downloads
        from pipeline.models import ModelStore

        return ModelStore.from_environment(progress=downloads(quiet=quiet))


@dataclass(kw_only=True)
class Session:
    """One run of the command line."""

    loader: Loader = field(default_factory=Loader)
    debug: bool = False


def session(context: typer.Context) -> Session:
    """The session that `hansard.main` hands to every command."""
    found = context.find_object(Session)
    if found is None:
        message = "a command was run outside hansard.main"
        raise RuntimeError(message)
    return found
