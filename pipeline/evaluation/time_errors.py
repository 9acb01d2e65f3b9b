"""How far word times are from those of a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.matching import matched_words
from pipeline.evaluation.normalization import Normalizer
from pipeline.evaluation.recording import SpokenWord


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeErrors:
    """Differences hypothesis - reference of words recognized correctly, in seconds; they add up over recordings."""

    starts: tuple[float, ...]
    ends: tuple[float, ...]

    def __add__(self, other: TimeErrors) -> TimeErrors:
        """Differences of both together."""
        return TimeErrors(starts=self.starts + other.starts, ends=self.ends + other.ends)


def time_errors(reference: Sequence[SpokenWord], hypothesis: Sequence[SpokenWord], normalize: Normalizer) -> TimeErrors:
    """Compare starts and ends of matched words. Raises `MissingDependency` where jiwer is not installed."""
    pairs = matched_words(reference, hypothesis, normalize)
    return TimeErrors(
        starts=tuple(guess.start - truth.start for truth, guess in pairs),
        ends=tuple(guess.end - truth.end for truth, guess in pairs),
    )


def median_error(differences: Sequence[float]) -> float | None:
    """Median size of the differences; None without any."""
    return float(np.median(np.abs(differences))) if differences else None


def percentile_error(differences: Sequence[float], percent: float) -> float | None:
    """Size that `percent` of the differences do not exceed; None without any."""
    return float(np.percentile(np.abs(differences), percent)) if differences else None


def bias(differences: Sequence[float]) -> float | None:
    """Median of the signed differences: positive where the hypothesis is late; None without any."""
    return float(np.median(differences)) if differences else None
