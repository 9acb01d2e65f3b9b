"""Diarization error rate and Jaccard error rate, computed by pyannote.metrics.

Bredin, "pyannote.metrics: a toolkit for reproducible evaluation, diagnostic, and error analysis of speaker
diarization systems", Interspeech 2017. JER: Ryant et al., "The second DIHARD diarization challenge", 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.annotation import annotate
from pipeline.evaluation.rates import rate
from pipeline.extras import require
from pipeline.types import Segment, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class DiarizationErrors:
    """Seconds of error, and speakers; they add up over recordings."""

    total: float
    """Seconds of reference speech; overlapped speech counts once for each speaker."""
    miss: float
    false_alarm: float
    confusion: float
    jaccard: float
    """Sum of the Jaccard errors of the reference speakers, 0..1 each."""
    speakers: int
    """Speakers in the reference."""
    speakers_found: int
    """Speakers in the hypothesis."""
    count_error: int
    """Speakers too many or too few, never negative."""
    recordings: int = 1

    def __add__(self, other: DiarizationErrors) -> DiarizationErrors:
        """Errors of both together."""
        return DiarizationErrors(
            total=self.total + other.total,
            miss=self.miss + other.miss,
            false_alarm=self.false_alarm + other.false_alarm,
            confusion=self.confusion + other.confusion,
            jaccard=self.jaccard + other.jaccard,
            speakers=self.speakers + other.speakers,
            speakers_found=self.speakers_found + other.speakers_found,
            count_error=self.count_error + other.count_error,
            recordings=self.recordings + other.recordings,
        )

    @property
    def der(self) -> float | None:
        """Miss, false alarm and confusion as a share of the reference speech; None where there is none."""
        return rate(self.miss + self.false_alarm + self.confusion, self.total)

    @property
    def jer(self) -> float | None:
        """Mean Jaccard error of the reference speakers; None where there are none."""
        return rate(self.jaccard, self.speakers)


def diarization_errors(
    reference: Sequence[Turn],
    hypothesis: Sequence[Turn],
    *,
    scored: Sequence[Segment] | None = None,
    collar: float = 0.0,
    skip_overlap: bool = False,
) -> DiarizationErrors:
    """Compare turns, under the one-to-one mapping of speakers that agrees best.

    `scored` are the stretches that count (UEM); None: from 0 to the last end on either side. `collar` is left out on
    each side of every reference boundary, in seconds (DER only, as JER has none); `skip_overlap` leaves out
    overlapped reference speech (DER only). Raises `MissingDependency` where pyannote.metrics is not installed.
    """
    metrics = require("pyannote.metrics.diarization", "evaluation")
    timeline = _timeline(_everything([*reference, *hypothesis]) if scored is None else scored)
    truth, guess = annotate(reference), annotate(hypothesis)
    # pyannote's collar is the width of what is left out around a boundary: half of it on each side.
    der = metrics.DiarizationErrorRate(collar=2 * collar, skip_overlap=skip_overlap)
    parts = der(truth, guess, uem=timeline, detailed=True)
    jaccard = metrics.JaccardErrorRate()(truth, guess, uem=timeline, detailed=True)
    expected, found = len(truth.labels()), len(guess.labels())
    return DiarizationErrors(
        total=float(parts["total"]),
        miss=float(parts["missed detection"]),
        false_alarm=float(parts["false alarm"]),
        confusion=float(parts["confusion"]),
        jaccard=float(jaccard["speaker error"]),
        speakers=expected,
        speakers_found=found,
        count_error=abs(found - expected),
    )


def _everything(turns: Sequence[Turn]) -> tuple[Segment, ...]:
    return (Segment(0.0, max((turn.end for turn in turns), default=0.0)),)


def _timeline(segments: Sequence[Segment]) -> Any:  # noqa: ANN401 - a pyannote.core.Timeline, which has no annotations
    core = require("pyannote.core", "evaluation")
    return core.Timeline([core.Segment(segment.start, segment.end) for segment in segments if segment.duration])
