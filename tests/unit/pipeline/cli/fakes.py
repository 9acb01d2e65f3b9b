"""Stand-ins for loaded models: they answer for every recording without hearing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np

from pipeline.cli.recordings import Recording
from pipeline.cli.session import Choice, Loader
from pipeline.embedding.local_speakers import LocalSpeakers
from pipeline.embedding.profile import CAMPPLUS
from pipeline.errors import EmptyFile, ModelUnavailable, SourceNotFound, UnsupportedFormat
from pipeline.hooks import Hook
from pipeline.models import Catalog, ModelStatus
from pipeline.options import DiarizationOptions, PipelineOptions, SpeakerCount
from pipeline.segmentation.segmenter import WINDOW_FRAMES, Segmentation
from pipeline.transcription import TranscriptionPipeline
from pipeline.types import (
    AttributionMethod,
    Diarization,
    FloatArray,
    ModelRecord,
    Notice,
    Speaker,
    SpeakerEvidence,
    Timing,
    Transcript,
    Turn,
    Utterance,
    Word,
)
from pipeline.waveform import SAMPLE_RATE, Waveform

SECONDS = 30.0
TURN = Turn(start=1.0, end=2.0, speaker="SPEAKER_00")
DIARIZATION = Diarization(turns=(TURN,), exclusive=(TURN,), speakers=(Speaker(label="SPEAKER_00", speech_seconds=1.0),))


def transcript(uri: str) -> Transcript:
    """Two words by one speaker in 30 s."""
    evidence = SpeakerEvidence(confidence=1.0, margin=1.0, overlap=0.0, method=AttributionMethod.EXCLUSIVE)
    words = tuple(
        Word(
            text=text,
            start=start,
            end=start + 0.5,
            confidence=0.9,
            timing=Timing.ALIGNED,
            speaker="SPEAKER_00",
            evidence=evidence,
        )
        for text, start in (("Good", 1.0), ("morning.", 1.5))
    )
    return Transcript(
        uri=uri,
        duration=SECONDS,
        channels=1,
        language="en",
        language_confidence=None,
        words=words,
        utterances=(Utterance(speaker="SPEAKER_00", words=words),),
        segments=(),
        diarization=DIARIZATION,
        speech=(TURN.segment,),
        dropped=(),
        notices=(Notice("quiet", "the recording is very quiet"),),
    )


def segmentation() -> Segmentation:
    """Ten seconds: silence, one voice, two at once, another voice."""
    classes = np.zeros((1, WINDOW_FRAMES, 7), dtype=np.float16)
    for number, powerset_class in enumerate((0, 1, 4, 2)):
        classes[:, number * 148 : (number + 1) * 148, powerset_class] = 1
    return Segmentation(classes, np.zeros(1, dtype=np.int64), 10.0)


class FakeDiarization:
    """Finds one turn in everything."""

    clustering = SimpleNamespace(cut=0.7)
    precision = "float32"

    def __init__(self) -> None:
        self.segmenter = FakeSegmenter()

    def with_options(self, options: DiarizationOptions) -> FakeDiarization:
        """Options change nothing."""
        return self

    def embed(self, audio: Waveform, segmentation: Segmentation, hook: Hook) -> LocalSpeakers:
        """No voice."""
        return LocalSpeakers(*np.zeros((3, 0, 3), dtype=np.float32))

    def diarize(
        self, audio: Waveform, segmentation: Segmentation, count: SpeakerCount, hook: Hook, local: LocalSpeakers
    ) -> Diarization:
        """One speaker among all."""
        hook("clustering", audio.duration, audio.duration)
        return DIARIZATION

    def single_voice(self, audio: Waveform, segmentation: Segmentation, label: str, channel: int) -> Diarization:
        """The channel's own; the second channel's begins half a second before the first one's."""
        start = TURN.start - channel / 2
        turn = replace(TURN, start=start, speaker=label, channel=channel)
        speaker = Speaker(label=label, speech_seconds=turn.duration, channel=channel)
        return Diarization(turns=(turn,), exclusive=(turn,), speakers=(speaker,))


@dataclass
class FakeSegmenter:
    """Hears the same in every recording, and remembers what for."""

    device: str = "cpu"
    heard_for: list[str] = field(default_factory=list)

    def __call__(self, audio: Waveform, hook: Hook) -> Segmentation:
        """Give a segmentation that does not depend on the recording."""
        return self._hear(audio, hook, "voices")

    def for_speech(self, audio: Waveform, hook: Hook) -> Segmentation:
        """Give the same."""
        return self._hear(audio, hook, "speech")

    def _hear(self, audio: Waveform, hook: Hook, purpose: str) -> Segmentation:
        self.heard_for.append(purpose)
        hook("segmentation", audio.duration, audio.duration)
        return segmentation()


class FakeEncoder:
    """Every voice is the same."""

    profile = CAMPPLUS
    dimension = 2

    def embed(self, audio: Waveform) -> FloatArray:
        """Give a vector of unit norm."""
        return np.array([0.6, 0.8])


@dataclass
class FakeStore:
    """Models by name, without files."""

    here: dict[str, bool] = field(default_factory=dict)
    """Whether each model that is here is intact."""
    unavailable: set[str] = field(default_factory=set)
    pulled: list[str] = field(default_factory=list)
    cache: Path = Path("/models")

    def path(self, name: str) -> Path:
        """Where it would lie."""
        return self.cache / name

    def pull(self, name: str) -> Path:
        """Remember what was fetched."""
        if name in self.unavailable:
            raise ModelUnavailable
        self.pulled.append(name)
        return self.path(name)

    def verify(self, name: str) -> None:
        """Refuse names that are not known."""
        _ = Catalog.load()[name]

    def status(self, *, verify: bool = False) -> list[ModelStatus]:
        """One row a model of the real catalog."""
        return [
            ModelStatus(
                name=model.name,
                kind=model.kind,
                licence=model.licence,
                size=model.size,
                present=model.name in self.here,
                verified=self.here.get(model.name) if verify else None,
                source="somewhere",
            )
            for model in Catalog.load().models.values()
        ]


@dataclass
class FakeLoader(Loader):
    """Loads nothing, and remembers what it was asked for.

    A recording whose bytes begin with `bad` cannot be decoded; `on_call` runs before each recording.
    """

    choices: list[Choice] = field(default_factory=list)
    options: list[PipelineOptions] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    segmented_for: list[str] = field(default_factory=list)
    load_error: Exception | None = None
    on_call: Callable[[str], None] = lambda _uri: None
    models: FakeStore = field(default_factory=FakeStore)
    channels: int = 1

    def transcription(self, choice: Choice, options: PipelineOptions) -> Any:
        """Record the choice; give a pipeline that hears nothing."""
        if self.load_error is not None:
            raise self.load_error
        self.choices.append(choice)
        self.options.append(options)
        return self._transcribe

    def diarization(self, choice: Choice, options: PipelineOptions) -> TranscriptionPipeline:
        """Give a pipeline that finds one turn in everything."""
        self.options.append(options)
        models = (ModelRecord(kind="embedding", name=choice.embedding, sha256="00"),)
        return TranscriptionPipeline(FakeDiarization(), None, options=options, models=models)  # type: ignore[arg-type]

    def segmenter(self, choice: Choice) -> Any:
        """Give a segmentation that does not depend on the recording."""
        return FakeSegmenter(heard_for=self.segmented_for)

    def encoder(self, choice: Choice) -> Any:
        """Give an encoder to which every voice is the same."""
        return FakeEncoder()

    def decode(self, recording: Recording, hook: Hook) -> Waveform:
        """Ten seconds of silence, if there is anything to decode."""
        source = recording.source
        if isinstance(source, Path) and not source.exists():
            raise SourceNotFound
        if not isinstance(source, Path) and not source.read():
            raise EmptyFile
        return Waveform(stored=np.zeros((self.channels, 10 * SAMPLE_RATE), dtype=np.float32), uri=recording.name)

    def store(self, *, quiet: bool = False) -> Any:
        """Give models without files."""
        return self.models

    def _transcribe(self, source: Path | BinaryIO, hook: Hook) -> Transcript:
        uri, content = (source.stem, source.read_bytes()) if isinstance(source, Path) else ("audio", source.read())
        if not content:
            raise EmptyFile
        self.heard.append(uri)
        self.on_call(uri)
        if content.startswith(b"bad"):
            message = f"{uri} holds text, not audio"
            raise UnsupportedFormat(message)
        hook("asr", SECONDS, SECONDS)
        return transcript(uri)
