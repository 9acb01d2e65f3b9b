"""What a drift shows in: figures of one result, for metrics by tenant and model, and for SQL over time."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from pipeline.types import Transcript

LOW_CONFIDENCE: Final = 0.5
"""Words below are counted. What share is usual depends on model and recordings: it is the change that tells."""


def quality(transcript: Transcript) -> dict[str, Any]:
    """Return shares 0..1, counts and warnings by kind; null where a recording holds nothing to measure it on."""
    words, turns = transcript.words, transcript.diarization.turns
    attributed = [word.evidence for word in words if word.evidence is not None]
    speech = sum(segment.end - segment.start for segment in transcript.speech)
    confidences = [turn.confidence for turn in turns if turn.confidence is not None]
    return {
        "words": len(words),
        "words_per_minute_of_speech": _ratio(60.0 * len(words), speech),
        "low_confidence_words": _ratio(sum(word.confidence < LOW_CONFIDENCE for word in words), len(words)),
        "unattributed_words": _ratio(sum(word.speaker is None for word in words), len(words)),
        "speaker_margin": _ratio(sum(evidence.margin for evidence in attributed), len(attributed)),
        "turn_confidence": _ratio(sum(confidences), len(confidences)),
        "speakers": len(transcript.diarization.speakers),
        "speech": _ratio(speech, transcript.duration),
        "overlap": _ratio(sum(evidence.overlap for evidence in attributed), len(attributed)),
        "dropped_spans": dict(Counter(span.reason for span in transcript.dropped)),
        "warnings": dict(Counter(notice.code for notice in transcript.notices)),
    }


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None
