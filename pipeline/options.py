"""Options are values: frozen, with units, one class a stage. Defaults were chosen by measurement (DECISIONS.md)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pipeline.errors import InvalidOption


def _require(condition: bool, message: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not condition:
        raise InvalidOption(message)


def _require_hysteresis(onset: float, offset: float) -> None:
    _require(0 <= offset <= onset <= 1, f"0 <= offset <= onset <= 1 does not hold: offset {offset}, onset {onset}")


ChannelPolicy = Literal["auto", "mix", "separate"]
DeviceName = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "float32", "bfloat16"]
Task = Literal["transcribe", "translate"]


@dataclass(frozen=True, kw_only=True)
class DecodeLimits:
    """What a recording may ask of the machine. Counted while decoding; headers are never believed."""

    max_seconds: float = 36_000.0
    """Longest recording, in decoded seconds."""
    min_seconds: float = 0.0
    """Shortest recording, in decoded seconds; a recording without a single sample is always refused."""
    max_channels: int = 16
    max_streams: int = 32
    max_bytes: int = 5_000_000_000
    """Largest file, in bytes."""


LONGEST_STEP = 9.9
"""Seconds; with a longer step some audio would be heard by no window."""


@dataclass(frozen=True, kw_only=True)
class SegmentationOptions:
    """How segmentation slides over a recording."""

    step: float = 1.5
    """Seconds between the starts of two windows; a window is 10 s long."""
    speech_step: float = 4.5
    """The same where nothing but speech is looked for, as on a channel that is one party's."""
    batch_size: int = 16
    """Windows a forward pass."""

    def __post_init__(self) -> None:
        for name in ("step", "speech_step"):
            step = getattr(self, name)
            _require(0 < step <= LONGEST_STEP, f"{name} must lie in (0, {LONGEST_STEP}] seconds, not {step}")
        _require(self.batch_size >= 1, f"batch_size must be 1 or more, not {self.batch_size}")


@dataclass(frozen=True, kw_only=True)
class VadOptions:
    """From speech probabilities to speech regions, by hysteresis."""

    onset: float = 0.6
    """Probability at which speech begins."""
    offset: float = 0.55
    """Probability below which it ends."""
    min_silence: float = 0.1
    """Shortest pause that splits two regions, in seconds."""
    min_speech: float = 0.0
    """Shortest region that is kept, in seconds."""
    pad: float = 0.0
    """Seconds added on both sides of a region."""

    def __post_init__(self) -> None:
        _require_hysteresis(self.onset, self.offset)
        _require(min(self.min_silence, self.min_speech, self.pad) >= 0, "durations must not be negative")


@dataclass(frozen=True, kw_only=True)
class OverlapOptions:
    """From overlap probabilities to stretches of overlapped speech, by hysteresis."""

    onset: float = 0.5
    """Probability at which overlap begins."""
    offset: float = 0.4
    """Probability below which it ends."""
    min_gap: float = 0.0
    """Shorter gaps are closed, in seconds."""
    min_duration: float = 0.0
    """Shorter stretches are dropped, in seconds."""

    def __post_init__(self) -> None:
        _require_hysteresis(self.onset, self.offset)
        _require(min(self.min_gap, self.min_duration) >= 0, "durations must not be negative")


@dataclass(frozen=True, kw_only=True)
class SpeakerChangeOptions:
    """From change scores to change points."""

    threshold: float = 0.25
    """Lowest score of a change."""
    min_distance: float = 0.3
    """Shortest time between two changes, in seconds."""
    memory: float = 0.25
    """Seconds of *speech* on either side that are compared; silence does not count."""

    def __post_init__(self) -> None:
        _require(0 <= self.threshold <= 1, f"threshold must lie in 0..1, not {self.threshold}")
        _require(self.min_distance >= 0, "min_distance must not be negative")
        _require(self.memory > 0, "memory must be more than 0 seconds")


@dataclass(frozen=True, kw_only=True)
class SpeakerCount:
    """How many voices to expect. Nothing given: found from the audio."""

    exactly: int | None = None
    at_least: int | None = None
    at_most: int | None = None
    strict: bool = False
    """Raise `SpeakerCountUnreachable` where the count cannot be honoured, instead of a notice in the result."""

    def __post_init__(self) -> None:
        for name in ("exactly", "at_least", "at_most"):
            value = getattr(self, name)
            if value is not None and value < 1:
                message = f"number of speakers ({name}) must be 1 or more, not {value}"
                raise InvalidOption(message)
        if self.exactly is not None and (self.at_least is not None or self.at_most is not None):
            message = "give either the exact number of speakers or bounds, not both"
            raise InvalidOption(message)
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            message = f"min_speakers ({self.at_least}) is larger than max_speakers ({self.at_most})"
            raise InvalidOption(message)

    @property
    def lower(self) -> int:
        """Fewest speakers allowed."""
        return self.exactly or self.at_least or 1

    @property
    def upper(self) -> int | None:
        """Most speakers allowed; None without a bound."""
        return self.exactly or self.at_most


@dataclass(frozen=True, kw_only=True)
class AsrOptions:
    """What is asked of the recognizer."""

    language: str | None = None
    """ISO 639-1 code; None detects it from the recording."""
    task: Task = "transcribe"
    initial_prompt: str | None = None
    """Text that precedes the recording, to set style and spelling."""
    hotwords: str | None = None
    """Words that are likely to be said, separated by spaces."""
    beam_size: int = 5
    """Texts followed at a time, at most."""
    batch_size: int | None = None
    """Chunks decoded together; None lets the recognizer decide: 8."""
    chunk_seconds: float = 26.0
    """Longest chunk, at most 30 s."""
    temperatures: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8)
    """Sampling temperatures tried, in order, where beam search gives a chunk that cannot be right."""
    max_no_speech: float = 0.75
    """Text is dropped where the model gives "no speech" a higher probability."""
    min_logprob: float = -1.0
    """Mean log-probability a token below which a chunk is decoded again."""
    max_compression_ratio: float = 2.4
    """zlib ratio above which text counts as a loop."""
    max_words_per_second: float = 6.0
    """Words a second of speech above which text cannot have been said."""

    def __post_init__(self) -> None:
        _require(self.beam_size >= 1, f"beam_size must be 1 or more, not {self.beam_size}")
        _require(
            self.batch_size is None or self.batch_size >= 1, f"batch_size must be 1 or more, not {self.batch_size}"
        )


@dataclass(frozen=True, kw_only=True)
class AlignmentOptions:
    """Where word times come from."""

    method: Literal["auto", "forced", "attention"] = "auto"
    """`auto`: forced alignment where an aligner speaks the language, attention elsewhere and where it fails."""


@dataclass(frozen=True, kw_only=True)
class AttributionOptions:
    """From words and turns to speaker-attributed words and utterances."""

    max_nearest: float = 2.0
    """A word outside every turn goes to the nearest turn within this many seconds, else to nobody."""
    snap: bool = True
    """Let words at the edge of a turn follow pauses and sentence ends, where the evidence is weak."""
    max_pause: float = 1.0
    """A longer pause between two words of one speaker starts a new utterance, in seconds."""


@dataclass(frozen=True, kw_only=True)
class RelabellingOptions:
    """What is listened to."""

    min_piece: float = 0.4
    """Shorter stretches keep their speaker, in seconds."""
    max_piece: float = 2.5
    """Longer stretches are cut evenly, in seconds."""
    min_model: float = 1.0
    """Shorter pieces have no say in what a voice sounds like, in seconds."""


@dataclass(frozen=True, kw_only=True)
class PauseOptions:
    """When a frame counts as a pause."""

    rise: float = 0.1
    """A frame is a pause if it rises above the noise floor by less than this share of what speech near it does (dB)."""
    reach: float = 0.5
    """"Near": within so many seconds on both sides."""
    max_drop: float = 45.0
    """The noise floor counts as at most this far below speech, in dB: breath and reverberation are above it."""
    min_snr: float = 12.0
    """Where speech stands out by less, in dB, energy says nothing."""
    quiet_speech: float = 0.1
    """Frames with a speech probability below this make the noise floor."""
    context: float = 20.0
    """Seconds on both sides over which the noise floor is averaged."""


@dataclass(frozen=True, kw_only=True)
class DiarizationOptions:
    """From local speakers in windows to who spoke when."""

    threshold: float | None = None
    """Dendrogram cut, a Euclidean distance of unit vectors; None takes the embedding model's own."""
    min_clean: float = 2.0
    """A local speaker is clustered if it is alone for this long in its window, in seconds; others are assigned."""
    min_known_clean: float = 1.0
    """The same where the number of speakers is known."""
    speech_onset: float = 0.5
    """Speech probability above which a frame has a speaker."""
    overlap_onset: float = 0.6
    """Overlap probability above which it has two."""
    relabel: bool = True
    """Listen once more to each stretch of one speaker and give it to the closest voice."""
    relabelling: RelabellingOptions = field(default_factory=RelabellingOptions)
    trim_pauses: bool = True
    """Leave out of turns what is as quiet as the background."""
    pauses: PauseOptions = field(default_factory=PauseOptions)
    min_pause: float = 0.1
    """Shorter quiet stretches stay in their turn, in seconds."""
    min_gap: float = 0.3
    """Shorter gaps inside one speaker's turns are filled, in seconds."""
    min_turn: float = 0.1
    """Shorter turns are dropped, in seconds."""

    def __post_init__(self) -> None:
        _require(self.threshold is None or self.threshold > 0, f"threshold must be more than 0, not {self.threshold}")
        _require(min(self.min_clean, self.min_known_clean) > 0, "min_clean must be more than 0 seconds")
        _require(min(self.min_pause, self.min_gap, self.min_turn) >= 0, "durations must not be negative")


@dataclass(frozen=True, kw_only=True)
class PipelineOptions:
    """Everything that shapes a transcript."""

    limits: DecodeLimits = field(default_factory=DecodeLimits)
    channels: ChannelPolicy = "auto"
    speakers: SpeakerCount = field(default_factory=SpeakerCount)
    segmentation: SegmentationOptions = field(default_factory=SegmentationOptions)
    # Generous: speech that the recognizer does not get to hear is lost, noise that it does costs time.
    vad: VadOptions = field(default_factory=lambda: VadOptions(onset=0.5, offset=0.35, min_silence=0.16))
    diarization: DiarizationOptions = field(default_factory=DiarizationOptions)
    asr: AsrOptions = field(default_factory=AsrOptions)
    alignment: AlignmentOptions = field(default_factory=AlignmentOptions)
    attribution: AttributionOptions = field(default_factory=AttributionOptions)

    def plain(self) -> dict[str, Any]:
        """All options as plain values, by stage, for the provenance of a result."""
        return asdict(self)
