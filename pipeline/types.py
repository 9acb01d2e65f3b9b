"""The shapes that travel between the stages: time, turns, words, transcripts.

All times are seconds from the start of the recording. Every shape is frozen: a stage returns a new value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
PcmArray = NDArray[np.int16]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

UNDETERMINED = "und"
"""ISO 639-2 code for a language that nobody determined."""


@dataclass(frozen=True, order=True, slots=True)
class Segment:
    """A half-open stretch of time, [start, end), in seconds."""

    start: float
    end: float

    @property
    def duration(self) -> float:
        """Length in seconds; zero where the end does not lie after the start."""
        return max(0.0, self.end - self.start)

    @property
    def middle(self) -> float:
        """The instant half way between start and end."""
        return (self.start + self.end) / 2

    def overlap(self, other: Segment) -> float:
        """Seconds that both stretches share."""
        return max(0.0, min(self.end, other.end) - max(self.start, other.start))


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the reader of a result should know, that did not stop the work.

    `code` is stable and meant for programs, `message` says what happened and what can be done.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One stretch in which one speaker holds the floor."""

    start: float
    end: float
    speaker: str
    confidence: float | None = None
    """Mean probability that the speaker is active in the turn, over the windows that heard it, 0..1: low where windows
    disagree about who it is, or whether anybody speaks. None in a turn that was read from a file."""
    channel: int | None = None

    @property
    def segment(self) -> Segment:
        """The stretch of time alone."""
        return Segment(self.start, self.end)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.segment.duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """One voice of a recording."""

    label: str
    speech_seconds: float
    embedding: tuple[float, ...] | None = None
    """Unit-norm centroid in the space of the embedding model; None where the voice was not heard alone long enough."""
    channel: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diarization:
    """Who spoke when."""

    turns: tuple[Turn, ...]
    """Regular diarization: turns of different speakers may overlap. In order of start."""
    exclusive: tuple[Turn, ...]
    """Exclusive diarization: the same with at most one speaker at any time. In order of start."""
    speakers: tuple[Speaker, ...]
    """In order of first appearance; `turns` hold these labels and no others."""
    notices: tuple[Notice, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Speaker labels in order of first appearance."""
        return tuple(speaker.label for speaker in self.speakers)

    def _repr_png_(self) -> bytes | None:
        """Draw who speaks when, in a notebook; nothing where matplotlib is not installed."""
        return _drawn(self)


class Timing(StrEnum):
    """Where the start and end of a word come from."""

    ALIGNED = "aligned"
    """Forced alignment of the words to the audio by an acoustic model."""
    ATTENTION = "attention"
    """The recognizer's cross-attention."""
    INTERPOLATED = "interpolated"
    """Spread between timed neighbours."""


class AttributionMethod(StrEnum):
    """How a word got its speaker."""

    EXCLUSIVE = "exclusive"
    """The word overlaps the speaker's exclusive turns."""
    NEAREST = "nearest"
    """The word overlaps no turn; the speaker's is the nearest."""
    CHANNEL = "channel"
    """The word was heard on the speaker's own channel."""
    VOICEPRINT = "voiceprint"
    """The voice matches a known speaker's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerEvidence:
    """Why a word belongs to its speaker."""

    confidence: float
    """Share of the word's evidence that speaks for its speaker, 0..1."""
    margin: float
    """Confidence less that of the runner-up, 0..1."""
    overlap: float
    """Share of the word during which somebody else speaks as well, 0..1."""
    method: AttributionMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One written word with its time, and its speaker once attributed."""

    text: str
    """As written, punctuation attached, no white space."""
    start: float
    end: float
    confidence: float
    """The recognizer's probability for the word, 0..1."""
    timing: Timing
    channel: int | None = None
    speaker: str | None = None
    evidence: SpeakerEvidence | None = None
    """None exactly where `speaker` is None."""

    @property
    def segment(self) -> Segment:
        """The stretch of time alone."""
        return Segment(self.start, self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizedSegment:
    """One stretch of audio that was decoded as a whole, with what the recognizer said of it."""

    start: float
    end: float
    text: str
    words: tuple[Word, ...]
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    temperature: float
    channel: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedSpan:
    """Recognized text that was judged not to have been said, and why."""

    start: float
    end: float
    text: str
    reason: str
    """`no_speech` | `low_logprob` | `repetition` | `too_many_words` | `no_letters` | `outside_speech`."""
    channel: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What was said, before anyone asked by whom."""

    segments: tuple[RecognizedSegment, ...]
    dropped: tuple[DroppedSpan, ...]
    language: str
    language_confidence: float | None
    """None where the language was given or the model knows only one."""
    notices: tuple[Notice, ...] = ()

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of all segments, in order."""
        return tuple(word for segment in self.segments for word in segment.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """Consecutive words of one speaker without a long pause between them; never empty."""

    speaker: str | None
    words: tuple[Word, ...]
    channel: int | None = None

    @property
    def start(self) -> float:
        """Start of the first word."""
        return self.words[0].start

    @property
    def end(self) -> float:
        """End of the last word to end."""
        return max(word.end for word in self.words)

    @property
    def text(self) -> str:
        """The words, separated by spaces."""
        return " ".join(word.text for word in self.words)

    @property
    def confidence(self) -> float:
        """Mean word confidence, 0..1."""
        return sum(word.confidence for word in self.words) / len(self.words)

    @property
    def overlap(self) -> float:
        """Mean share of the words during which somebody else speaks as well, 0..1."""
        return sum(word.evidence.overlap for word in self.words if word.evidence) / len(self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """One model that had a part in a result."""

    kind: str
    """`segmentation` | `embedding` | `asr` | `alignment`."""
    name: str
    sha256: str | None
    """Digest of the weights file; None for a model that came from elsewhere than the catalog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How a result was made."""

    version: str
    """Version of this software."""
    models: tuple[ModelRecord, ...]
    options: Mapping[str, Any]
    """All options by stage, as plain values."""
    device: str
    stage_seconds: Mapping[str, float]
    """Wall-clock seconds by stage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """Who said what, when."""

    uri: str
    """Name of the recording, for people and for RTTM; never a path."""
    duration: float
    """Seconds of audio, counted while decoding."""
    channels: int
    """Channels of the recording."""
    language: str
    language_confidence: float | None
    words: tuple[Word, ...]
    """In order of start."""
    utterances: tuple[Utterance, ...]
    """In order of start."""
    segments: tuple[RecognizedSegment, ...]
    """The recognizer's own segments, in order of start."""
    diarization: Diarization
    speech: tuple[Segment, ...]
    """Stretches in which anyone speaks, on any channel."""
    dropped: tuple[DroppedSpan, ...]
    notices: tuple[Notice, ...]
    provenance: Provenance = field(
        default_factory=lambda: Provenance(version="", models=(), options={}, device="", stage_seconds={})
    )

    @property
    def text(self) -> str:
        """Everything that was said, one utterance a line, without speakers."""
        return "\n".join(utterance.text for utterance in self.utterances)

    def _repr_png_(self) -> bytes | None:
        """Draw who speaks when, in a notebook; nothing where matplotlib is not installed."""
        return _drawn(self)


def rename_speakers(turns: Sequence[Turn]) -> dict[str, str]:
    """Map the labels found in `turns` to SPEAKER_00, SPEAKER_01, … in order of first appearance."""
    order = dict.fromkeys(turn.speaker for turn in sorted(turns, key=lambda turn: (turn.start, turn.end)))
    return {label: f"SPEAKER_{number:02d}" for number, label in enumerate(order)}


def _drawn(shown: Diarization | Transcript) -> bytes | None:
    # Drawing is built on these shapes, so it can only be looked up when a notebook asks for it.
    picture: bytes | None = import_module("pipeline.annotation").notebook_png(shown)
    return picture
