"""What a drift of data, models or thresholds shows in, by tenant and model."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

from prometheus_client import Counter, Histogram

from workers.metrics import REAL_TIME_FACTOR, STAGE_SECONDS

SHARES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
MOST_TENANTS: Final = 200
"""Tenants of a process that are told apart: each costs some 110 series for every model it uses. SQL tells all apart."""
OTHERS: Final = "others"
_LABELS: Final = ("tenant", "model")

AUDIO_SECONDS = Counter("hansard_audio_seconds", "Audio of finished jobs.", _LABELS)
SPEECH = Histogram("hansard_speech_ratio", "Share of a recording that is speech.", _LABELS, buckets=SHARES)
WORD_RATE = Histogram(
    "hansard_words_per_speech_second",
    "Words in a second of speech.",
    _LABELS,
    buckets=(0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5),
)
LOW_CONFIDENCE = Histogram(
    "hansard_low_confidence_words_ratio", "Share of a result's words below 0.5.", _LABELS, buckets=SHARES
)
UNATTRIBUTED = Histogram(
    "hansard_unattributed_words_ratio", "Share of a result's words without a speaker.", _LABELS, buckets=SHARES
)
SPEAKER_MARGIN = Histogram(
    "hansard_speaker_margin_ratio", "By how much a word's speaker leads over the next.", _LABELS, buckets=SHARES
)
TURN_CONFIDENCE = Histogram(
    "hansard_turn_confidence_ratio", "How sure a result's turns are of their speaker.", _LABELS, buckets=SHARES
)
OVERLAP = Histogram("hansard_overlap_ratio", "Share of speech during which two speak.", _LABELS, buckets=SHARES)
SPEAKERS = Histogram("hansard_speakers", "Speakers found.", _LABELS, buckets=(0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20))
DROPPED = Counter("hansard_dropped_spans", "Text judged not to have been said.", (*_LABELS, "reason"))
WARNINGS = Counter("hansard_warnings", "Notices of results.", (*_LABELS, "code"))

_FIGURES: Final[Mapping[str, tuple[Histogram, float]]] = {
    "speech": (SPEECH, 1.0),
    "words_per_minute_of_speech": (WORD_RATE, 1 / 60),
    "low_confidence_words": (LOW_CONFIDENCE, 1.0),
    "unattributed_words": (UNATTRIBUTED, 1.0),
    "speaker_margin": (SPEAKER_MARGIN, 1.0),
    "turn_confidence": (TURN_CONFIDENCE, 1.0),
    "overlap": (OVERLAP, 1.0),
    "speakers": (SPEAKERS, 1.0),
}
"""Figures of `api.results.quality`, and what they are multiplied with."""


class TenantLabels:
    """Names of tenants for labels: those that came first, and one for all others."""

    def __init__(self, most: int = MOST_TENANTS) -> None:
        self._most = most
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, tenant: str) -> str:
        """Give the label of a tenant."""
        with self._lock:
            if tenant not in self._known and len(self._known) < self._most:
                self._known.add(tenant)
            return tenant if tenant in self._known else OTHERS


_LABEL_OF: Final = TenantLabels()


def observe_result(
    tenant: str, model: str, duration: float, stage_seconds: Mapping[str, float], quality: Mapping[str, Any]
) -> None:
    """Count one result: its cost, and the figures of its quality."""
    labels = (_LABEL_OF(tenant), model)
    AUDIO_SECONDS.labels(*labels).inc(duration)
    for stage, seconds in stage_seconds.items():
        # The recording was decoded by another worker; what the pipeline calls so is the mixing of channels.
        STAGE_SECONDS.labels("downmix" if stage == "decode" else stage).observe(seconds)
    if duration:
        REAL_TIME_FACTOR.labels(model).observe(sum(stage_seconds.values()) / duration)
    for name, (histogram, factor) in _FIGURES.items():
        if quality[name] is not None:
            histogram.labels(*labels).observe(quality[name] * factor)
    for reason, number in quality["dropped_spans"].items():
        DROPPED.labels(*labels, reason).inc(number)
    for code, number in quality["warnings"].items():
        WARNINGS.labels(*labels, code).inc(number)
