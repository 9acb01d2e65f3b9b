"""Word-diarization error: of the words that were recognized correctly, the share given to the wrong speaker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.matching import matched_words
from pipeline.evaluation.normalization import Normalizer
from pipeline.evaluation.rates import rate
from pipeline.evaluation.recording import SpokenWord
from pipeline.extras import require


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerErrors:
    """Correctly recognized words, and those of them with the wrong speaker or none; they add up over recordings."""

    wrong: int
    words: int

    def __add__(self, other: SpeakerErrors) -> SpeakerErrors:
        """Errors of both together."""
        return SpeakerErrors(wrong=self.wrong + other.wrong, words=self.words + other.words)

    @property
    def wde(self) -> float | None:
        """Share of the correctly recognized words; None where there are none."""
        return rate(self.wrong, self.words)


def speaker_errors(
    reference: Sequence[SpokenWord], hypothesis: Sequence[SpokenWord], normalize: Normalizer
) -> SpeakerErrors:
    """Count wrong speakers under the one-to-one mapping of labels with the fewest.

    The mapping is Kuhn's assignment over the counts of (reference label, hypothesis label). Raises
    `MissingDependency` where jiwer or scipy is not installed.
    """
    pairs = matched_words(reference, hypothesis, normalize)
    counts = Counter((truth.speaker, guess.speaker) for truth, guess in pairs)
    return SpeakerErrors(wrong=len(pairs) - _agreeing(counts), words=len(pairs))


def _agreeing(counts: Counter[tuple[str | None, str | None]]) -> int:
    """Words whose labels agree under the best one-to-one mapping; no label agrees with no label."""
    rows = sorted({truth for truth, _ in counts if truth is not None})
    columns = sorted({guess for _, guess in counts if guess is not None})
    if not rows or not columns:
        return 0
    table = np.array([[counts[truth, guess] for guess in columns] for truth in rows])
    chosen = require("scipy.optimize", "evaluation").linear_sum_assignment(table, maximize=True)
    return int(table[chosen].sum())
