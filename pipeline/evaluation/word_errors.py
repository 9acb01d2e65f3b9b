"""Word error rate (jiwer), and the same with speakers: cpWER (meeteval).

cpWER: Watanabe et al., "CHiME-6 challenge", 2020: the words of each speaker as one text, under the assignment of
hypothesis speakers to reference speakers that gives the fewest errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.evaluation.normalization import Normalizer, normalized_text
from pipeline.evaluation.rates import rate
from pipeline.evaluation.recording import SpokenWord
from pipeline.extras import require

NOBODY = "(nobody)"
"""Words without a speaker count as one speaker's: they were said, and belong to none of the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordErrors:
    """Words substituted, deleted and inserted; they add up over recordings."""

    substitutions: int
    deletions: int
    insertions: int
    length: int
    """Words in the reference."""

    def __add__(self, other: WordErrors) -> WordErrors:
        """Errors of both together."""
        return WordErrors(
            substitutions=self.substitutions + other.substitutions,
            deletions=self.deletions + other.deletions,
            insertions=self.insertions + other.insertions,
            length=self.length + other.length,
        )

    @property
    def errors(self) -> int:
        """All three together."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def wer(self) -> float | None:
        """Errors as a share of the words in the reference; None where there are none."""
        return rate(self.errors, self.length)


def word_errors(reference: Sequence[SpokenWord], hypothesis: Sequence[SpokenWord], normalize: Normalizer) -> WordErrors:
    """Compare words whoever said them. Raises `MissingDependency` where jiwer is not installed."""
    jiwer = require("jiwer", "evaluation")
    found = jiwer.process_words(normalized_text(reference, normalize), normalized_text(hypothesis, normalize))
    return WordErrors(
        substitutions=found.substitutions,
        deletions=found.deletions,
        insertions=found.insertions,
        length=found.hits + found.substitutions + found.deletions,
    )


def speaker_word_errors(
    reference: Sequence[SpokenWord], hypothesis: Sequence[SpokenWord], normalize: Normalizer
) -> WordErrors:
    """Compare words speaker by speaker (cpWER). Raises `MissingDependency` where meeteval is not installed."""
    meeteval = require("meeteval", "evaluation")
    found = meeteval.wer.cp_word_error_rate(
        _by_speaker(reference, normalize),
        _by_speaker(hypothesis, normalize),
        # The words are in order already, and texts by speaker have no times to sort by.
        reference_sort=False,
        hypothesis_sort=False,
    )
    return WordErrors(
        substitutions=found.substitutions,
        deletions=found.deletions,
        insertions=found.insertions,
        length=found.length,
    )


def _by_speaker(words: Sequence[SpokenWord], normalize: Normalizer) -> dict[str, str]:
    spoken: dict[str, list[SpokenWord]] = {}
    for word in words:
        spoken.setdefault(NOBODY if word.speaker is None else word.speaker, []).append(word)
    return {speaker: normalized_text(said, normalize) for speaker, said in spoken.items()}
