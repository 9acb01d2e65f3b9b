"""What a forced aligner must offer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.types import FloatArray


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """Where a word was said, in seconds from the start of the samples."""

    start: float
    end: float
    score: float
    """How well the audio fits the word: mean log-likelihood a frame (natural logarithm), but for a constant of the
    aligner's."""


class ForcedAligner(Protocol):
    """Places known words in audio."""

    @property
    def name(self) -> str:
        """Name of the acoustic model, for the provenance of a result."""

    @property
    def languages(self) -> Collection[str]:
        """ISO 639-1 codes of the languages it speaks."""

    def align(self, samples: FloatArray, words: Sequence[str]) -> list[AlignedWord | None] | None:
        """Place words, in order, in 16 kHz samples, (samples,).

        Gives one entry a word, None for a word that cannot be pronounced (a lone sign); None altogether where no
        path through the audio was found.
        """
