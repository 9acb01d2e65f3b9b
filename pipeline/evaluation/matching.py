"""Words of a reference and a hypothesis that are the same word at the same place."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.evaluation.normalization import Normalizer, normalized_tokens
from pipeline.evaluation.recording import SpokenWord
from pipeline.extras import require


def matched_words(
    reference: Sequence[SpokenWord], hypothesis: Sequence[SpokenWord], normalize: Normalizer
) -> list[tuple[SpokenWord, SpokenWord]]:
    """Pairs (reference word, hypothesis word) that the alignment with the fewest word errors makes equal.

    A word that normalizes to two tokens can be in two pairs. Raises `MissingDependency` where jiwer is not installed.
    """
    truth, guess = normalized_tokens(reference, normalize), normalized_tokens(hypothesis, normalize)
    if not truth or not guess:
        return []
    jiwer = require("jiwer", "evaluation")
    aligned = jiwer.process_words(" ".join(token for token, _ in truth), " ".join(token for token, _ in guess))
    return [
        (truth[chunk.ref_start_idx + step][1], guess[chunk.hyp_start_idx + step][1])
        for chunk in aligned.alignments[0]
        if chunk.type == "equal"
        for step in range(chunk.ref_end_idx - chunk.ref_start_idx)
    ]
