"""What a worker counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from prometheus_client import Counter, Gauge, Histogram

SECONDS: Final = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000)
SHARES: Final = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)

ATTEMPTS = Counter("hansard_attempts", "Attempts at jobs, by how they ended.", ("pool", "outcome"))
QUEUED = Gauge("hansard_queued_jobs", "Jobs that wait for a worker.", ("pool", "priority"))
QUEUE_AGE = Gauge("hansard_queue_age_seconds", "How long the job that waits longest has waited.", ("pool", "priority"))
REAPED = Counter("hansard_leases_expired", "Jobs whose worker was lost.")
WEBHOOK_ATTEMPTS = Counter("hansard_webhook_attempts", "Webhooks posted, by what came of it.", ("outcome",))
RUNNING = Gauge("hansard_running_jobs", "Jobs at which this worker is.", ("pool",))
STAGE_SECONDS = Histogram("hansard_stage_seconds", "Wall-clock time of a stage.", ("stage",), buckets=SECONDS)
AUDIO_SECONDS = Counter("hansard_audio_seconds", "Audio of finished jobs.", ("tenant", "model"))
REAL_TIME_FACTOR = Histogram(
    "hansard_real_time_factor",
    "Seconds of work for a second of audio.",
    ("model",),
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
)
LOW_CONFIDENCE = Histogram(
    "hansard_low_confidence_words", "Share of a result's words below 0.5.", ("tenant", "model"), buckets=SHARES
)
UNATTRIBUTED = Histogram(
    "hansard_unattributed_words", "Share of a result's words without a speaker.", ("tenant", "model"), buckets=SHARES
)
SPEAKER_MARGIN = Histogram(
    "hansard_speaker_margin", "By how much the speaker leads over the next.", ("tenant", "model"), buckets=SHARES
)
OVERLAP = Histogram("hansard_overlap", "Share of speech during which two speak.", ("tenant", "model"), buckets=SHARES)
SPEECH = Histogram("hansard_speech", "Share of a recording that is speech.", ("tenant", "model"), buckets=SHARES)
SPEAKERS = Histogram(
    "hansard_speakers", "Speakers found.", ("tenant", "model"), buckets=(0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20)
)
DROPPED = Counter("hansard_dropped_spans", "Text judged not to have been said.", ("tenant", "model", "reason"))
WARNINGS = Counter("hansard_warnings", "Notices of results.", ("tenant", "model", "code"))

_SHARES_OF: Final[Mapping[str, Histogram]] = {
    "low_confidence_words": LOW_CONFIDENCE,
    "unattributed_words": UNATTRIBUTED,
    "speaker_margin": SPEAKER_MARGIN,
    "overlap": OVERLAP,
    "speech": SPEECH,
    "speakers": SPEAKERS,
}


def observe_result(
    tenant: str, model: str, duration: float, stage_seconds: Mapping[str, float], quality: Mapping[str, Any]
) -> None:
    """Count one result: its cost, and what a drift of data, model or thresholds would show in."""
    labels = (tenant, model)
    AUDIO_SECONDS.labels(*labels).inc(duration)
    for stage, seconds in stage_seconds.items():
        STAGE_SECONDS.labels(stage).observe(seconds)
    if duration:
        REAL_TIME_FACTOR.labels(model).observe(sum(stage_seconds.values()) / duration)
    for name, histogram in _SHARES_OF.items():
        if quality[name] is not None:
            histogram.labels(*labels).observe(quality[name])
    for reason, number in quality["dropped_spans"].items():
        DROPPED.labels(*labels, reason).inc(number)
    for code, number in quality["warnings"].items():
        WARNINGS.labels(*labels, code).inc(number)
