"""What a speech recognition model must offer to serve in `Recognizer`. Times are seconds from the chunk's start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.asr.chunk_audio import ChunkAudio
from pipeline.options import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeRequest:
    """How to turn encoded chunks into text."""

    language: str
    """ISO 639-1 code."""
    task: Task = "transcribe"
    beam_size: int = 5
    """Ignored where `temperature` is above 0."""
    temperature: float = 0.0
    """0 searches for the likeliest text; above 0 it is sampled."""
    timestamps: bool = False
    """Let the model write when its segments begin and end."""
    prompt: str | None = None
    hotwords: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedText:
    """A stretch of a chunk's text between two of the model's own timestamps."""

    start: float
    end: float
    text: str
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """The text of one chunk."""

    text: str
    tokens: tuple[int, ...]
    """Text tokens only: no timestamps, no control tokens."""
    avg_logprob: float
    """Mean log-probability a token."""
    no_speech_prob: float
    """Probability the model gives to there being no speech."""
    probabilities: tuple[float, ...] | None = None
    """Of each token given the audio and the tokens before, 0..1; None where the search kept none."""
    temperature: float = 0.0
    segments: tuple[TimedText, ...] = ()
    """With timestamps: the same text in parts; empty without."""
    reached: float | None = None
    """With timestamps: up to where the model accounts for the audio; None without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardWord:
    """One written word of a hypothesis."""

    text: str
    """Punctuation attached, no white space."""
    tokens: tuple[int, ...]
    probability: float
    """Mean probability of the word's tokens given the audio and the words before, 0..1.

    From the search that found the text; where that keeps none (CTranslate2's), from one more pass of the decoder over
    the finished text: 7 CPU seconds an hour of speech. Honest: of 6,509 words of tiny.en those at .9 and more were
    right 99 times in 100, those at .7-.9 90, at .5-.7 75, below .5 53; area under the ROC curve .89.
    """
    start: float | None = None
    """By cross-attention, before the model's bias is taken off; None where times were not asked for."""
    end: float | None = None


class EncodedChunks(Protocol):
    """A batch of chunks that have been through the encoder."""

    def decode(self, request: DecodeRequest) -> Sequence[Hypothesis]:
        """Give one hypothesis a chunk."""

    def words(
        self,
        texts: Sequence[Sequence[int]],
        probabilities: Sequence[Sequence[float] | None],
        request: DecodeRequest,
        *,
        times: bool,
    ) -> Sequence[list[HeardWord]]:
        """Split one list of text tokens a chunk into words, with their probabilities and, if asked, times.

        `probabilities` are those of the tokens, where they are known. Together the words of a chunk hold all of its
        tokens, but for those that are nothing but white space.
        """

    def languages(self) -> Sequence[Mapping[str, float]]:
        """Give the probability of every language, by chunk."""


class AsrBackend(Protocol):
    """A loaded model."""

    @property
    def name(self) -> str:
        """Name of the model in the catalog, or any other that tells models apart."""

    @property
    def languages(self) -> Sequence[str]:
        """ISO 639-1 codes of the languages it knows; one alone makes language detection needless."""

    @property
    def translates(self) -> bool:
        """Whether the model can translate into English."""

    @property
    def attention_bias(self) -> float:
        """Seconds by which word starts by cross-attention are late, measured on this model; 0 where unknown."""

    @property
    def batch_size(self) -> int:
        """Chunks that it decodes together best where nobody says how many."""

    @property
    def mixes_lengths(self) -> bool:
        """Whether chunks of any length can share a batch; if not, those that are filled up alike can.

        Either way each gets the text that it gets on its own.
        """

    def padded_seconds(self, seconds: float) -> float:
        """Length to which a chunk of so many seconds is filled up."""

    def encode(self, chunks: Sequence[ChunkAudio]) -> EncodedChunks:
        """Run the encoder over chunks of at most 30 s.

        It may leave what it makes of a chunk in `ChunkAudio.encoded`, and take it from there next time.
        """
