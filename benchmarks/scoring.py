"""How good the answers are, by Hansard's own evaluation: the same code for everyone."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.protocol import Answer
from pipeline.evaluation import EvaluationOptions, Recording, Scores, SpokenWord, evaluate
from pipeline.types import Turn

COLLAR = 0.25
"""Seconds left out on each side of a boundary for DER25, which forgives what nobody hears."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Errors over all recordings, as shares of 1; None where truth or answer lacks what it takes."""

    wer: float | None
    insertions: float | None
    deletions: float | None
    cpwer: float | None
    der: float | None
    """No collar, overlapped speech scored."""
    der25: float | None
    """With a collar of 0.25 s, overlapped speech scored."""
    speakers_off: float | None
    """Speakers too many or too few, mean over the recordings."""


def score(truths: Sequence[Recording], answers: Sequence[Answer]) -> Quality:
    """Compare answers with the truths, in the same order. Raises `ValueError` where their numbers differ."""
    pairs = [(truth, _recording(truth.uri, answer)) for truth, answer in zip(truths, answers, strict=True)]
    scores = Scores.total([evaluate(truth, found) for truth, found in pairs])
    forgiving = EvaluationOptions(collar=COLLAR)
    turns = Scores.total([evaluate(_turns_of(truth), _turns_of(found), forgiving) for truth, found in pairs])
    words, diarization = scores.words, scores.diarization
    return Quality(
        wer=words.wer if words else None,
        insertions=words.insertions if words else None,
        deletions=words.deletions if words else None,
        cpwer=scores.speaker_words.wer if scores.speaker_words else None,
        der=diarization.der if diarization else None,
        der25=turns.diarization.der if turns.diarization else None,
        speakers_off=diarization.count_error / diarization.recordings if diarization else None,
    )


def typical(rounds: Sequence[Quality]) -> Quality:
    """The median of each figure over the rounds, which are alike unless a contestant draws by chance."""
    return Quality(
        wer=_median([quality.wer for quality in rounds]),
        insertions=_median([quality.insertions for quality in rounds]),
        deletions=_median([quality.deletions for quality in rounds]),
        cpwer=_median([quality.cpwer for quality in rounds]),
        der=_median([quality.der for quality in rounds]),
        der25=_median([quality.der25 for quality in rounds]),
        speakers_off=_median([quality.speakers_off for quality in rounds]),
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _turns_of(recording: Recording) -> Recording:
    return replace(recording, words=None, timed=None)


def _recording(uri: str, answer: Answer) -> Recording:
    turns, words = answer.turns, answer.words
    return Recording(
        uri=uri,
        turns=None
        if turns is None
        else tuple(Turn(start=turn.start, end=turn.end, speaker=turn.speaker) for turn in turns),
        words=None
        if words is None
        else tuple(
            SpokenWord(text=word.text, start=word.start, end=word.end, speaker=word.speaker)
            for word in sorted(words, key=lambda word: word.start)
        ),
    )
