"""All scores of one recording, or of several together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TypeVar

from pipeline.evaluation.diarization_errors import DiarizationErrors, diarization_errors
from pipeline.evaluation.normalization import normalizer
from pipeline.evaluation.rates import rate
from pipeline.evaluation.recording import Recording, SpokenWord
from pipeline.evaluation.speaker_errors import SpeakerErrors, speaker_errors
from pipeline.evaluation.time_errors import TimeErrors, bias, median_error, percentile_error, time_errors
from pipeline.evaluation.word_errors import WordErrors, speaker_word_errors, word_errors

TIMED_SHARE = 0.9
"""Word times count where the reference times at least this share of its words: below it, the words that were left
out would be matched with others, seconds away."""
TAIL = 95.0
"""Percentile reported beside the median."""

Figures = dict[str, float | int | None]
Errors = TypeVar("Errors", DiarizationErrors, WordErrors, SpeakerErrors, TimeErrors)


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions:
    """How to score."""

    collar: float = 0.0
    """Seconds left out on each side of every reference boundary, for DER."""
    skip_overlap: bool = False
    """Leave overlapped reference speech out, for DER."""
    language: str = "en"
    """Of the text, ISO 639-1: chooses the normalizer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What could be scored; None where reference or hypothesis lacks what is needed."""

    uri: str
    diarization: DiarizationErrors | None = None
    words: WordErrors | None = None
    speaker_words: WordErrors | None = None
    speakers: SpeakerErrors | None = None
    times: TimeErrors | None = None

    @staticmethod
    def total(parts: Sequence[Scores], uri: str = "total") -> Scores:
        """All recordings as one: errors and totals add up, so long recordings weigh more."""
        return Scores(
            uri=uri,
            diarization=_sum([part.diarization for part in parts]),
            words=_sum([part.words for part in parts]),
            speaker_words=_sum([part.speaker_words for part in parts]),
            speakers=_sum([part.speakers for part in parts]),
            times=_sum([part.times for part in parts]),
        )

    def figures(self) -> Figures:
        """Every figure by name, always all of them: rates as shares of 1, times in seconds, None where unknown."""
        by_speaker: Figures = {
            "cpwer": None if self.speaker_words is None else self.speaker_words.wer,
            "wde": None if self.speakers is None else self.speakers.wde,
        }
        return (
            _diarization_figures(self.diarization) | _word_figures(self.words) | by_speaker | _time_figures(self.times)
        )


def evaluate(reference: Recording, hypothesis: Recording, options: EvaluationOptions | None = None) -> Scores:
    """Score one recording in every way that both sides allow.

    Raises `MissingDependency` where a package of the extra `evaluation` is not installed.
    """
    options = options or EvaluationOptions()
    normalize = normalizer(options.language)
    truth, guess = reference.words, hypothesis.words
    scores = Scores(uri=reference.uri, diarization=_diarization(reference, hypothesis, options))
    if truth is None or guess is None:
        return scores
    attributed = any(word.speaker is not None for word in guess) and any(word.speaker is not None for word in truth)
    timed = _comparable_times(reference) if hypothesis.timed is not None else None
    return Scores(
        uri=reference.uri,
        diarization=scores.diarization,
        words=word_errors(truth, guess, normalize),
        speaker_words=speaker_word_errors(truth, guess, normalize) if attributed else None,
        speakers=speaker_errors(truth, guess, normalize) if attributed else None,
        times=time_errors(timed, hypothesis.timed or (), normalize) if timed is not None else None,
    )


def _diarization(reference: Recording, hypothesis: Recording, options: EvaluationOptions) -> DiarizationErrors | None:
    if reference.turns is None or hypothesis.turns is None:
        return None
    return diarization_errors(
        reference.turns,
        hypothesis.turns,
        scored=reference.scored,
        collar=options.collar,
        skip_overlap=options.skip_overlap,
    )


def _comparable_times(reference: Recording) -> tuple[SpokenWord, ...] | None:
    """Timed reference words, where they are (nearly) all of the reference."""
    timed, words = reference.timed, reference.words
    if timed is None or words is None or len(timed) < TIMED_SHARE * len(words):
        return None
    return timed


def _sum(parts: Sequence[Errors | None]) -> Errors | None:
    known = [part for part in parts if part is not None]
    return reduce(add, known) if known else None


def _diarization_figures(errors: DiarizationErrors | None) -> Figures:
    if errors is None:
        names = ("der", "miss", "false_alarm", "confusion", "jer", "speech_seconds")
        return dict.fromkeys((*names, "speakers", "speakers_found", "speaker_count_error"))
    return {
        "der": errors.der,
        "miss": rate(errors.miss, errors.total),
        "false_alarm": rate(errors.false_alarm, errors.total),
        "confusion": rate(errors.confusion, errors.total),
        "jer": errors.jer,
        "speech_seconds": errors.total,
        "speakers": errors.speakers,
        "speakers_found": errors.speakers_found,
        "speaker_count_error": errors.count_error / errors.recordings,
    }


def _word_figures(errors: WordErrors | None) -> Figures:
    if errors is None:
        return dict.fromkeys(("wer", "substitutions", "deletions", "insertions", "words"))
    return {
        "wer": errors.wer,
        "substitutions": errors.substitutions,
        "deletions": errors.deletions,
        "insertions": errors.insertions,
        "words": errors.length,
    }


def _time_figures(errors: TimeErrors | None) -> Figures:
    starts, ends = ((), ()) if errors is None else (errors.starts, errors.ends)
    return {
        "timed_words": None if errors is None else len(starts),
        "start_median": median_error(starts),
        "start_p95": percentile_error(starts, TAIL),
        "start_bias": bias(starts),
        "end_median": median_error(ends),
        "end_p95": percentile_error(ends, TAIL),
        "end_bias": bias(ends),
    }
